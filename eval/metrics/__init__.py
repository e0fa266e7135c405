"""Metrics, one file each; a file that lies here is a metric."""

from percepkit.eval.metrics._interface import (
    HEADLINE,
    MetricSpec,
    Outcome,
    Panel,
    Unscorable,
    load,
    names,
    score_all,
)

__all__ = ["HEADLINE", "MetricSpec", "Outcome", "Panel", "Unscorable", "load", "names", "score_all"]
