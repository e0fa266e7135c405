import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.signal import freqz

from percepkit.synth.degradations.random_filter import RandomFilter, apply

coefficient = st.floats(-3 / 8, 3 / 8)


@given(coefficient, coefficient, coefficient, coefficient)
def test_poles_and_zeros_lie_inside_the_unit_circle(r1: float, r2: float, r3: float, r4: float) -> None:
    # Inside for the zeros too: minimum phase, so the mean group delay over all frequencies is nil.
    assert np.abs(np.roots([1, r1, r2])).max(initial=0) < 0.85
    assert np.abs(np.roots([1, r3, r4])).max(initial=0) < 0.85
    impulse = np.zeros(400, np.float32)
    impulse[0] = 1
    h = apply(impulse, 16_000, RandomFilter(r1=r1, r2=r2, r3=r3, r4=r4), 0).signal
    assert h[0] == 1
    assert np.abs(h[-50:]).max() < 1e-9


def test_response_is_the_closed_form() -> None:
    impulse = np.zeros(2_048, np.float32)
    impulse[0] = 1
    h = apply(impulse, 16_000, RandomFilter(r1=0.3, r2=-0.2, r3=-0.35, r4=0.1), 0).signal
    w, wanted = freqz([1, 0.3, -0.2], [1, -0.35, 0.1], 512)
    z = np.exp(1j * w)
    np.testing.assert_allclose(wanted, (1 + 0.3 / z - 0.2 / z**2) / (1 - 0.35 / z + 0.1 / z**2))
    np.testing.assert_allclose(freqz(h, 1, 512)[1], wanted, atol=1e-6)


def test_gain_is_measured() -> None:
    x = np.zeros(4, np.float32)
    x[0] = 0.5
    degraded = apply(x, 16_000, RandomFilter(r1=0.375), 0)
    assert degraded.measured["gain_db"] == pytest.approx(10 * np.log10(1 + 0.375**2))


def test_refuses_coefficients_beyond_three_eighths() -> None:
    with pytest.raises(ValidationError, match=r"less than or equal to 0\.375"):
        RandomFilter(r4=0.4)
