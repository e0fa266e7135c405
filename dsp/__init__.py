"""Pure functions on arrays: analysis, levels, pitch, masks, filters, generated noise (floor 0)."""
