"""Denoisers that percepkit ships, and the oracles (floor 5)."""
