"""Spectrograms as small PNG pictures without axes; the page draws those."""

import struct
import zlib

import numpy as np

from percepkit.dsp.stft import analyse, hop_length

__all__ = ["encode_png", "level_db", "spectrogram_png"]

MAX_COLUMNS = 360
MAX_ROWS = 160
RANGE_DB = 75.0
SHADES = 64


def level_db(x: np.ndarray, sample_rate: int) -> np.ndarray:
    """Power spectrogram in dB, averaged (as power) down to at most 160 bands by 360 columns.

    Parameters
    ----------
    x : float array, shape (n_samples,)
    sample_rate : int
        In Hz.

    Returns
    -------
    float64 array, shape (rows, columns)
        Row 0 is the highest frequency.
    """
    power = np.abs(analyse(x.astype(np.float64), hop_length(sample_rate))) ** 2
    power = _average(_average(power, MAX_COLUMNS, axis=0), MAX_ROWS, axis=1)
    return 10 * np.log10(power.T[::-1] + 1e-12)


def spectrogram_png(level: np.ndarray, top_db: float) -> bytes:
    """Draw a spectrogram with 64 shades from ``top_db`` (brightest) to 75 dB below it.

    Parameters
    ----------
    level : float array, shape (rows, columns)
        In dB, see `level_db`.
    top_db : float
        The level of the brightest shade; pictures to be compared must share it.
    """
    import matplotlib as mpl

    share = np.clip((level - top_db) / RANGE_DB + 1, 0, 1)
    palette = mpl.colormaps["magma"](np.linspace(0, 1, SHADES), bytes=True)[:, :3]
    return encode_png(np.rint(share * (SHADES - 1)).astype(np.uint8), palette)


def encode_png(index: np.ndarray, palette: np.ndarray) -> bytes:
    r"""Encode a picture with a palette (PNG specification, third edition, colour type 3).

    A third of the size of the true-colour pictures that matplotlib writes.

    Parameters
    ----------
    index : uint8 array, shape (rows, columns)
    palette : uint8 array, shape (colours, 3)

    Examples
    --------
    >>> png = encode_png(np.zeros((2, 3), np.uint8), np.array([[255, 0, 0]], np.uint8))
    >>> png[:8]
    b'\x89PNG\r\n\x1a\n'
    """
    rows, columns = index.shape
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    lines = np.pad(index, ((0, 0), (1, 0)))  # every line starts with its filter: 0, none
    chunks = [
        (b"IHDR", header),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _average(power: np.ndarray, most: int, *, axis: int) -> np.ndarray:
    """Mean over runs of neighbours so that at most ``most`` entries are left along ``axis``."""
    n = power.shape[axis]
    starts = np.unique(np.arange(min(n, most)) * n // min(n, most))
    counts = np.diff(np.append(starts, n))
    return np.add.reduceat(power, starts, axis=axis) / np.expand_dims(counts, 1 - axis)
