"""Comb filter along the pitch of the noisy signal: closed forms, and voices of known pitch in noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.baselines.comb import comb_strength
from percepkit.baselines.registry import load
from percepkit.dsp.comb import noise_gains
from percepkit.dsp.draws import normal_samples

WEIGHTS = noise_gains(np.array([100.0]))
RATE = 16_000


def left(r: float) -> float:
    """Power of white noise in the mix: (1 - r) at the centre and r w_k everywhere."""
    centre, spread = WEIGHTS[0]
    return (1 - r + r * centre) ** 2 + r**2 * (spread - centre**2)


@given(periodic=st.floats(0, 0.999), noise=st.floats(0, 1))
def test_strength_leaves_the_clean_speech_its_own(periodic, noise):
    r = comb_strength(np.array([[periodic]]), np.array([[noise]]), WEIGHTS).item()
    wanted = max(1 - periodic - noise, 0) / (1 - periodic)
    assert 0 <= r <= 1
    assert left(r) == pytest.approx(max(wanted, left(1.0)), abs=0.003)


def test_nothing_is_combed_without_noise_or_without_anything_aperiodic():
    assert comb_strength(np.array([[0.4]]), np.array([[0.0]]), WEIGHTS).item() == 0
    assert comb_strength(np.array([[1.0]]), np.array([[0.5]]), WEIGHTS).item() == 0


def si_sdr_db(clean: np.ndarray, estimate: np.ndarray) -> float:
    scaled = clean * (clean @ estimate) / (clean @ clean)
    return float(10 * np.log10(np.sum(scaled**2) / np.sum((estimate - scaled) ** 2)))


@pytest.fixture(scope="module")
def steady(voice):
    """A voice of 150 Hz that begins after 0.5 s, and white noise as loud."""
    x = voice(RATE, 3.0, 150.0, glide=0.02)[0]
    x[: RATE // 2] = 0
    return x, np.std(x) * normal_samples(5, len(x))


def test_steady_voice_in_white_noise_gains_most_of_nine_db(steady):
    clean, noise = steady
    enhanced = load("comb")(clean + noise, RATE)
    voiced = slice(RATE, None)
    gain_db = si_sdr_db(clean[voiced], enhanced[voiced]) - si_sdr_db(clean[voiced], (clean + noise)[voiced])
    assert 5 < gain_db < 9.1  # 10 lg of the sum of squared weights is -9 dB


def test_wiener_filter_gains_more_and_uses_the_comb(steady):
    clean, noise = steady
    score = {name: si_sdr_db(clean, load(name)(clean + noise, RATE)) for name in ("comb", "wiener", "wiener-comb")}
    assert score["wiener-comb"] > score["wiener"] + 1
    assert score["wiener-comb"] > score["comb"] + 1


def test_clean_voice_and_lone_noise_pass(steady):
    clean, noise = steady
    assert si_sdr_db(clean, load("comb")(clean, RATE)) > 25
    assert si_sdr_db(noise, load("comb")(noise, RATE)) > 20


def test_rates_below_8_khz_are_refused():
    with pytest.raises(ValueError, match="at least 8000 Hz, found 4000"):
        load("comb")(np.zeros(100), 4_000)


def test_real_voices_in_noise_gain_from_the_comb(shared):
    from pystoi import stoi

    from percepkit.audio.files import read

    clean, rate = read(shared / "corpus/speech/arctic/cmu_arctic_us_aew_a0001.wav", channel=0)
    clean = clean.astype(np.float64)
    noisy = clean + np.std(clean) * 10 ** (-5 / 20) * normal_samples(9, len(clean))
    score = {name: load(name)(noisy, rate) for name in ("wiener+imcra", "wiener-comb")}
    assert si_sdr_db(clean, score["wiener-comb"]) > si_sdr_db(clean, score["wiener+imcra"])
    assert stoi(clean, score["wiener-comb"], rate) > stoi(clean, score["wiener+imcra"], rate) + 0.005
