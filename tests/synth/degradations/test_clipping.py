import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from percepkit.dsp.coloured import brown, white
from percepkit.synth.degradations.clipping import Clipping, Kind, apply

RATE = 16_000
NOISES = [(0.2 * white(8_000, RATE, 1)).astype(np.float32), (1e-4 * brown(8_000, RATE, 2)).astype(np.float32)]


def sdr_db(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x.astype(np.float64), y.astype(np.float64)
    return float(10 * np.log10((x @ x) / ((x - y) @ (x - y))))


@given(st.floats(1, 60), st.sampled_from(["hard", "tanh"]), st.sampled_from([0, 1]))
def test_sdr_is_the_wanted_one(wanted_db: float, kind: Kind, number: int) -> None:
    # A peer takes 20 log10 of a ratio of energies, and so is off by a factor of two in dB.
    x = NOISES[number]
    degraded = apply(x, RATE, Clipping(sdr_db=wanted_db, kind=kind), 0)
    assert sdr_db(x, degraded.signal) == pytest.approx(wanted_db, abs=0.01)
    assert degraded.measured["sdr_db"] == pytest.approx(wanted_db, abs=0.01)


def test_sdr_of_a_clipped_sine_is_the_closed_form() -> None:
    x = np.sin(2 * np.pi * np.arange(RATE) / RATE).astype(np.float32)
    # Above sin(a) the error is sin(t) - sin(a): its energy is the integral over (a, pi - a), twice a period.
    a = np.arcsin(0.5)
    error = (np.pi - 2 * a) * (0.5 + 0.25) + 0.5 * np.sin(2 * a) - 4 * 0.5 * np.cos(a)
    degraded = apply(x, RATE, Clipping(threshold=0.5), 0)
    assert degraded.measured["sdr_db"] == pytest.approx(10 * np.log10(np.pi / (2 * error)), abs=1e-3)
    assert degraded.measured["clipped_share"] == pytest.approx(1 - 2 * a / np.pi, abs=1e-3)
    limit = apply(x, RATE, Clipping(sdr_db=degraded.measured["sdr_db"]), 0).measured["limit"]
    assert limit == pytest.approx(0.5, abs=1e-5)


def test_hard_clipping_limits_and_marks() -> None:
    x = NOISES[0]
    degraded = apply(x, RATE, Clipping(threshold=0.3), 0)
    limit = np.float32(0.3 * np.abs(x).max())
    assert degraded.clipped is not None
    np.testing.assert_array_equal(degraded.clipped, np.abs(x) > limit)
    np.testing.assert_array_equal(degraded.signal[~degraded.clipped], x[~degraded.clipped])
    np.testing.assert_allclose(np.abs(degraded.signal[degraded.clipped]), limit)


def test_soft_clipping_keeps_small_samples_and_never_exceeds_the_limit() -> None:
    x = np.linspace(-1, 1, 2_001, dtype=np.float32)
    y = apply(x, RATE, Clipping(threshold=0.4, kind="tanh"), 0).signal
    assert np.abs(y).max() < 0.4
    assert (np.diff(y) > 0).all()
    near = np.abs(x) < 0.01
    np.testing.assert_allclose(y[near], x[near], rtol=1e-3)


@given(st.floats(1e-6, 1e3))
def test_level_does_not_matter(gain: float) -> None:
    x = NOISES[0]
    loud = apply(np.float32(gain) * x, RATE, Clipping(sdr_db=12), 0).measured
    assert loud["clipped_share"] == pytest.approx(
        apply(x, RATE, Clipping(sdr_db=12), 0).measured["clipped_share"], abs=2e-3
    )


def test_at_the_peak_nothing_is_clipped_and_no_sdr_is_given() -> None:
    degraded = apply(NOISES[0], RATE, Clipping(threshold=1), 0)
    np.testing.assert_array_equal(degraded.signal, NOISES[0])
    assert degraded.measured["clipped_share"] == 0
    assert "sdr_db" not in degraded.measured


@pytest.mark.parametrize("amounts", [{}, {"threshold": 0.5, "sdr_db": 10}])
def test_takes_exactly_one_amount(amounts: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="either `threshold` or `sdr_db`"):
        Clipping.model_validate(amounts)
