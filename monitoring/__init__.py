"""What shows how the bridge does: the dashboard, and a Prometheus of one's own to see it with."""
