"""Speech-to-reverberation modulation energy ratio: published values, a plain second implementation, and sense."""

import numpy as np
import pandas as pd
import pytest
from scipy.signal import fftconvolve, hilbert, lfilter

from percepkit.audio.files import read
from percepkit.eval.metrics import _modulation, score_all, srmr

RATE = 16_000


def score(signal, rate=RATE):
    return srmr.score(srmr.prepare(signal, rate), signal)["srmr"]


def speech_like(seconds=3.0, rate=RATE, seed=0):
    """Noise in syllables, four a second."""
    t = np.arange(int(seconds * rate)) / rate
    return np.random.default_rng(seed).standard_normal(len(t)) * (
        0.1 + np.clip(np.sin(2 * np.pi * 4 * t), 0, None)
    )


@pytest.mark.parametrize("estimate", ["1_noisySpeech_16000_Hz.wav", "1_processed_16000_Hz.wav"])
def test_value_is_that_of_the_authors_code(shared, estimate):
    """Their Hilbert transform goes round the ends of the signal, ours does not: 2e-5 where they do not fade."""
    table = pd.read_csv(shared / "reference" / "loizou" / "reference.csv", index_col="estimate")
    signal, rate = read(shared / "reference" / "loizou" / estimate, channel=0)
    assert score(signal, rate) == pytest.approx(table.loc[estimate, "srmr"], rel=4e-5)


@pytest.mark.parametrize("estimate, expected", [("1_noisySpeech", 3.2050299299), ("1_processed", 7.3173704498)])
def test_filters_and_window_are_those_of_srmrpy(shared, estimate, expected):
    """Values that pysepm's example notebook prints; its frames start with the signal, pauses stay."""
    signal, rate = read(shared / "reference" / "loizou" / f"{estimate}_16000_Hz.wav", channel=0)
    energy = _modulation.modulation_energy(signal.astype(np.float64), rate, highest_hz=128.0)
    inside = energy[:, :, 3 : 4 + (len(signal) - 4096) // 1024]
    assert _modulation.energy_ratio(inside, rate, highest_hz=128.0) == pytest.approx(expected, rel=4e-6)


def plain_energy(signal, rate, index, modulation_hz):
    """One band and one modulation filter in the time domain, frame by frame."""
    offset = 9.26449 * 24.7
    centre = (rate / 2 + offset) * ((125 + offset) / (rate / 2 + offset)) ** ((index + 1) / 23) - offset
    angle, poles = 2 * np.pi * centre / rate, np.exp(-1.019 * 2 * np.pi * (centre / 9.26449 + 24.7) / rate)
    denominator = [1, -2 * np.cos(angle) * poles, poles**2]
    band, at_centre = signal, np.exp(-1j * angle)
    for sign, inner in [(1, 1), (-1, 1), (1, -1), (-1, -1)]:
        zero = poles * (np.cos(angle) + sign * np.sqrt(3 + inner * 2**1.5) * np.sin(angle))
        gain = abs((1 - zero * at_centre) / np.polyval(denominator[::-1], at_centre))
        band = lfilter(np.array([1, -zero]) / gain, denominator, band)
    warped = np.tan(np.pi * modulation_hz / rate)
    out = lfilter(
        [warped / 2, 0, -warped / 2],
        [1 + warped / 2 + warped**2, 2 * warped**2 - 2, 1 - warped / 2 + warped**2],
        np.abs(hilbert(band)),
    )
    n_frame = 256 * rate // 1000
    padded = np.r_[np.zeros(n_frame * 3 // 4), out, np.zeros(n_frame)]
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(n_frame) / (n_frame - 1))
    starts = range(0, len(signal), n_frame // 4)
    return [np.sum((window * padded[start : start + n_frame]) ** 2) for start in starts]


@pytest.mark.parametrize("rate", [8_000, 16_000])
@pytest.mark.parametrize("band, modulation", [(0, 7), (11, 2), (22, 0)])
def test_energies_are_those_of_a_plain_implementation(rate, band, modulation):
    signal = speech_like(1.0, rate) * np.hanning(rate)  # ends that fade: nothing goes round them
    energy = _modulation.modulation_energy(signal, rate, highest_hz=128.0)[band, modulation]
    expected = plain_energy(signal, rate, band, 4 * 32 ** (modulation / 7))
    np.testing.assert_allclose(energy, expected, rtol=2e-3, atol=1e-5 * np.max(expected))


@pytest.mark.parametrize("modulation", range(8))
def test_a_modulated_tone_is_found_in_its_filter(modulation):
    t = np.arange(3 * RATE) / RATE
    tone = np.sin(2 * np.pi * 3000 * t) * (1 + np.sin(2 * np.pi * 4 * 32 ** (modulation / 7) * t))
    energy = _modulation.modulation_energy(tone, RATE, highest_hz=128.0)[:, :, 10:-10].sum(axis=(0, 2))
    assert np.argmax(energy) == modulation


def test_reverberation_and_noise_lower_it():
    speech, generator = speech_like(), np.random.default_rng(1)
    values = [score(speech)]
    for rt60 in (0.4, 0.8, 1.6):
        t = np.arange(RATE) / RATE
        room = generator.standard_normal(RATE) * 10 ** (-3 * t / rt60)
        values.append(score(fftconvolve(speech, room)[: len(speech)]))
    assert np.all(np.diff(values) < 0)
    assert score(speech + generator.standard_normal(len(speech))) < values[0]


def test_the_reference_plays_no_role_but_its_length():
    speech = speech_like()
    outcomes = [score_all(["srmr"], reference, speech, RATE)["srmr"] for reference in (speech, 0 * speech)]
    assert outcomes[0].value == outcomes[1].value == score(speech)


def test_pauses_do_not_count():
    speech = speech_like()
    gap = np.concatenate([speech, np.zeros(2 * RATE), speech])
    assert score(gap) == pytest.approx(score(np.concatenate([speech, speech])), rel=1e-4)
    assert len(_modulation.cut_pauses(gap, RATE)) <= 2 * len(speech)


@pytest.mark.parametrize("rate, as_good_as", [(48_000, 16_000), (11_025, 8_000), (44_100, 16_000)])
def test_other_rates_are_resampled(rate, as_good_as):
    t = np.arange(3 * rate) / rate
    x = sum(np.sin(2 * np.pi * f * t) for f in (300, 900, 2100)) * (0.1 + np.sin(2 * np.pi * 3 * t) ** 2)
    t = np.arange(3 * as_good_as) / as_good_as
    y = sum(np.sin(2 * np.pi * f * t) for f in (300, 900, 2100)) * (0.1 + np.sin(2 * np.pi * 3 * t) ** 2)
    assert score(x, rate) == pytest.approx(score(y, as_good_as), rel=1e-3)


def test_what_cannot_be_scored_has_a_reason():
    speech = speech_like()
    assert score_all(["srmr"], speech, speech, 6_000)["srmr"].status == "rate_mismatch"
    click = speech * (np.arange(len(speech)) < 2_000)
    assert score_all(["srmr"], speech, click, RATE)["srmr"].status == "too_short"
