"""The ceiling: the least work that makes the same files, single precision, nothing measured, checked or kept.

Segments are read, not whole files; the spectra of the rooms are computed once; 16-bit WAV is written without
libsndfile, FLAC at level 0.
"""

import wave
from functools import lru_cache
from pathlib import Path

import numpy as np
import scipy.fft
import soundfile
from _sources import Cut

__all__ = ["copy", "render"]

BLOCK = 4  # FFT length of the overlap-save convolution, in lengths of the response


def render(cuts: list[Cut], out: Path, seconds: float, sample_rate: int, suffix: str) -> None:
    """Convolve and mix each, and write noisy, clean and noise."""
    out.mkdir()
    rng = np.random.default_rng(0)
    spectrum = lru_cache(maxsize=None)(_spectrum)
    n = round(seconds * sample_rate)
    for index, cut in enumerate(cuts):
        speech, noise = _segment(cut.speech, n, rng), _segment(cut.noise, n, rng)
        if cut.room is not None:
            speech = _convolve(speech, *spectrum(cut.room))
        noise = noise * np.float32(np.sqrt(speech @ speech / (noise @ noise) / 10 ** (cut.snr_db / 10)))
        noisy = speech + noise
        scale = min(0.1 * np.sqrt(n / (noisy @ noisy)), 0.99 / max(noisy.max(), -noisy.min()))
        for name, x in (("noisy", noisy), ("clean", speech), ("noise", noise)):
            _write(out / f"{index:06d}.{name}{suffix}", x, float(scale), sample_rate)


def copy(cuts: list[Cut], out: Path, seconds: float, sample_rate: int, suffix: str) -> None:
    """Read the same segments and write as many files, with no computation between: the codec alone."""
    out.mkdir()
    rng = np.random.default_rng(0)
    n = round(seconds * sample_rate)
    for index, cut in enumerate(cuts):
        speech, noise = _segment(cut.speech, n, rng), _segment(cut.noise, n, rng)
        for name, x in (("noisy", speech), ("clean", speech), ("noise", noise)):
            _write(out / f"{index:06d}.{name}{suffix}", x, 0.5, sample_rate)


def _segment(path: Path, n: int, rng: np.random.Generator) -> np.ndarray:
    with soundfile.SoundFile(path) as sound:
        sound.seek(rng.integers(sound.frames - n + 1))
        return sound.read(n, dtype="float32")


def _spectrum(path: Path) -> tuple[np.ndarray, int, int]:
    room, _ = soundfile.read(path, dtype="float32")
    size = scipy.fft.next_fast_len(BLOCK * len(room), real=True)
    return scipy.fft.rfft(room, size), size, len(room) - 1


def _convolve(x: np.ndarray, spectrum: np.ndarray, size: int, overlap: int) -> np.ndarray:
    step = size - overlap
    padded = np.zeros(overlap + -(-len(x) // step) * step, np.float32)
    padded[overlap : overlap + len(x)] = x
    blocks = scipy.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, size)[::step])
    blocks *= spectrum
    return scipy.fft.irfft(blocks, size)[:, overlap:].reshape(-1)[: len(x)]


def _write(path: Path, x: np.ndarray, scale: float, sample_rate: int) -> None:
    samples = np.rint(x * np.float32(32767 * scale)).astype(np.int16)
    if path.suffix == ".wav":
        with wave.open(str(path), "wb") as sound:
            sound.setparams((1, 2, sample_rate, len(samples), "NONE", ""))
            sound.writeframes(samples.tobytes())
        return
    soundfile.write(path, samples, sample_rate, subtype="PCM_16", format="FLAC", compression_level=0.0)
