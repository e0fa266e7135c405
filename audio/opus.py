"""Sound for browsers: Ogg Opus in memory, the same bytes for the same samples."""

import io
import zlib

import numpy as np
import soundfile

from percepkit.audio.resampling import resample

__all__ = ["encode_opus"]

RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_COMPRESSION = 0.84  # libsndfile's scale; about 48 kbit/s for one channel
_MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def encode_opus(x: np.ndarray, sample_rate: int) -> bytes:
    """Encode one channel as Ogg Opus of about 48 kbit/s.

    Parameters
    ----------
    x : float array, shape (n_samples,)
        Within ±1.
    sample_rate : int
        Hz; rates that Opus does not know are resampled to the next higher one.

    Returns
    -------
    bytes
        libsndfile draws the stream's serial number from the clock; here it is zero.

    Examples
    --------
    >>> encode_opus(np.zeros(16_000), 16_000)[:4]
    b'OggS'
    """
    if x.ndim != 1 or not len(x):
        raise ValueError(f"expected samples of one channel, got the shape {x.shape}")
    rate = next((known for known in RATES if known >= sample_rate), RATES[-1])
    buffer = io.BytesIO()
    soundfile.write(
        buffer, resample(x, sample_rate, rate), rate, format="OGG", subtype="OPUS", compression_level=_COMPRESSION
    )
    return _without_serial(buffer.getvalue())


def _without_serial(stream: bytes) -> bytes:
    """Set the serial number of every page to zero, and its checksum right (RFC 3533, section 6)."""
    pages, start = [], 0
    while start < len(stream):
        n_segments = stream[start + 26]
        head = start + 27 + n_segments
        end = head + sum(stream[start + 27 : head])
        page = bytearray(stream[start:end])
        page[14:18] = page[22:26] = bytes(4)
        page[22:26] = _checksum(bytes(page))
        pages.append(bytes(page))
        start = end
    return b"".join(pages)


def _checksum(page: bytes) -> bytes:
    """CRC-32 with the highest bit first, from 0 and not turned over: zlib's with mirrored bits."""
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return mirrored.to_bytes(4, "big").translate(_MIRRORED)
