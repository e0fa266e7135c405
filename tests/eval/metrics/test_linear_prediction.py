"""LLR and cepstral distance: known predictors, a second solver, limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import solve_toeplitz, toeplitz
from scipy.signal import lfilter

from percepkit.eval.metrics import linear_prediction

RATE = 16_000


def score(clean, estimate, rate=RATE):
    return linear_prediction.score(linear_prediction.prepare(clean, rate), estimate)


@given(st.integers(0, 1000), st.sampled_from([10, 16]))
def test_predictors_solve_the_normal_equations(seed, order):
    frames = np.random.default_rng(seed).standard_normal((5, 200))
    r = np.stack([np.sum(frames[:, : 200 - k] * frames[:, k:], axis=1) for k in range(order + 1)], axis=1)
    a = linear_prediction.predictors(r)
    for row, coefficients in zip(r, a, strict=True):
        np.testing.assert_allclose(coefficients[1:], -solve_toeplitz(row[:-1], row[1:]), atol=1e-10)


def test_predictors_of_a_known_filter():
    a = np.array([1.0, -1.2, 0.9, -0.3])
    impulse = lfilter([1], a, np.eye(1, 4000)[0])
    r = np.array([[np.sum(impulse[: 4000 - k] * impulse[k:]) for k in range(17)]])
    expected = np.concatenate([a, np.zeros(13)])
    np.testing.assert_allclose(linear_prediction.predictors(r)[0], expected, atol=1e-9)


def test_ratio_and_cepstrum_of_a_known_filter():
    a = np.array([1.0, -0.9])
    r = 0.9 ** np.arange(17)[None]
    white = np.eye(1, 17)
    state = linear_prediction.Clean(
        np.ones(1, bool), r, np.array([1 - 0.81]), linear_prediction._cepstrum(np.array([a])), RATE, 0, RATE
    )
    # White noise is predicted by nothing: what it leaves of the clean frame is all of its energy, 1.
    np.testing.assert_allclose(linear_prediction.frame_llr(state, white), -np.log(1 - 0.81))
    padded = np.zeros((1, 17))
    padded[0, :2] = a
    n = np.arange(1, 17)
    np.testing.assert_allclose(linear_prediction._cepstrum(padded)[0], 0.9**n / n)  # of 1 / (1 - 0.9 z^-1)


def test_values_are_those_of_a_plain_loop():
    rng = np.random.default_rng(0)
    clean = lfilter([1], [1, -1.5, 0.8], rng.standard_normal(8_000))
    estimate = clean + 0.5 * rng.standard_normal(8_000)
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(1, 481) / 481))
    ratios = []
    for start in range(0, (8_000 - 480) // 120 * 120, 120):
        r = {}
        for name, x in (("x", clean), ("y", estimate)):
            frame = x[start : start + 480] * window
            r[name] = np.correlate(frame, frame, "full")[479 : 479 + 17]
        a = {name: np.concatenate([[1], -solve_toeplitz(v[:-1], v[1:])]) for name, v in r.items()}
        matrix = toeplitz(r["x"])
        ratios.append(np.log(a["y"] @ matrix @ a["y"] / (a["x"] @ matrix @ a["x"])))
    lowest = np.sort(np.minimum(ratios, 2))[: round(0.95 * len(ratios))]
    assert score(clean, estimate)["llr"] == pytest.approx(np.mean(lowest), abs=1e-9)
    state = linear_prediction.prepare(clean, RATE)
    uncapped = np.mean(np.sort(ratios)[: len(lowest)])
    assert linear_prediction.mean_llr(state, estimate) == pytest.approx(uncapped, abs=1e-9)


def test_order_follows_the_rate():
    clean, estimate = np.random.default_rng(0).standard_normal((2, 8_000))
    for rate, order in ((8_000, 10), (9_999, 10), (10_000, 16), (16_000, 16), (48_000, 16)):
        assert linear_prediction.prepare(clean, rate).autocorrelation.shape[1] == order + 1
        assert np.isfinite(list(score(clean, estimate, rate).values())).all()


def test_digital_silence_of_the_reference_is_left_out():
    rng = np.random.default_rng(0)
    clean, noise = rng.standard_normal((2, 12_000))
    silence = np.zeros(12_000)
    for rate in (16_000, 48_000):
        alone = score(clean, clean + noise, rate)
        padded = score(np.concatenate([clean, silence]), np.concatenate([clean + noise, noise]), rate)
        assert padded["llr"] == pytest.approx(alone["llr"], rel=0.05)
        assert padded["cepstral_distance"] == pytest.approx(alone["cepstral_distance"], rel=0.05)


def test_limits():
    time = np.arange(RATE)
    low, high = (
        lfilter([1], [1, pole], np.random.default_rng(0).standard_normal(RATE)) for pole in (-0.999, 0.999)
    )
    values = score(low, high)
    assert values == {"llr": 2.0, "cepstral_distance": 10.0}
    tone = np.sin(0.3 * time)
    values = score(tone, tone)
    assert values["llr"] == pytest.approx(0, abs=1e-6)
    assert values["cepstral_distance"] == pytest.approx(0, abs=1e-6)
