import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import freqz

from percepkit.synth.degradations.equaliser import Equaliser, Kind, apply, coefficients

RATE = 48_000
KINDS: list[Kind] = ["low_shelf", "high_shelf", "peak", "notch", "high_pass", "low_pass"]


def analogue(kind: Kind, s: np.ndarray, gain_db: float, q: float) -> np.ndarray:
    """The cookbook's analogue prototypes, corner at 1 rad/s."""
    a = 10 ** (gain_db / 40)
    plain = s**2 + s / q + 1
    return {
        "low_shelf": a * (s**2 + math.sqrt(a) / q * s + a) / (a * s**2 + math.sqrt(a) / q * s + 1),
        "high_shelf": a * (a * s**2 + math.sqrt(a) / q * s + 1) / (s**2 + math.sqrt(a) / q * s + a),
        "peak": (s**2 + s * a / q + 1) / (s**2 + s / (a * q) + 1),
        "notch": (s**2 + 1) / plain,
        "high_pass": s**2 / plain,
        "low_pass": 1 / plain,
    }[kind]


@pytest.mark.parametrize("kind", KINDS)
@given(frequency_hz=st.floats(40, 20_000), gain_db=st.floats(-15, 15), q=st.floats(0.3, 5))
def test_response_is_the_prototype_under_the_bilinear_transform(
    kind: Kind, frequency_hz: float, gain_db: float, q: float
) -> None:
    parameters = Equaliser(kind=kind, frequency_hz=frequency_hz, gain_db=gain_db, q=q)
    b, a = coefficients(parameters, RATE)
    w = np.linspace(0.01, math.pi - 0.01, 200)
    s = 1j * np.tan(w / 2) / math.tan(math.pi * frequency_hz / RATE)
    np.testing.assert_allclose(freqz(b, a, w)[1], analogue(kind, s, gain_db, q), atol=1e-6)
    assert np.abs(np.roots(a)).max() < 1
    assert np.abs(np.roots(b)).max() < 1 + 1e-6  # minimum phase: no delay of its own


def test_a_sine_comes_out_as_the_response_says() -> None:
    x = np.sin(2 * np.pi * 1_000 * np.arange(RATE) / RATE).astype(np.float32)
    degraded = apply(x, RATE, Equaliser(kind="peak", frequency_hz=1_000, gain_db=12, q=1), 0)
    assert 20 * math.log10(degraded.signal[RATE // 2 :].max()) == pytest.approx(12, abs=0.01)
    assert degraded.measured["gain_db"] == pytest.approx(12, abs=0.05)


def test_a_notch_removes_its_frequency() -> None:
    x = np.sin(2 * np.pi * 50 * np.arange(2 * RATE) / RATE).astype(np.float32)
    degraded = apply(x, RATE, Equaliser(kind="notch", frequency_hz=50, q=2), 0)
    assert np.abs(degraded.signal[RATE:]).max() < 1e-5


@pytest.mark.parametrize("frequency_hz", [8_000, 12_000])
def test_refuses_frequencies_from_nyquist_on(frequency_hz: float) -> None:
    with pytest.raises(ValueError, match=f"at 16000 Hz works below 8000 Hz, not at {frequency_hz} Hz"):
        apply(np.ones(9, np.float32), 16_000, Equaliser(frequency_hz=frequency_hz), 0)
