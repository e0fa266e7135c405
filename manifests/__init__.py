"""Tables of source audio: scan, and the embedded demo corpus (floor 3)."""
