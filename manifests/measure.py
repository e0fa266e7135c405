"""Measure one audio file for the manifest, in constant memory."""

import os
from hashlib import blake2b
from typing import Any

import numpy as np

from percepkit.audio.files import AudioError, blocks, info, read
from percepkit.dsp.activity import active_span_seconds, effective_bandwidth_hz
from percepkit.dsp.level import active_level_dbfs
from percepkit.dsp.rir import c50_db, drr_db, rt60_seconds
from percepkit.dsp.validity import clipped_samples

__all__ = ["measure", "read_head"]

SILENT_PEAK = 1e-4  # -80 dBFS
MEASURED_SECONDS = 60  # of a long file; its hash, peak and RMS are those of the whole


def measure(folder: str, path: str, kind: str) -> dict[str, Any]:
    """Read one file and measure it; a bad file gives a status, never an exception.

    Parameters
    ----------
    folder, path : str
        The scanned folder and the file's path below it.
    kind : str
        What the file should be; the active level and span are measured on speech, reverberation on a ``rir``,
        activity, clipping and DC on all others.

    Returns
    -------
    dict
        The columns of `percepkit.manifests.table.COLUMNS` that the audio itself tells.
    """
    row: dict[str, Any] = {"path": path}
    try:
        header = info(os.path.join(folder, path))
        row |= {
            "duration": header.duration_seconds,
            "sample_rate": header.sample_rate,
            "channels": header.channels,
            "frames": header.frames,
        }
        head, first_peak = _read_through(os.path.join(folder, path), header.sample_rate, row)
        if first_peak < SILENT_PEAK:
            raise AudioError("silent", path, f"the first channel's peak is {first_peak:.2g}, below -80 dBFS")
        row |= _analyse(head, header.sample_rate, kind)
        if kind == "speech" and header.duration_seconds > MEASURED_SECONDS:
            row["active_end"] = header.duration_seconds
        row |= {"status": "ok", "reason": None}
    except AudioError as error:
        # The manifest knows the file by its path in the folder, wherever the folder is.
        row |= {"status": error.status, "reason": f"{path}: {error.reason}"}
    except OSError as error:
        row |= {"status": "unreadable", "reason": f"{path}: {error.strerror or error}"}
    return row


def _read_through(name: str, sample_rate: int, row: dict[str, Any]) -> tuple[np.ndarray, float]:
    """Hash, peak and RMS of the whole file; returns the start and the peak of its first channel."""
    digest = blake2b(digest_size=16)
    head: list[np.ndarray] = []
    peaks = np.zeros(1)
    energy = 0.0
    n_samples = n_head = 0
    for block in blocks(name):
        digest.update(np.ascontiguousarray(block, "<f4").tobytes())
        peaks = np.maximum(peaks, np.abs(block).max(axis=0))
        energy += float(np.square(block, dtype=np.float64).sum())
        n_samples += block.size
        if n_head < MEASURED_SECONDS * sample_rate:
            head.append(block[: MEASURED_SECONDS * sample_rate - n_head, 0].copy())
            n_head += len(head[-1])
    level = 10 * np.log10(energy / n_samples) if energy else -np.inf
    row |= {"hash": digest.hexdigest(), "peak": float(peaks.max()), "rms_level": level}
    return np.concatenate(head), float(peaks[0])


def _analyse(x: np.ndarray, sample_rate: int, kind: str) -> dict[str, float]:
    measures = {"effective_bandwidth": effective_bandwidth_hz(x, sample_rate)}
    if kind != "rir":
        level, measures["activity_share"] = active_level_dbfs(x, sample_rate)
        measures["clipped_share"] = float(clipped_samples(x).mean())
        measures["dc_offset"] = abs(float(x.mean(dtype=np.float64)))
        if kind == "speech":
            measures["active_level"] = level
            measures["active_start"], measures["active_end"] = active_span_seconds(x, sample_rate)
    if kind == "rir" and x.any():
        measures["rt60"] = rt60_seconds(x, sample_rate)
        measures["drr"] = drr_db(x, sample_rate)
        measures["c50"] = c50_db(x, sample_rate)
    return measures


def read_head(path: str | os.PathLike[str]) -> tuple[np.ndarray, int]:
    """First channel of a file's first 60 s, what most columns are measured on.

    Returns
    -------
    x : float32 array, shape (n_samples,)
    sample_rate : int
        In Hz.

    Raises
    ------
    AudioError
        As `percepkit.audio.files.read`.
    """
    header = info(path)
    return read(path, frames=min(header.frames, MEASURED_SECONDS * header.sample_rate), channel=0)
