"""Short-time Fourier analysis and synthesis of half-overlapping frames, by default 20 ms long, at any sample rate.

The Vorbis window is power-complementary, so that using it for analysis and synthesis gives back the signal. What
the functions do to whole signals, `Analyser` and `Synthesiser` do block by block.

References
----------
J.-M. Valin et al., "A perceptually-motivated approach for low-complexity, real-time enhancement of fullband
speech", Interspeech 2020 (PercepNet), section 2; the window is that of the Vorbis I specification, section 1.3.2.
"""

from functools import lru_cache

import numba
import numpy as np
import scipy.fft

__all__ = [
    "Analyser",
    "Synthesiser",
    "analyse",
    "analyse_frames",
    "frame_signal",
    "hop_length",
    "n_frames",
    "overlap_add",
    "split_frames",
    "synthesise",
    "synthesise_frames",
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


def n_frames(n_samples: int, hop: int) -> int:
    """Frames that `analyse` makes of ``n_samples``: every sample lies in exactly two of them.

    Examples
    --------
    >>> n_frames(48_000, 480)
    101
    """
    return -(-n_samples // hop) + 1


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


def frame_signal(x: np.ndarray, hop: int) -> np.ndarray:
    """Cut ``x`` into half-overlapping frames, unwindowed.

    Frame l holds samples (l - 1) hop to (l + 1) hop - 1; samples outside the signal are zero.

    Parameters
    ----------
    x : float array, shape (n_samples,)
    hop : int
        Samples between frames, `hop_length` of the sample rate for frames of 20 ms.

    Returns
    -------
    array of the same dtype, shape (frames, 2 hop)
        A read-only view of one padded copy.
    """
    if x.ndim != 1:
        raise ValueError(
            f"expected one channel, shape (n_samples,), found shape {x.shape}; pass each channel alone"
        )
    padded = np.zeros((n_frames(len(x), hop) + 1) * hop, dtype=x.dtype)
    padded[hop : hop + len(x)] = x
    return split_frames(padded, hop)


def split_frames(hops: np.ndarray, hop: int) -> np.ndarray:
    """Half-overlapping frames of a whole number of hops: a read-only view, shape (hops - 1, 2 hop)."""
    return np.lib.stride_tricks.sliding_window_view(hops, 2 * hop)[::hop]


def analyse(x: np.ndarray, hop: int) -> np.ndarray:
    """Windowed spectrum of each frame.

    Parameters
    ----------
    x : float32 or float64 array, shape (n_samples,)
    hop : int
        Samples between frames.

    Returns
    -------
    complex64 or complex128 array, shape (frames, hop + 1)
        Bins are 50 Hz apart where the hop is exactly 10 ms; frames as in `frame_signal`.

    Examples
    --------
    >>> analyse(np.zeros(48_000), 480).shape
    (101, 481)
    """
    return analyse_frames(frame_signal(x, hop))


def analyse_frames(frames: np.ndarray) -> np.ndarray:
    """Spectrum of each windowed frame: shape (frames, 2 hop) to (frames, hop + 1)."""
    return scipy.fft.rfft(frames * vorbis_window(frames.shape[1], frames.dtype.str), axis=1)


def synthesise(spectrum: np.ndarray, n_samples: int) -> np.ndarray:
    """Inverse of `analyse`: windowed overlap-add.

    Parameters
    ----------
    spectrum : complex array, shape (frames, hop + 1)
    n_samples : int
        Length of the signal that was analysed.

    Returns
    -------
    float array, shape (n_samples,)

    Examples
    --------
    >>> x = np.sin(np.arange(1000))
    >>> bool(np.allclose(synthesise(analyse(x, 80), 1000), x, atol=1e-12))
    True
    """
    expected = n_frames(n_samples, spectrum.shape[1] - 1)
    if len(spectrum) != expected:
        raise ValueError(f"{n_samples} samples have a spectrum of {expected} frames, found {spectrum.shape}")
    return overlap_add(synthesise_frames(spectrum))[:n_samples]


def synthesise_frames(spectrum: np.ndarray) -> np.ndarray:
    """Windowed frames to be overlapped and added: shape (frames, hop + 1) to (frames, 2 hop)."""
    frames = scipy.fft.irfft(spectrum, n=2 * (spectrum.shape[1] - 1), axis=1)
    return frames * vorbis_window(frames.shape[1], frames.dtype.str)


def overlap_add(frames: np.ndarray) -> np.ndarray:
    """Add half-overlapping frames of shape (frames, 2 hop) and drop the first half frame of padding."""
    hop = frames.shape[1] // 2
    return (frames[:-1, hop:] + frames[1:, :hop]).reshape(-1)


class Analyser:
    """`analyse` of a signal that arrives block by block.

    Parameters
    ----------
    hop : int
        Samples between frames.
    dtype : dtype
        Of the samples.

    Examples
    --------
    >>> x = np.sin(np.arange(240.0))
    >>> analyser = Analyser(80, np.float64)
    >>> frames = [analyser.process(x[:160]), analyser.process(x[160:])]
    >>> bool(np.allclose(np.concatenate(frames), analyse(x, 80)[:3], atol=1e-12))
    True
    """

    def __init__(self, hop: int, dtype: np.typing.DTypeLike) -> None:
        self._last = np.zeros(hop, dtype)

    def process(self, block: np.ndarray) -> np.ndarray:
        """Spectra of the frames that ``block``, a whole number of hops, completes: one per hop.

        The last frame of a signal is completed by one hop of zeros after its end.
        """
        hop = len(self._last)
        if len(block) % hop:
            raise ValueError(f"expected a multiple of {hop} samples, found {len(block)}; collect whole hops first")
        samples = block.astype(self._last.dtype, copy=False)
        frames = np.empty((len(samples) // hop, 2 * hop), samples.dtype)
        _window_hops(self._last, samples, vorbis_window(2 * hop, samples.dtype.str), frames)
        return scipy.fft.rfft(frames, axis=1)


class Synthesiser:
    """`synthesise` of spectra that arrive frame by frame; the output lags by one hop, for frames to overlap.

    Parameters
    ----------
    hop : int
        Samples between frames.
    dtype : dtype
        Of the samples.
    """

    def __init__(self, hop: int, dtype: np.typing.DTypeLike) -> None:
        self._tail = np.zeros(hop, dtype)

    def process(self, spectrum: np.ndarray) -> np.ndarray:
        """One hop of samples for each frame of ``spectrum``, shape (frames, hop + 1).

        The first hop that a stream gives lies before the signal.
        """
        hop = len(self._tail)
        frames = scipy.fft.irfft(spectrum, n=2 * hop, axis=1)
        out = np.empty(len(frames) * hop, frames.dtype)
        _overlap_hops(frames, vorbis_window(2 * hop, frames.dtype.str), self._tail, out)
        return out


# One pass over the samples where NumPy takes a call for each step: single hops are what streams are made of.
@numba.njit(cache=True, nogil=True)
def _window_hops(last: np.ndarray, samples: np.ndarray, window: np.ndarray, out: np.ndarray) -> None:
    """Windowed frames of each hop and the one before it; ``last`` becomes the last of the samples."""
    hop = len(last)
    for frame in range(len(out)):
        for i in range(hop):
            out[frame, i] = last[i] * window[i]
            last[i] = samples[frame * hop + i]
            out[frame, hop + i] = last[i] * window[hop + i]


@numba.njit(cache=True, nogil=True)
def _overlap_hops(frames: np.ndarray, window: np.ndarray, tail: np.ndarray, out: np.ndarray) -> None:
    """Windowed frames overlapped and added; ``tail`` becomes the second half of the last."""
    hop = len(tail)
    for frame in range(len(frames)):
        for i in range(hop):
            out[frame * hop + i] = frames[frame, i] * window[i] + tail[i]
            tail[i] = frames[frame, hop + i] * window[hop + i]
