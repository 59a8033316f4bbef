"""The bridge's peers: other ways to do the same work, each the best honest version of itself."""
