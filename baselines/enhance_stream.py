"""Run a causal denoiser over raw PCM from one stream to another, as it arrives.

The output is as long as the input and aligned with it: the zeros with which a denoiser's stream begins are left
out, and its end is flushed. Listened to, it comes late by the denoiser's latency.
"""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np

from percepkit.baselines.denoiser import CausalDenoiser, Denoiser
from percepkit.baselines.meter import OnBlock
from percepkit.baselines.registry import load, names

__all__ = ["ENCODINGS", "enhance_pcm", "require_causal"]

#: Names of the sample formats, as ffmpeg calls them, and their types.
ENCODINGS: Mapping[str, np.dtype] = MappingProxyType(
    {"s16le": np.dtype("<i2"), "s32le": np.dtype("<i4"), "f32le": np.dtype("<f4")}
)
CHUNK_BYTES = 2**16  # most that is read at once; what has arrived is not kept waiting


class _Source(Protocol):
    def read1(self, size: int, /) -> bytes:
        """Read what there is, at most ``size`` bytes; nothing at the end."""


class _Target(Protocol):
    def write(self, data: bytes, /) -> object:
        """Write all of it."""

    def flush(self) -> object:
        """Send it on."""


def require_causal(denoiser: Denoiser, sample_rate: int) -> CausalDenoiser:
    """Return ``denoiser`` if it runs on a stream at ``sample_rate`` Hz.

    Raises
    ------
    ValueError
        If it does not; the message names those that do.
    """
    native = denoiser.spec.native_sample_rates
    if not isinstance(denoiser, CausalDenoiser):
        causal = [name for name in names() if load(name).spec.causal]
        raise ValueError(
            f"{denoiser.spec.name} works on whole recordings and not on a stream; give it a file, "
            f"or choose from {', '.join(causal)}"
        )
    if native is not None and sample_rate not in native:
        rates = " or ".join(str(rate) for rate in native)
        raise ValueError(f"{denoiser.spec.name} streams at {rates} Hz, found {sample_rate}; resample the stream")
    return denoiser


def enhance_pcm(
    source: _Source,
    target: _Target,
    denoiser: Denoiser,
    *,
    encoding: str,
    sample_rate: int,
    channels: int = 1,
    on_block: OnBlock | None = None,
) -> int:
    """Enhance raw PCM, each channel on its own, in the encoding in which it comes.

    Parameters
    ----------
    source, target : binary streams
        Read with ``read1``, so that a block is as long as what has arrived; written and flushed block by block.
    denoiser : Denoiser
        A causal one.
    encoding : str
        A name in `ENCODINGS`; channels are interleaved.
    sample_rate : int
        In Hz.
    channels : int
    on_block : callable, optional
        Called after each block, see `percepkit.baselines.meter.OnBlock`; the enhanced one comes late by the
        latency of the denoiser.

    Returns
    -------
    int
        Samples of output beyond full scale; they are clipped, but for floats.

    Raises
    ------
    ValueError
        If the denoiser cannot stream, or the input ends within a sample.
    """
    if encoding not in ENCODINGS:
        raise ValueError(f"no sample format is called {encoding!r}; choose from {', '.join(ENCODINGS)}")
    if channels < 1:
        raise ValueError(f"expected at least 1 channel, found {channels}")
    causal = require_causal(denoiser, sample_rate)
    streams = [causal.stream(sample_rate) for _ in range(channels)]
    to_drop, n_clipped = causal.latency_samples(sample_rate), 0
    frame_bytes, rest = channels * ENCODINGS[encoding].itemsize, b""
    while chunk := source.read1(CHUNK_BYTES):
        whole = len(rest + chunk) // frame_bytes * frame_bytes
        noisy, rest = _decoded((rest + chunk)[:whole], encoding, channels), (rest + chunk)[whole:]
        started = time.perf_counter()
        pairs = zip(streams, noisy.T, strict=True)
        late = np.stack([stream.process(np.ascontiguousarray(channel)) for stream, channel in pairs], axis=1)
        if on_block is not None:
            on_block(noisy, late, sample_rate, time.perf_counter() - started)
        n_clipped += _write(target, late[to_drop:], encoding)
        to_drop = max(to_drop - len(late), 0)
    n_clipped += _write(target, np.stack([stream.flush() for stream in streams], axis=1)[to_drop:], encoding)
    if rest:
        raise ValueError(
            f"the input ends {len(rest)} bytes into a sample of {frame_bytes} bytes ({channels} x {encoding}); "
            "check its format and channels"
        )
    return n_clipped


def _decoded(data: bytes, encoding: str, channels: int) -> np.ndarray:
    """Samples of full scale 1, float64, shape (n_samples, channels)."""
    dtype = ENCODINGS[encoding]
    samples = np.frombuffer(data, dtype).reshape(-1, channels).astype(np.float64)
    return samples if dtype.kind == "f" else samples / -float(np.iinfo(dtype).min)


def _write(target: _Target, samples: np.ndarray, encoding: str) -> int:
    dtype = ENCODINGS[encoding]
    n_over = int(np.count_nonzero(np.abs(samples) > 1))
    if dtype.kind == "i":
        limits = np.iinfo(dtype)
        rounded = np.rint(samples * -float(limits.min))
        n_over = int(np.count_nonzero((rounded < limits.min) | (rounded > limits.max)))
        samples = np.clip(rounded, limits.min, limits.max)
    target.write(samples.astype(dtype).tobytes())
    target.flush()
    return n_over
