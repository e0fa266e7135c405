import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from percepkit.dsp.coloured import white
from percepkit.synth.degradations._dynamics import follow, pole
from percepkit.synth.degradations.automatic_gain import AutomaticGain, apply, gain_course_db

RATE = 16_000


def square_wave(levels_dbfs: list[float], seconds: float) -> np.ndarray:
    """Square wave of 500 Hz: its power is constant between the steps."""
    amplitude = np.repeat(10 ** (np.array(levels_dbfs) / 20), int(seconds * RATE))
    return (amplitude * np.sign(np.sin(2 * np.pi * 500 * (np.arange(len(amplitude)) + 0.5) / RATE))).astype(
        np.float32
    )


@pytest.mark.parametrize("step", [(-20.0, -30.0), (-40.0, -10.0)])
def test_level_reaches_the_target_after_a_step(step: tuple[float, float]) -> None:
    control = AutomaticGain(target_dbfs=-25, attack_seconds=0.05, release_seconds=0.1, max_gain_db=30)
    y = apply(square_wave(list(step), 2.0), RATE, control, 0).signal
    for end in (2 * RATE, 4 * RATE):
        level_dbfs = 10 * np.log10(np.mean(y[end - RATE // 2 : end].astype(np.float64) ** 2))
        assert level_dbfs == pytest.approx(-25, abs=0.1)


def test_step_response_is_two_smoothers_in_series() -> None:
    # Up by 20 dB: the power rises, so the gain only falls, and a plain one-pole filter is the second opinion.
    control = AutomaticGain(target_dbfs=-30, attack_seconds=0.08, release_seconds=0.5, max_gain_db=40)
    x = square_wave([-30.0, -10.0], 1.0)
    gain_db = gain_course_db(x, RATE, control)
    detector, attack = np.exp(-1 / (0.01 * RATE)), np.exp(-1 / (0.08 * RATE))
    power = 0.1 + (0.001 - 0.1) * detector ** np.arange(1, RATE + 1)
    wanted_db = -30 - 10 * np.log10(power)
    expected_db = lfilter([1 - attack], [1, -attack], wanted_db, zi=[attack * gain_db[RATE - 1]])[0]
    np.testing.assert_allclose(gain_db[RATE:], expected_db, atol=1e-4)
    after = (gain_db[RATE:] - gain_db[-1]) / (gain_db[RATE - 1] - gain_db[-1])
    assert np.argmax(after < np.exp(-1)) / RATE == pytest.approx(0.08, abs=0.01)
    assert (np.diff(gain_db[RATE:]) < 0).all()


def test_release_is_slower_than_attack() -> None:
    control = AutomaticGain(target_dbfs=-30, attack_seconds=0.02, release_seconds=0.4)
    gain_db = gain_course_db(square_wave([-20.0, -40.0, -20.0], 3.0), RATE, control)
    up, down = gain_db[3 * RATE : 6 * RATE], gain_db[6 * RATE :]
    assert np.argmax(up > 0) > 5 * np.argmax(down < 0)


def test_gain_is_limited_and_measured() -> None:
    x = square_wave([-60.0], 2.0)
    measured = apply(x, RATE, AutomaticGain(target_dbfs=-20, release_seconds=0.1, max_gain_db=12), 0).measured
    assert measured["largest_gain_db"] == pytest.approx(12, abs=1e-3)
    assert 0 <= measured["smallest_gain_db"] < 0.01


@given(st.integers(1, 3_999))
def test_it_does_not_look_ahead(cut: int) -> None:
    x = (0.1 * white(4_000, RATE, 5)).astype(np.float32)
    whole = apply(x, RATE, AutomaticGain(), 0).signal
    np.testing.assert_array_equal(apply(x[:cut], RATE, AutomaticGain(), 0).signal, whole[:cut])


def test_gain_has_no_jumps() -> None:
    x = square_wave([-50.0, -5.0, -50.0], 0.5)
    control = AutomaticGain(attack_seconds=0.01, release_seconds=0.05, max_gain_db=40)
    assert np.abs(np.diff(gain_course_db(x, RATE, control))).max() < 45 / (0.01 * RATE)


def test_follower_with_equal_poles_is_a_one_pole_filter() -> None:
    x = white(1_000, RATE, 6)
    np.testing.assert_allclose(follow(x, 0.9, 0.9, 0.0), lfilter([0.1], [1, -0.9], x), atol=1e-12)
    assert pole(0.01, RATE) ** (0.01 * RATE) == pytest.approx(np.exp(-1))
