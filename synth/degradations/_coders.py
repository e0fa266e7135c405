"""Coders that libsndfile brings: at which rate each runs, how it is set, and a trip through it in memory."""

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
import soundfile

from percepkit.audio.decoding import BLOCK_FRAMES, Sound

__all__ = ["CODERS", "Coder", "Kind", "Trip", "bitrate_kbps", "coder_rate", "round_trip"]

Kind = Literal["mp3", "opus", "vorbis", "gsm", "mu-law", "a-law"]

# Encoder 576 and decoder 529 samples (LAME's technical FAQ). libsndfile takes them away by the file's Info tag,
# which LAME leaves out where a frame is too small to hold it.
MP3_DELAY = 1105

# Opus codes speech at low bitrates in its SILK mode, which runs at 8 or 16 kHz inside. At a higher rate outside,
# that mode lags by -2 to +3 samples and other modes do not, and the encoder changes modes within a file. Run at
# SILK's own rates no mode has a delay; from 64 kbit/s on, SILK is never used.
OPUS_RATE_LIMITS = ((12.0, 8_000), (64.0, 16_000))
# libsndfile ends Opus a little early: the last millisecond would be lost in the overlap of frames.
OPUS_TAIL_SECONDS = 0.01


@dataclass(frozen=True)
class Coder:
    """How libsndfile knows a coder, and the rates it takes (Hz, ascending)."""

    container: str
    subtype: str
    rates: tuple[int, ...]


MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
CODERS: dict[Kind, Coder] = {
    "mp3": Coder("MP3", "MPEG_LAYER_III", MP3_RATES),
    "opus": Coder("OGG", "OPUS", (8_000, 12_000, 16_000, 24_000, 48_000)),
    "vorbis": Coder("OGG", "VORBIS", MP3_RATES),
    "gsm": Coder("AIFF", "GSM610", (8_000,)),  # in WAV, silence would begin with a click
    "mu-law": Coder("AU", "ULAW", (8_000,)),
    "a-law": Coder("AU", "ALAW", (8_000,)),
}


@dataclass(frozen=True, eq=False)
class Trip:
    """What came back: as many samples as went in, aligned; the delay that was taken away; the bytes between."""

    signal: np.ndarray
    delay_samples: int
    n_bytes: int


def _bitrate_range(kind: Kind, rate: int) -> tuple[float, float]:
    """Lowest and highest bitrate in kbit/s that libsndfile sets for one channel; it takes a share of the way."""
    if kind == "opus":
        return 6.0, 256.0
    if rate >= 32_000:  # MPEG-1, then MPEG-2, then MPEG-2.5
        return 32.0, 320.0
    return (8.0, 160.0) if rate >= 16_000 else (8.0, 64.0)


def bitrate_kbps(kind: Kind, rate: int, quality: float) -> float:
    """Bitrate of MP3 or Opus in kbit/s, on a geometric scale from the lowest at quality 0.

    Examples
    --------
    >>> [round(bitrate_kbps("opus", 48_000, quality), 1) for quality in (0, 0.5, 1)]
    [6.0, 39.2, 256.0]
    """
    lowest, highest = _bitrate_range(kind, rate)
    return lowest * (highest / lowest) ** quality


def coder_rate(kind: Kind, sample_rate: int, quality: float, rate_limit_hz: int | None) -> int:
    """Rate in Hz a coder runs at: its lowest that loses nothing, or the highest it is allowed.

    Examples
    --------
    >>> coder_rate("mp3", 96_000, 0.5, None), coder_rate("vorbis", 44_100, 0.5, 20_000)
    (48000, 16000)
    >>> [coder_rate("opus", 48_000, quality, None) for quality in (0.1, 0.5, 0.9)]
    [8000, 16000, 48000]
    """
    limits = [] if rate_limit_hz is None else [rate_limit_hz]
    if kind == "opus":
        kbps = bitrate_kbps(kind, sample_rate, quality)
        limits += [limit for below, limit in OPUS_RATE_LIMITS if kbps < below]
    allowed = [rate for rate in CODERS[kind].rates if all(rate <= limit for limit in limits)]
    return next((rate for rate in allowed if rate >= sample_rate), allowed[-1])


def _options(kind: Kind, rate: int, quality: float) -> dict[str, str | float]:
    if kind == "vorbis":
        return {"compression_level": 1 - quality}
    if kind not in ("mp3", "opus"):
        return {}
    lowest, highest = _bitrate_range(kind, rate)
    level = (highest - bitrate_kbps(kind, rate, quality)) / (highest - lowest)
    # libsndfile cuts MP3's bitrate down to a whole number, and refuses the last level.
    options: dict[str, str | float] = {"compression_level": min(max(level, 0.0), 0.9999)}
    return options | ({"bitrate_mode": "CONSTANT"} if kind == "mp3" else {})


def round_trip(x: np.ndarray, rate: int, kind: Kind, quality: float) -> Trip:
    """Encode into memory and decode again.

    Parameters
    ----------
    x : float32 array, shape (n_samples,)
        At least one sample, between -1 and 1.
    rate : int
        One of the coder's rates, Hz.
    kind : str
    quality : float
        0 to 1; GSM and G.711 have only one.

    Returns
    -------
    Trip
    """
    coder = CODERS[kind]
    n_samples = len(x)
    if kind == "opus":
        x = np.concatenate([x, np.zeros(round(OPUS_TAIL_SECONDS * rate), np.float32)])
    memory = io.BytesIO()
    with soundfile.SoundFile(
        memory, "w", rate, 1, coder.subtype, None, coder.container, **_options(kind, rate, quality)
    ) as sound:
        for first in range(0, len(x), BLOCK_FRAMES):
            sound.write(x[first : first + BLOCK_FRAMES])
    n_bytes = memory.seek(0, io.SEEK_END)
    memory.seek(0)
    with Sound(memory) as sound:
        blocks = []
        # The promised length may be an estimate: read on until nothing comes.
        while len(block := sound.read(BLOCK_FRAMES, dtype="float32")):
            blocks.append(block)
    y = np.concatenate([*blocks, np.zeros(0, np.float32)])
    delay = MP3_DELAY if kind == "mp3" and len(y) > n_samples else 0
    y = y[delay : delay + n_samples]
    if len(y) < n_samples:
        raise RuntimeError(f"{kind} at {rate} Hz gave {len(y)} of {n_samples} samples back; report this")
    return Trip(y, delay, n_bytes)
