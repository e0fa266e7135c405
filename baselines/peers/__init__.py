"""Other people's denoisers, by their Python packages: one file each, of the optional extra ``peers``.

Their packages are imported when a denoiser first runs. What they return is late by a delay that is a property of
their code; it is undone here, since SI-SDR would lose tens of decibels to it.
"""
