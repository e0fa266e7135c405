"""Speech and audio coders: MP3, Opus, Vorbis, GSM full rate, and G.711 mu-law and A-law.

They come with libsndfile, inside the soundfile package; no program is called and no file is written.
"""

import numpy as np
from pydantic import Field

from percepkit.audio.resampling import resample
from percepkit.dsp.activity import kept_bandwidth_hz
from percepkit.synth.degradations._coders import Kind, coder_rate, round_trip
from percepkit.synth.degradations._interface import (
    Degradation,
    Degraded,
    Parameters,
    check_signal,
    energy_ratio_db,
    finite,
)

__all__ = ["DEGRADATION", "Codec", "apply"]


class Codec(Parameters):
    """Which coder, how good, and at most at which rate."""

    kind: Kind = Field("opus", description="the coder; GSM and G.711 run at 8 kHz")
    quality: float = Field(
        0.5, ge=0, le=1,
        description="1 is best. Bitrate in kbit/s of Opus 6 * (256 / 6)^quality, of MP3 32 * 10^quality from "
        "32 kHz on, 8 * 20^quality from 16 kHz on, else 8 * 8^quality; Vorbis' own scale. GSM and G.711 have one",
    )  # fmt: skip
    rate_limit_hz: int | None = Field(
        None, ge=8_000, le=192_000, description="the coder runs at no higher rate; none: the signal's is enough"
    )


def apply(x: np.ndarray, sample_rate: int, parameters: Codec, key: int) -> Degraded:
    """Encode and decode a signal.

    The coder runs at its lowest rate that holds the signal's whole band, unless `rate_limit_hz` or the coder
    allow less. Opus runs at 8 kHz at most below 12 kbit/s and at 16 kHz at most below 64 kbit/s: at higher
    rates its low-bitrate modes are not aligned with each other.

    Returns
    -------
    Degraded
        Aligned to less than 0.05 samples of the coder's rate (0.1 where Opus models rather than codes, below
        20 kbit/s), and complete to the last sample. ``bandwidth_hz`` is the highest frequency that the coder
        kept, at most half its rate, where that is below the signal's own. ``clipped`` marks samples beyond full
        scale 1, where every coder's input ends. Measured: ``sdr_db`` of the signal over the change (what the
        band lost included), ``coder_rate_hz``, ``delay_samples`` that were taken away (at the coder's rate,
        beyond what the file itself says), ``bitrate_kbps`` with the container's share, which is large in a
        short signal.

    Notes
    -----
    Silence gives what the decoder makes of it, up to 16 / 32768: A-law has no zero.

    References
    ----------
    ISO/IEC 11172-3 (MP3); RFC 6716 (Opus); Xiph.Org, "Vorbis I specification"; ETSI GSM 06.10; ITU-T G.711.

    Examples
    --------
    >>> tone = (0.5 * np.sin(0.3 * np.arange(8000))).astype(np.float32)
    >>> round(apply(tone, 8000, Codec(kind="mu-law"), 0).measured["sdr_db"], 1)
    36.7
    """
    check_signal(x, sample_rate)
    rate = coder_rate(parameters.kind, sample_rate, parameters.quality, parameters.rate_limit_hz)
    if len(x) == 0:
        return Degraded(x.copy(), {"coder_rate_hz": float(rate)})
    within = np.clip(resample(x, sample_rate, rate), -1, 1)  # LAME aborts the process far beyond full scale
    trip = round_trip(within, rate, parameters.kind, parameters.quality)
    y = resample(trip.signal, rate, sample_rate)[: len(x)]
    measured = finite(
        sdr_db=energy_ratio_db(x, y.astype(np.float64) - x),
        coder_rate_hz=rate,
        delay_samples=trip.delay_samples,
        bitrate_kbps=8e-3 * trip.n_bytes * rate / len(trip.signal),
    )
    bandwidth_hz = min(rate / 2, kept_bandwidth_hz(x, y, sample_rate))
    limited = bandwidth_hz if bandwidth_hz < sample_rate / 2 else None
    return Degraded(y, measured, bandwidth_hz=limited, clipped=np.abs(x) > 1)


DEGRADATION = Degradation(
    name="codec",
    summary="a trip through MP3, Opus, Vorbis, GSM or G.711, delay taken away",
    source="URGENT 2025 (MP3, Vorbis, Opus) and lhotse (GSM)",
    parameters=Codec,
    linear=False,
    apply=apply,
    examples=(
        {"kind": "mp3", "quality": 0.3},
        {"kind": "opus", "quality": 0.2},
        {"kind": "opus", "quality": 0.8},
        {"kind": "vorbis", "quality": 0.1, "rate_limit_hz": 16_000},
        {"kind": "gsm"},
        {"kind": "mu-law"},
        {"kind": "a-law"},
    ),
)
