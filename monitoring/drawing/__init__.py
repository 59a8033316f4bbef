"""Draws the dashboard's panels with matplotlib, close to how Grafana's dark theme shows them."""
