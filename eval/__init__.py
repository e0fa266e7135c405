"""Metrics, scoring, statistics and the report (floor 6)."""
