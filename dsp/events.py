"""Noises made of separate events at drawn times: rain, keyboard.

Events that begin before the first sample leave their tails in it, and those that outlast the end are
cut: start and end are like any other moment. Every noise has an RMS of exactly 1; between rare events
it is quiet, so its peaks are far above 1.
"""

import numpy as np

from percepkit.dsp.coloured import check_request, shaped_noise, unit_rms
from percepkit.dsp.draws import key_of, normal, uniform

__all__ = ["keyboard", "rain"]

LEAD_SECONDS = 1.0  # drawn before the first sample: longer than any event, and the gaps forget their start


def _event_times(seconds: float, key: int, rate_hz: float, least_gap_seconds: float) -> np.ndarray:
    """Times of a renewal process from before 0 to ``seconds``: a least gap plus an exponential wait."""
    if not 0 < rate_hz * (least_gap_seconds + 0.001) < 1:
        highest = 1 / (least_gap_seconds + 0.001)
        raise ValueError(f"rate_hz lies between 0 and {highest:.3g} events a second, not {rate_hz}")
    wait_seconds = 1 / rate_hz - least_gap_seconds
    expected = rate_hz * (seconds + LEAD_SECONDS)
    count = int(expected + 10 * np.sqrt(expected)) + 30
    wait = -np.log(uniform(np.random.Philox(key=key).random_raw(count))) * wait_seconds
    times = np.cumsum(wait + least_gap_seconds) - least_gap_seconds - LEAD_SECONDS
    return times[times < seconds]


def _add(x: np.ndarray, start: int, event: np.ndarray) -> None:
    """Add an event in place, cut to what lies inside the signal."""
    first, last = max(start, 0), min(start + event.size, x.size)
    if first < last:
        x[first:last] += event[first - start : last - start]


def rain(n_samples: int, sample_rate: int, key: int, *, rate_hz: float, drops_db: float) -> np.ndarray:
    """Rain: the hiss of countless far drops, and near drops heard one by one.

    Parameters
    ----------
    n_samples, sample_rate, key
        As `percepkit.dsp.coloured.shaped_noise`.
    rate_hz : float
        Near drops a second, a Poisson process. Each is a decaying tone of 0.8 kHz or more that lasts a
        few milliseconds, of drawn loudness.
    drops_db : float
        Expected power of all near drops over that of the hiss, dB.

    Returns
    -------
    float64 array, shape (n_samples,)
        Rain of RMS 1.
    """
    hiss = shaped_noise(
        n_samples,
        sample_rate,
        key_of(str(key), "hiss"),
        lambda hz: (hz / 400) / (1 + (hz / 400)) / (1 + hz / 4_000),
    )
    times = _event_times(n_samples / sample_rate, key_of(str(key), "times"), rate_hz, 0.0)
    raw = np.random.Philox(key=key_of(str(key), "drops")).random_raw(4 * times.size).reshape(-1, 4)
    draws = uniform(raw)
    highest_hz = min(6_000.0, 0.4 * sample_rate)
    pitch_hz = 800.0 * (highest_hz / 800.0) ** draws[:, 0]
    decay_seconds = 0.001 * 4 ** draws[:, 1]
    # The energy of exp(-t / decay) cos(...) is decay / 4: every drop gets unit energy times its loudness.
    loudness = 10 ** (3 * normal(raw[:, 2]) / 20)
    drops = np.zeros(n_samples)
    t = np.arange(int(0.03 * sample_rate)) / sample_rate
    attack = np.minimum(t / 0.0003, 1.0)
    for i, start in enumerate(np.round(times * sample_rate).astype(int)):
        decay = attack * np.exp(-t / decay_seconds[i])
        tone = np.cos(2 * np.pi * (pitch_hz[i] * t + draws[i, 3]))
        _add(drops, start, loudness[i] / np.sqrt(decay_seconds[i] / 4) * decay * tone)
    return unit_rms(hiss + drops * np.sqrt(10 ** (drops_db / 10) / rate_hz))


def _click(sample_rate: int, key: int) -> np.ndarray:
    """One stroke of a key: a burst of noise, a ring, the thud of the case."""
    t = np.arange(int(0.06 * sample_rate)) / sample_rate
    raw = np.random.Philox(key=key).random_raw(t.size + 5)
    ring, ring_turn, thud, thud_turn, level = uniform(raw[:5])
    burst = normal(raw[5:]) * np.exp(-t / 0.002)
    ringing = 0.8 * np.sin(2 * np.pi * ((1_800 + 1_600 * ring) * t + ring_turn)) * np.exp(-t / 0.004)
    case = 0.8 * np.sin(2 * np.pi * ((150 + 250 * thud) * t + thud_turn)) * np.exp(-t / 0.012)
    click = (burst + ringing + case) * np.minimum(t / 0.0005, 1.0)
    return click * 10 ** (3 * (2 * level - 1) / 20) / np.sqrt(np.sum(click**2) / sample_rate)


def keyboard(n_samples: int, sample_rate: int, key: int, *, rate_hz: float) -> np.ndarray:
    """Typing: a click when a key goes down, a weaker one when it comes up, over a faint room.

    Parameters
    ----------
    n_samples, sample_rate, key
        As `percepkit.dsp.coloured.shaped_noise`.
    rate_hz : float
        Strokes a second, under 16; between two lie 60 ms and an exponential wait. Each stroke is drawn.

    Returns
    -------
    float64 array, shape (n_samples,)
        Typing of RMS 1. The room is 45 dB under the clicks; a stretch too short for a stroke is the room.
    """
    check_request(n_samples, sample_rate)
    room = shaped_noise(n_samples, sample_rate, key_of(str(key), "room"), lambda hz: np.maximum(hz, 100.0) ** -0.5)
    times = _event_times(n_samples / sample_rate, key_of(str(key), "times"), rate_hz, 0.06)
    held = uniform(np.random.Philox(key=key_of(str(key), "held")).random_raw(times.size))
    clicks = np.zeros(n_samples)
    for i, time in enumerate(times):
        down, up = (_click(sample_rate, key_of(str(key), i, way)) for way in ("down", "up"))
        _add(clicks, round(time * sample_rate), down)
        _add(clicks, round((time + 0.07 + 0.06 * held[i]) * sample_rate), 0.25 * up)
    return unit_rms(clicks / np.sqrt(rate_hz) + 10 ** (-45 / 20) * room)
