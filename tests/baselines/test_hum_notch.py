"""The hum canceller on hum of known frequency, in noise, in drift, and on what is no hum."""

import numpy as np
import pytest

from percepkit.baselines.hum_notch import HumNotch, find_lines

RATE = 8_000


def hum(frequency_hz: np.ndarray, harmonics: int = 7) -> np.ndarray:
    """Harmonics that fall as 1 / m, of a frequency given for every sample."""
    phase = 2 * np.pi * np.cumsum(frequency_hz) / RATE
    return np.sum([np.sin(m * phase + m) / m for m in range(1, harmonics + 1)], axis=0)


def steady(frequency_hz: float, seconds: float) -> np.ndarray:
    return hum(np.full(int(seconds * RATE), frequency_hz))


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(int(seconds * RATE))


def level_db(signal: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(signal**2)))


@pytest.mark.parametrize("frequency_hz", [49.8, 50.0, 50.13, 59.93, 60.2])
def test_frequency_is_found_to_a_hundredth(frequency_hz):
    found_hz, prominence_db = find_lines(steady(frequency_hz, 2) + 0.1 * noise(2), RATE)
    assert found_hz == pytest.approx(frequency_hz, abs=0.01)
    assert prominence_db[:7].min() > 15


@pytest.mark.parametrize("frequency_hz", [49.9, 60.05])
def test_steady_hum_falls_by_30_db_within_five_seconds(frequency_hz):
    recorded = steady(frequency_hz, 8) + 0.003 * noise(8)
    stream = HumNotch().stream(RATE)
    left = stream.process(recorded)[5 * RATE :]
    assert level_db(left) < level_db(recorded) - 30
    assert stream.line_hz == pytest.approx(frequency_hz, abs=0.03)


def test_drifting_hum_falls_by_20_db():
    time = np.arange(20 * RATE) / RATE
    recorded = hum(50 + 0.05 * np.sin(2 * np.pi * time / 20)) + 0.003 * noise(20)
    left = HumNotch()(recorded, RATE)[5 * RATE :]
    assert level_db(left) < level_db(recorded) - 20


def test_noise_beside_the_lines_stays():
    wanted = 0.3 * noise(8)
    left = HumNotch()(wanted + steady(50, 8), RATE)
    assert level_db((left - wanted)[4 * RATE :]) < level_db(wanted) - 12


@pytest.mark.parametrize("kind", ["noise", "tone", "tones of a voice", "comb at 55 Hz"])
def test_what_is_no_hum_passes_untouched(kind):
    time = np.arange(8 * RATE) / RATE
    pitch_hz = 118 + 6 * np.sin(2 * np.pi * 0.4 * time)
    made = {
        "noise": noise(8),
        "tone": np.sin(2 * np.pi * 50 * time) + 0.01 * noise(8),
        "tones of a voice": hum(pitch_hz, 12) + 0.01 * noise(8),
        "comb at 55 Hz": steady(55, 8) + 0.01 * noise(8),
    }[kind]
    assert np.array_equal(HumNotch()(made, RATE), made)


def test_hum_that_stops_is_let_go():
    recorded = noise(12) * 0.003
    recorded[: 5 * RATE] += steady(50, 5)
    stream = HumNotch().stream(RATE)
    left = stream.process(recorded)
    assert stream.line_hz is None
    assert level_db((left - recorded)[10 * RATE :]) < level_db(recorded[10 * RATE :]) - 20


def test_orders_above_the_nyquist_frequency_are_left_alone():
    time = np.arange(4_800) / 600
    found_hz, prominence_db = find_lines(np.sin(2 * np.pi * 60 * time[:1_200]), 600)
    assert found_hz == pytest.approx(60, abs=0.05)
    assert not prominence_db[4:].any()
    assert np.isfinite(HumNotch()(np.sin(2 * np.pi * 60 * time), 600)).all()
