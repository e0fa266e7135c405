"""Short-time Fourier analysis and synthesis with 20 ms frames, 10 ms apart, at any sample rate.

The Vorbis window is power-complementary, so that using it for analysis and synthesis gives back the signal.

References
----------
J.-M. Valin et al., "A perceptually-motivated approach for low-complexity, real-time enhancement of fullband
speech", Interspeech 2020 (PercepNet), section 2; the window is that of the Vorbis I specification, section 1.3.2.
"""

from functools import lru_cache

import numpy as np
import scipy.fft

__all__ = [
    "analyse",
    "analyse_frames",
    "frame_signal",
    "hop_length",
    "n_frames",
    "overlap_add",
    "synthesise",
    "vorbis_window",
]


def hop_length(sample_rate: int) -> int:
    """Samples between frames: 10 ms, rounded half up; a frame is twice as long.

    Examples
    --------
    >>> hop_length(48_000), hop_length(44_100), hop_length(22_050)
    (480, 441, 221)
    """
    if sample_rate < 100:
        raise ValueError(f"sample_rate is {sample_rate} Hz; frames of 10 ms need at least 100 Hz")
    return int(sample_rate / 100 + 0.5)


def n_frames(n_samples: int, sample_rate: int) -> int:
    """Frames that `analyse` makes of ``n_samples``: every sample lies in exactly two of them.

    Examples
    --------
    >>> n_frames(48_000, 48_000)
    101
    """
    return -(-n_samples // hop_length(sample_rate)) + 1


@lru_cache(maxsize=32)
def vorbis_window(n: int, dtype: str = "float64") -> np.ndarray:
    """Vorbis window of even length ``n``: w(i)^2 + w(i + n/2)^2 = 1.

    Returns
    -------
    array, shape (n,), read-only

    Examples
    --------
    >>> w = vorbis_window(960)
    >>> bool(np.allclose(w[:480] ** 2 + w[480:] ** 2, 1))
    True
    """
    phase = np.sin(np.pi * (np.arange(n) + 0.5) / n)
    window: np.ndarray = np.sin(np.pi / 2 * phase**2).astype(dtype)
    window.setflags(write=False)
    return window


def frame_signal(x: np.ndarray, sample_rate: int) -> np.ndarray:
    """Cut ``x`` into half-overlapping frames, unwindowed.

    Frame l holds samples (l - 1) hop to (l + 1) hop - 1; samples outside the signal are zero.

    Parameters
    ----------
    x : float array, shape (n_samples,)
    sample_rate : int
        In Hz.

    Returns
    -------
    array of the same dtype, shape (frames, 2 hop)
        A read-only view of one padded copy.
    """
    if x.ndim != 1:
        raise ValueError(
            f"expected one channel, shape (n_samples,), found shape {x.shape}; pass each channel alone"
        )
    hop = hop_length(sample_rate)
    frames = n_frames(len(x), sample_rate)
    padded = np.zeros((frames + 1) * hop, dtype=x.dtype)
    padded[hop : hop + len(x)] = x
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop]


def analyse(x: np.ndarray, sample_rate: int) -> np.ndarray:
    """Windowed spectrum of each 20 ms frame.

    Parameters
    ----------
    x : float32 or float64 array, shape (n_samples,)
    sample_rate : int
        In Hz.

    Returns
    -------
    complex64 or complex128 array, shape (frames, hop + 1)
        Bins are 50 Hz apart where the hop is exactly 10 ms; frames as in `frame_signal`.

    Examples
    --------
    >>> analyse(np.zeros(48_000), 48_000).shape
    (101, 481)
    """
    return analyse_frames(frame_signal(x, sample_rate))


def analyse_frames(frames: np.ndarray) -> np.ndarray:
    """Spectrum of each windowed frame: shape (frames, 2 hop) to (frames, hop + 1)."""
    return scipy.fft.rfft(frames * vorbis_window(frames.shape[1], frames.dtype.name), axis=1)


def synthesise(spectrum: np.ndarray, n_samples: int, sample_rate: int) -> np.ndarray:
    """Inverse of `analyse`: windowed overlap-add.

    Parameters
    ----------
    spectrum : complex array, shape (frames, hop + 1)
    n_samples : int
        Length of the signal that was analysed.
    sample_rate : int
        In Hz.

    Returns
    -------
    float array, shape (n_samples,)

    Examples
    --------
    >>> x = np.sin(np.arange(1000))
    >>> bool(np.allclose(synthesise(analyse(x, 8000), 1000, 8000), x, atol=1e-12))
    True
    """
    expected = (n_frames(n_samples, sample_rate), hop_length(sample_rate) + 1)
    if spectrum.shape != expected:
        raise ValueError(
            f"{n_samples} samples at {sample_rate} Hz have a spectrum of shape {expected}, found {spectrum.shape}"
        )
    frames = scipy.fft.irfft(spectrum, n=2 * hop_length(sample_rate), axis=1)
    return overlap_add(frames * vorbis_window(frames.shape[1], frames.dtype.name))[:n_samples]


def overlap_add(frames: np.ndarray) -> np.ndarray:
    """Add half-overlapping frames of shape (frames, 2 hop) and drop the first half frame of padding."""
    hop = frames.shape[1] // 2
    return (frames[:-1, hop:] + frames[1:, :hop]).reshape(-1)
