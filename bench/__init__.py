"""The benchmark: what a request costs the bridge, beside peers that do the same work."""
