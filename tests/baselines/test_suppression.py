"""Gain curves against their closed forms, and what all gain laws share."""

import numpy as np
import pytest
import scipy.special

from percepkit.baselines.decision_directed import a_priori_snr
from percepkit.baselines.grid import Grid
from percepkit.baselines.log_mmse import LogMmse, log_mmse_gain
from percepkit.baselines.magnitude_wiener import MagnitudeWiener
from percepkit.baselines.mmse_stsa import MmseStsa, stsa_gain
from percepkit.baselines.omlsa import Omlsa
from percepkit.baselines.registry import load, names
from percepkit.baselines.suppression import Suppressor
from percepkit.baselines.two_step_wiener import TwoStepWiener
from percepkit.baselines.wiener import DecisionDirectedWiener

XI, GAMMA = (grid.ravel() for grid in np.meshgrid(np.logspace(-3, 4, 60), np.logspace(-6, 4, 60)))
DIRECTED = [DecisionDirectedWiener, MmseStsa, LogMmse, Omlsa, MagnitudeWiener, TwoStepWiener]


def test_log_mmse_gain_is_the_closed_form():
    ours = np.array([log_mmse_gain(xi, gamma) for xi, gamma in zip(XI, GAMMA, strict=True)])
    v = XI / (1 + XI) * GAMMA
    expected = XI / (1 + XI) * np.exp(scipy.special.exp1(v) / 2)
    assert np.abs(ours / expected - 1).max() < 1e-6


def test_stsa_gain_is_the_closed_form():
    ours = np.array([stsa_gain(xi, gamma) for xi, gamma in zip(XI, GAMMA, strict=True)])
    v = XI / (1 + XI) * GAMMA
    bessel = (1 + v) * scipy.special.i0e(v / 2) + v * scipy.special.i1e(v / 2)
    expected = np.sqrt(np.pi * v) / (2 * GAMMA) * bessel
    assert np.abs(ours / expected - 1).max() < 1e-6


def test_both_gains_approach_wiener_where_the_noise_is_weak():
    for gain in (log_mmse_gain, stsa_gain):
        assert gain(1e3, 1e3) == pytest.approx(1e3 / 1001, rel=2e-3)


@pytest.mark.parametrize("law", DIRECTED)
def test_laws_keep_their_state_over_pieces(law):
    generator = np.random.default_rng(3)
    power, noise = generator.exponential(5, (60, 161)), generator.uniform(0.5, 2, (60, 161))
    whole, pieces = law(Grid(161, 50.0, 0.01)), law(Grid(161, 50.0, 0.01))
    parts = [pieces.gains(*both) for both in zip(np.split(power, [1, 7]), np.split(noise, [1, 7]), strict=True)]
    assert np.array_equal(np.concatenate(parts), whole.gains(power, noise))


@pytest.mark.parametrize("law", DIRECTED)
@pytest.mark.parametrize("power, noise", [(0.0, 0.0), (1e6, 0.0), (0.0, 1.0), (1e300, 1e-300), (1e-300, 1e300)])
def test_laws_stay_between_0_and_1_at_all_ends(law, power, noise):
    gains = law(Grid(5, 50.0, 0.01)).gains(np.full((30, 5), power), np.full((30, 5), noise))
    assert gains.min() > 0
    assert gains.max() <= 1


@pytest.mark.parametrize("law", DIRECTED)
def test_laws_pass_speech_and_hold_noise_down(law):
    generator = np.random.default_rng(4)
    power = generator.exponential(size=(300, 161))
    power[150:, 40:60] *= 1e4
    gains = law(Grid(161, 50.0, 0.01)).gains(power, np.ones_like(power))
    assert gains[160:, 42:58].mean() > 0.97
    assert gains[50:150].mean() < 0.35


def test_prior_is_at_least_the_lowest():
    assert a_priori_snr(0.5, 0.0, 1.0, 0.9, 0.01) == 0.01
    assert a_priori_snr(11.0, 2.0, 4.0, 0.9, 0.01) == pytest.approx(0.9 * 0.5 + 0.1 * 10)


def test_unknown_estimator_is_named():
    with pytest.raises(ValueError, match=r"no noise estimator is called 'none'; choose from imcra, leading"):
        load("omlsa").with_estimator("none")


@pytest.mark.parametrize("name", [name for name in names() if isinstance(load(name), Suppressor)])
def test_suppressors_take_noise_down(name):
    noise = np.random.default_rng(5).standard_normal(48_000)
    left = load(name)(noise, 16_000)[16_000:]
    assert 20 * np.log10(np.std(left)) < (-4.5 if name == "power-subtraction" else -6)


@pytest.mark.parametrize("estimator", ["imcra", "leading", "mcra", "minimum", "quantile", "spp"])
@pytest.mark.parametrize(
    "law",
    ["wiener", "log-mmse", "mmse-stsa", "omlsa", "magnitude-wiener", "two-step-wiener", "multi-band-subtraction"],
)
def test_any_law_takes_any_estimator(law, estimator):
    noise = np.random.default_rng(6).standard_normal(24_000)
    left = load(f"{law}+{estimator}")(noise, 16_000)
    assert 20 * np.log10(np.std(left[8_000:])) < -6
