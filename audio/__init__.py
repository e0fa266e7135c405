"""Reading, writing and resampling of sound: the only place that touches audio files (floor 1)."""
