"""Loizou's measures: the values of his MATLAB code, and what their shared parts are by definition."""

import csv

import numpy as np
import pytest
import soundfile

from percepkit.eval.metrics import Unscorable, _loizou, score_all

REFERENCE_NAMES = ("fwsegsnr", "ssnr", "llr", "wss", "cepstral_distance", "csig", "cbak", "covl")


def rows(folder):
    with open(folder / "reference.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_values_of_the_matlab_code_for_a_noisy_and_a_processed_signal(shared):
    folder = shared / "reference" / "loizou"
    clean, rate = soundfile.read(folder / "1_speech_16000_Hz.wav")
    for row in rows(folder):
        outcomes = score_all(REFERENCE_NAMES, clean, soundfile.read(folder / row["estimate"])[0], rate)
        for name, outcome in outcomes.items():
            assert outcome.value == pytest.approx(float(row[name]), abs=1e-6), name


def test_values_of_the_matlab_code_for_voicebank_demand(shared):
    folder = shared / "reference" / "vbd"
    for row in rows(folder):
        clean, rate = soundfile.read(folder / "clean" / f"{row['name']}.wav")
        noisy, _ = soundfile.read(folder / "noisy" / f"{row['name']}.wav")
        outcomes = score_all(["csig", "cbak", "covl", "ssnr"], clean, noisy, rate)
        for name, outcome in outcomes.items():
            assert outcome.value == pytest.approx(float(row[name]), abs=1e-6), (row["name"], name)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000])
def test_frames_are_those_of_the_definition(rate):
    x = np.arange(1.0, rate)
    n_window = round(0.03 * rate)
    hop = n_window // 4
    frames = _loizou.frames_of(x, rate)
    assert len(frames) == (len(x) - n_window) // hop
    for i in (0, 1, len(frames) - 1):
        np.testing.assert_array_equal(frames[i], x[i * hop : i * hop + n_window])
    k = np.arange(1, n_window + 1)
    np.testing.assert_allclose(_loizou.window_of(rate), 0.5 * (1 - np.cos(2 * np.pi * k / (n_window + 1))))


def test_spectrum_of_a_tone_falls_into_its_band():
    tone = 0.5 * np.sin(2 * np.pi * 1020.38 / 16_000 * np.arange(8_000))
    power, _ = _loizou.critical_bands(tone, 16_000, exponent=1)
    assert (power.argmax(axis=1) == 12).all()
    # A sine of amplitude A has the peak A * sum(window) / 2; the band sums a lobe that the window spreads.
    peak = (0.5 * _loizou.window_of(16_000).sum() / 2) ** 2
    assert 1 < power.max() / peak < 3


@pytest.mark.parametrize("n_samples, status", [(599, "too_short"), (600, "ok")])
@pytest.mark.parametrize("name", ["ssnr", "fwsegsnr", "llr", "wss", "cepstral_distance"])
def test_shortest_signal(name, n_samples, status):
    clean, noise = np.random.default_rng(0).standard_normal((2, n_samples))
    assert score_all([name], clean, clean + noise, 16_000)[name].status == status


@pytest.mark.parametrize("name", ["ssnr", "fwsegsnr", "llr", "wss", "cepstral_distance", "csig"])
def test_rates_outside_the_definition(name):
    clean, noise = 0.1 * np.random.default_rng(0).standard_normal((2, 48_000))
    outcomes = {rate: score_all([name], clean, clean + noise, rate)[name] for rate in (6_000, 8_000, 48_000)}
    assert outcomes[6_000].status == "rate_mismatch"
    assert outcomes[8_000].status == outcomes[48_000].status == "ok"


def test_higher_rates_are_judged_at_16_khz():
    rng = np.random.default_rng(0)
    clean = np.zeros(48_000)
    clean[::3] = 0.1 * rng.standard_normal(16_000)
    low = np.fft.irfft(np.fft.rfft(clean) * (np.arange(24_001) < 7_000))
    noisy = low + 0.01 * rng.standard_normal(48_000)
    hiss = np.fft.irfft(np.fft.rfft(rng.standard_normal(48_000)) * (np.arange(24_001) > 10_000))
    names = ["ssnr", "fwsegsnr", "llr", "wss", "cepstral_distance"]
    without = score_all(names, low, noisy, 48_000)
    with_hiss = score_all(names, low, noisy + 0.01 * hiss, 48_000)
    for name in names:
        assert with_hiss[name].value == pytest.approx(without[name].value, abs=1e-3), name


@pytest.mark.parametrize("name", ["ssnr", "fwsegsnr", "llr", "wss", "cepstral_distance"])
def test_stretches_of_digital_silence_are_no_error(name):
    clean, noise = 0.1 * np.random.default_rng(0).standard_normal((2, 16_000))
    muted = np.where(np.arange(16_000) < 8_000, clean, 0)
    for reference, estimate in [(muted, clean + noise), (clean, muted), (muted, muted + 0.1 * muted * noise)]:
        assert score_all([name], reference, estimate, 16_000)[name].status == "ok"


def test_nothing_to_trim_from_one_frame():
    assert _loizou.mean_of_lowest(np.array([3.0])) == 3.0


def test_too_low_a_rate_is_named():
    with pytest.raises(Unscorable, match="rate_mismatch: the measure needs 8000 Hz or more, got 7999 Hz"):
        _loizou.signal_at_rate(np.ones(8), 7_999)
