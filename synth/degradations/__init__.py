"""Degradations of a signal, one module each: filters, band limits, distortions, losses, codecs, wind."""
