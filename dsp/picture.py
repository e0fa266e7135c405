"""Spectrograms and tables of shares as small PNG pictures without axes; the pages that show them draw those."""

import struct
import zlib

import numpy as np

from percepkit.dsp.stft import analyse, hop_length

__all__ = ["encode_png", "level_db", "share_png", "shrink", "spectrogram_png"]

MAX_COLUMNS = 360
MAX_ROWS = 160
RANGE_DB = 75.0
SHADES = 64
UNKNOWN = (128, 128, 128)  # grey, which no palette has


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
    return share_png((level - top_db) / RANGE_DB + 1, "magma")


def share_png(share: np.ndarray, palette: str) -> bytes:
    """Draw numbers from 0 to 1 with 64 shades; those beyond are drawn as 0 and 1, NaN in grey.

    Parameters
    ----------
    share : float array, shape (rows, columns)
        The first row is drawn at the top.
    palette : str
        One of matplotlib's.
    """
    import matplotlib as mpl

    colours = mpl.colormaps[palette](np.linspace(0, 1, SHADES), bytes=True)[:, :3]
    known = np.isfinite(share)
    index = np.rint(np.clip(np.where(known, share, 0), 0, 1) * (SHADES - 1))
    if known.all():
        return encode_png(index.astype(np.uint8), colours)
    with_grey = np.concatenate([colours, np.array([UNKNOWN], np.uint8)])
    return encode_png(np.where(known, index, SHADES).astype(np.uint8), with_grey)


def shrink(table: np.ndarray) -> np.ndarray:
    """Average neighbours until at most 160 rows and 360 columns are left; NaN does not count.

    Parameters
    ----------
    table : float array, shape (rows, columns)

    Returns
    -------
    float64 array, shape (at most 160, at most 360)
        NaN where there was nothing else.

    Examples
    --------
    >>> shrink(np.array([[0.0, np.nan]])).tolist()
    [[0.0, nan]]
    >>> wide = np.tile([0.0, 1.0, np.nan, 1.0], 180)[None]
    >>> shrink(wide).shape, shrink(wide)[0, :2].tolist()
    ((1, 360), [0.5, 1.0])
    """
    known = np.isfinite(table)
    total, count = (
        _average(_average(x.astype(np.float64), MAX_COLUMNS, axis=1), MAX_ROWS, axis=0)
        for x in (np.where(known, table, 0), known)
    )
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


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
