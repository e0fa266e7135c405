"""Least-squares responses: known systems, a dense solution, and what noise does to the taps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import solve, toeplitz
from scipy.signal import fftconvolve, lfilter

from percepkit.dsp.system_response import find_response, whitening_filter

NOISE = np.random.default_rng(0).standard_normal(20_000)
COLOURED = lfilter([1], [1, -1.6, 0.8], NOISE)


@pytest.mark.parametrize("source", [NOISE, COLOURED])
def test_a_known_system_is_found(source):
    taps = np.random.default_rng(1).standard_normal(400) * 0.99 ** np.arange(400)
    signal = fftconvolve(source, taps)[: len(source)]
    found = find_response(source, signal, n_before=50, n_after=450)
    expected = np.r_[np.zeros(50), taps, np.zeros(50)]
    assert np.sum((found - expected) ** 2) < 2e-3 * np.sum(taps**2)


def test_taps_are_those_of_a_dense_solver():
    signal = np.roll(COLOURED, 3) + 0.3 * np.roll(NOISE, -2)
    found = find_response(COLOURED, signal, n_before=8, n_after=24)
    auto, cross = (np.correlate(np.r_[x, np.zeros(40)], COLOURED, "full") for x in (COLOURED, signal))
    zero = len(COLOURED) - 1
    matrix = toeplitz(auto[zero : zero + 32]) + 1e-4 * auto[zero] * np.eye(32)
    np.testing.assert_allclose(found, solve(matrix, cross[zero - 8 : zero + 24]), atol=1e-3)


def test_what_has_nothing_to_do_with_the_source_is_spread_evenly():
    found = find_response(NOISE, np.random.default_rng(2).standard_normal(20_000), n_before=2_000, n_after=2_000)
    assert np.sum(found[:2_000] ** 2) == pytest.approx(np.sum(found[2_000:] ** 2), rel=0.15)
    assert np.sum(found**2) == pytest.approx(4_000 / 20_000, rel=0.3)


@given(gain=st.floats(-5, 5).filter(lambda g: abs(g) > 1e-3), delay=st.integers(0, 20))
def test_a_delay_with_a_gain_is_one_tap(gain, delay):
    source = NOISE[:3_000]
    found = find_response(source, gain * np.r_[np.zeros(delay), source][:3_000], n_before=4, n_after=24)
    assert np.argmax(np.abs(found)) == 4 + delay
    assert found[4 + delay] == pytest.approx(gain, rel=0.02)


def test_whitening_undoes_an_all_pole_filter():
    np.testing.assert_allclose(whitening_filter(COLOURED, order=2, floor_db=60), [1, -1.6, 0.8], atol=0.02)
    assert abs(whitening_filter(COLOURED, order=2, floor_db=-20)[1]) < 0.02


@pytest.mark.parametrize(
    "source, signal, n_taps, message",
    [
        (NOISE, NOISE[1:], 10, r"two signals of one length, got shapes \(20000,\) and \(19999,\)"),
        (NOISE[:10], NOISE[:10], 10, "expected 1 to 9 taps for 10 samples, got 10"),
    ],
)
def test_what_cannot_be_solved_is_named(source, signal, n_taps, message):
    with pytest.raises(ValueError, match=message):
        find_response(source, signal, n_before=0, n_after=n_taps)
