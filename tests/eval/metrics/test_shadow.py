"""Measures of what gains do to speech and noise alone: closed forms, typed reasons, and a real suppressor."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from percepkit.baselines.registry import load as load_denoiser
from percepkit.dsp.percepnet import compute_targets
from percepkit.dsp.stft import n_frames
from percepkit.eval.metrics import Panel, load, names
from percepkit.eval.metrics._shadow import cast_shadow, unprocessed

RATE = 16_000
NAMES = [name for name in names() if load(name).SPEC.needs == "gains"]
GENERATOR = np.random.default_rng(3)
TIME = np.arange(2 * RATE) / RATE
SPEECH = sum(np.sin(2 * np.pi * 125 * k * TIME) / k for k in range(1, 30)) * 0.05 * (TIME % 1 < 0.6)
NOISE = 0.01 * GENERATOR.standard_normal(len(TIME))
STEMS = {"clean": SPEECH, "speech": SPEECH, "noise": NOISE, "noisy": SPEECH + NOISE}
SHAPE = (n_frames(len(TIME), 160), 161)


class Gains:
    def __init__(self, gains, predict=None):
        self.values = gains
        if predict is not None:
            self.predict = lambda noisy, sample_rate: predict

    def gains(self, noisy, sample_rate):
        return self.values


def score(denoiser, stems=STEMS, rate=RATE):
    shadow = cast_shadow(denoiser, stems, RATE, native_rate=rate)
    return Panel(NAMES, stems["clean"], RATE).score(stems["noisy"], shadow=shadow)


def values(denoiser, **options):
    return {name: outcome.value for name, outcome in score(denoiser, **options).items()}


def test_these_metrics_need_gains():
    assert NAMES == ["gain_error", "musical_noise", "noise_attenuation", "speech_distortion", "strength_error"]


@pytest.mark.parametrize("gain", [1.0, 0.5, 0.1])
def test_one_gain_for_all_has_closed_forms(gain):
    found = values(Gains(np.full(SHAPE, gain)))
    assert found["noise_attenuation"] == pytest.approx(-20 * np.log10(gain), abs=1e-9)
    expected = max(20 * np.log10(1 - gain), -35.0) if gain < 1 else -35.0
    assert found["speech_distortion"] == pytest.approx(expected, abs=1e-9)
    assert found["musical_noise"] == pytest.approx(0, abs=1e-9)


def test_gains_act_on_speech_and_noise_where_they_are():
    gains = np.ones(SHAPE)
    gains[:, 81:] = 1e-6  # half of the noise's band, above all of the speech's
    found = values(Gains(gains))
    assert found["noise_attenuation"] == pytest.approx(10 * np.log10(2), abs=0.2)
    assert found["speech_distortion"] < -30


def test_random_holes_are_musical_and_their_kurtosis_is_known():
    """Power kept with the chance p has moments p times as large: the kurtosis rises by 1 / p."""
    gains = (GENERATOR.random(SHAPE) < 0.25).astype(float)
    assert values(Gains(gains))["musical_noise"] == pytest.approx(np.log(4), abs=0.15)


def test_slow_changes_of_the_level_are_not_musical():
    gains = np.geomspace(0.1, 1, SHAPE[0])[:, None] * np.geomspace(1, 0.1, SHAPE[1])
    assert values(Gains(gains))["musical_noise"] == pytest.approx(0, abs=0.05)


def test_kurtosis_of_gaussian_noise_is_six():
    from percepkit.eval.metrics.musical_noise import _kurtosis

    power = GENERATOR.standard_exponential((4_000, 100)) * np.linspace(1, 100, 100)
    assert _kurtosis(power) == pytest.approx(6, rel=0.05)


def test_ideal_gains_and_strengths_have_no_error():
    targets = compute_targets(SPEECH, SPEECH + NOISE, RATE)
    found = values(Gains(np.ones(SHAPE), predict=targets))
    assert found["gain_error"] == found["strength_error"] == 0
    shifted = replace(targets, gains=targets.gains + 0.1, strengths=targets.strengths - 0.2)
    found = values(Gains(np.ones(SHAPE), predict=shifted))
    assert found["gain_error"] == pytest.approx(0.1)
    assert found["strength_error"] == pytest.approx(0.2)


def test_gains_of_bins_are_brought_to_bands():
    targets = compute_targets(SPEECH, SPEECH + NOISE, RATE)
    expected = np.sqrt(np.mean((0.3 - targets.gains[targets.gains_valid]) ** 2))
    outcomes = score(Gains(np.full(SHAPE, 0.3)))
    assert outcomes["gain_error"].value == pytest.approx(expected, abs=1e-9)
    assert outcomes["strength_error"].status == "no_gains"
    assert "no comb-filter strengths" in outcomes["strength_error"].reason


def test_a_suppressor_is_between_nothing_and_everything():
    found = values(load_denoiser("wiener"))
    nothing = values(unprocessed)
    assert nothing["noise_attenuation"] == pytest.approx(0, abs=1e-9)
    assert nothing["speech_distortion"] == -35
    assert 5 < found["noise_attenuation"] < 25
    assert -30 < found["speech_distortion"] < -5
    assert found["gain_error"] < nothing["gain_error"]
    assert values(load_denoiser("wiener"), rate=48_000)["noise_attenuation"] > 5


@pytest.mark.parametrize(
    "denoiser, stems, message",
    [
        (SimpleNamespace(), STEMS, "no_gains: the denoiser does not show gains"),
        (Gains(np.ones((3, 161))), STEMS, r"no_gains: the gains have the shape \(3, 161\), expected \(201, 161\)"),
        (unprocessed, {"clean": SPEECH, "noisy": SPEECH}, "no_noise: "),
    ],
)
def test_what_shows_no_gains_has_a_reason(denoiser, stems, message):
    with pytest.raises(ValueError, match=message):
        cast_shadow(denoiser, stems, RATE, native_rate=RATE)


def test_bad_signals_become_typed_outcomes():
    shadow = cast_shadow(unprocessed, STEMS, RATE, native_rate=RATE)
    panel = Panel(NAMES, SPEECH, RATE)
    for estimate, status in [
        (SPEECH[:-1], "length_mismatch"),
        (SPEECH * 0, "silent_estimate"),
        (SPEECH * np.nan, "nonfinite"),
    ]:
        assert {outcome.status for outcome in panel.score(estimate, shadow=shadow).values()} == {status}
    assert {outcome.status for outcome in panel.score(SPEECH).values()} == {"no_gains"}
    assert panel.score(SPEECH, shadow=KeyError("x"))["musical_noise"].reason == "KeyError: 'x'"


def test_speech_without_pauses_has_no_musical_noise():
    speech = np.sin(2 * np.pi * 200 * TIME)
    stems = {"clean": speech, "speech": speech, "noise": NOISE, "noisy": speech + NOISE}
    assert score(unprocessed, stems=stems)["musical_noise"].status == "too_short"
