"""Metrics, one file each; a file that lies here is a metric."""

from percepkit.eval.metrics._interface import (
    HEADLINE,
    MetricSpec,
    Outcome,
    Panel,
    Unscorable,
    installed,
    load,
    load_installed,
    names,
    score_all,
)

__all__ = [
    "HEADLINE",
    "MetricSpec",
    "Outcome",
    "Panel",
    "Unscorable",
    "installed",
    "load",
    "load_installed",
    "names",
    "score_all",
]
