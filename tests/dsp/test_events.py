"""Event rates, counted on the samples, and what lies between events."""

import numpy as np
import pytest

from percepkit.dsp.events import _event_times, keyboard, rain

RATE = 16_000


def onsets(x: np.ndarray, threshold: float, window_seconds: float, dead_seconds: float) -> np.ndarray:
    """Times (s) at which the mean power of a window first exceeds a threshold, dead times skipped."""
    size = round(window_seconds * RATE)
    total = np.cumsum(np.append(0.0, x**2))
    loud = np.flatnonzero((total[size:] - total[:-size]) / size > threshold)
    found: list[int] = []
    for sample in loud:
        if not found or sample - found[-1] > dead_seconds * RATE:
            found.append(int(sample))
    return np.array(found) / RATE


@pytest.mark.parametrize("rate_hz", [5.0, 15.0])
def test_rain_drops_at_its_rate_and_as_a_poisson_process(rate_hz):
    seconds, dead = 60, 0.012
    x = np.diff(rain(seconds * RATE, RATE, 11, rate_hz=rate_hz, drops_db=3.0))
    times = onsets(x, 4 * np.median(x**2) / 0.455, 0.002, dead)  # 0.455: median of the square of a Gaussian
    counted_hz = times.size / seconds
    counted_hz /= 1 - counted_hz * dead  # drops that fall into the dead time of another
    assert counted_hz == pytest.approx(rate_hz, rel=0.15)
    counts = np.histogram(times, np.arange(seconds + 1))[0]
    assert 0.5 < counts.var() / counts.mean() < 1.6


@pytest.mark.parametrize("rate_hz", [2.0, 4.0, 8.0])
def test_keys_are_struck_at_their_rate(rate_hz):
    seconds = 60
    x = keyboard(seconds * RATE, RATE, 12, rate_hz=rate_hz)
    energy = 1 / rate_hz  # of a key going down, on average; coming up it is 12 dB less
    times = onsets(x, 0.25 * energy / 0.01, 0.01, 0.03)
    assert times.size / seconds == pytest.approx(rate_hz, rel=0.12)
    assert np.diff(times).min() > 0.05


def test_between_keystrokes_is_a_faint_room():
    x = keyboard(20 * RATE, RATE, 12, rate_hz=2.0)
    blocks_db = 10 * np.log10(np.mean(x.reshape(-1, 320) ** 2, axis=1))
    assert np.percentile(blocks_db, 10) == pytest.approx(-45, abs=4)


def test_a_key_comes_up_after_it_went_down():
    x = keyboard(60 * RATE, RATE, 3, rate_hz=2.0)
    downs = onsets(x, 0.25 * 0.5 / 0.01, 0.01, 0.03)
    every = onsets(x, 0.01 * 0.5 / 0.01, 0.01, 0.03)
    assert every.size > 1.6 * downs.size


def test_hiss_of_rain_is_broad():
    x = rain(10 * RATE, RATE, 2, rate_hz=5.0, drops_db=-10.0)
    power = np.abs(np.fft.rfft(x)) ** 2
    thirds = power[1:].reshape(-1, 800).sum(axis=1) / power.sum()  # bands of 80 Hz
    assert thirds.max() < 0.05
    assert thirds[0] < thirds.max() / 3  # little under 80 Hz


def test_drops_have_the_power_asked_for():
    gains = []
    for drops_db in (-10.0, 0.0):
        ratio = [
            np.mean(x**2) / (np.median(x**2) / 0.455)
            for x in (rain(20 * RATE, RATE, i, rate_hz=5.0, drops_db=drops_db) for i in range(8))
        ]
        gains.append(np.mean(ratio))
    assert gains[0] == pytest.approx(1.1, abs=0.05)
    assert gains[1] == pytest.approx(2.1, abs=0.35)


def test_event_times_keep_their_gap_and_rate():
    times = _event_times(1_000.0, 5, 4.0, 0.06)
    assert np.diff(times).min() >= 0.06
    assert np.sum(times >= 0) == pytest.approx(4_000, rel=0.05)
    assert times.max() < 1_000
    assert times.min() < 0


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, 17.0, float("nan")])
def test_impossible_rates_are_refused(rate_hz):
    with pytest.raises(ValueError, match=r"rate_hz lies between 0 and 16.4 events a second"):
        keyboard(1_000, RATE, 1, rate_hz=rate_hz)
