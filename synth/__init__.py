"""From a recipe over a plan to a rendered corpus with its targets (floor 4)."""
