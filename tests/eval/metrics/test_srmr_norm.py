"""Normalised speech-to-reverberation ratio: what it limits, and that reverberation lowers it."""

import numpy as np
import pytest
from scipy.signal import fftconvolve

from percepkit.eval.metrics import _modulation, score_all, srmr, srmr_norm

RATE = 16_000
TIME = np.arange(3 * RATE) / RATE
NOISE = np.random.default_rng(0).standard_normal(len(TIME))
SPEECH = NOISE * (0.05 + np.clip(np.sin(2 * np.pi * 4 * TIME), 0, None))


def score(signal):
    return srmr_norm.score((len(signal), RATE), signal)["srmr_norm"]


def test_value_is_that_of_limited_energies():
    energy = _modulation.modulation_energy(_modulation.cut_pauses(SPEECH, RATE), RATE, highest_hz=30.0)
    peak = max(np.mean(energy[:, m, f]) for m in range(8) for f in range(energy.shape[2]))
    mean = np.mean(np.minimum(np.maximum(energy, 0.001 * peak), peak), axis=2)
    assert score(SPEECH) == pytest.approx(mean[:, :4].sum() / mean[:, 4:].sum(), rel=1e-9)


def test_pitch_counts_less_than_in_srmr():
    """A buzz of 110 Hz is a fast modulation to srmr; here no filter is there to hear it."""
    voiced = SPEECH * (1 + np.sin(2 * np.pi * 110 * TIME))
    state = (len(SPEECH), RATE)
    plain = srmr.score(state, voiced)["srmr"] / srmr.score(state, SPEECH)["srmr"]
    assert plain < 0.9 * score(voiced) / score(SPEECH)


def test_reverberation_lowers_it():
    room = np.random.default_rng(1).standard_normal(RATE) * 10 ** (-3 * np.arange(RATE) / RATE)
    assert score(fftconvolve(SPEECH, room)[: len(SPEECH)]) < 0.8 * score(SPEECH)


def test_the_reference_plays_no_role_but_its_length():
    silent, shorter = (score_all(["srmr_norm"], 0 * SPEECH[:n], SPEECH, RATE)["srmr_norm"] for n in (None, -1))
    assert silent.value == score(SPEECH)
    assert shorter.status == "length_mismatch"
