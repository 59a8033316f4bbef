"""A real site that is broken in one way after the other while Prometheus looks: what the picture shows."""
