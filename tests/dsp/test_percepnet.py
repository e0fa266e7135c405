"""Ideal targets and their application, on synthetic speech with known parts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.audio.files import read
from percepkit.audio.resampling import resample
from percepkit.dsp import percepnet
from percepkit.dsp.comb import comb_frames
from percepkit.dsp.erb import band_energy, band_product, interpolate, layout
from percepkit.dsp.noise import generate
from percepkit.dsp.reconstruct import apply_targets
from percepkit.dsp.stft import analyse, analyse_frames
from percepkit.manifests.demo import demo_folder


def test_gains_are_amplitude_ratios_not_energy_ratios(voice):
    # A peer forgot the square root.
    x, _ = voice(16_000, 0.5)
    gains, silent = percepnet.ideal_gains(analyse(x, 160), analyse(2 * x, 160), layout(16_000))
    np.testing.assert_allclose(gains[~silent], 0.5, atol=1e-6)


def test_bands_above_the_nyquist_frequency_and_silence_are_invalid(voice):
    x, _ = voice(16_000, 0.5)
    targets = percepnet.compute_targets(x, x, 16_000)
    assert not targets.gains_valid[:, 26:].any()
    silent = percepnet.compute_targets(np.zeros(8000), np.zeros(8000), 16_000)
    assert not silent.gains_valid.any()
    assert not silent.strengths_valid.any()
    assert np.isfinite(silent.gains).all()


@pytest.mark.parametrize("sample_rate", [8000, 16_000, 44_100, 48_000])
def test_clean_input_is_left_as_it_is(voice, sample_rate):
    x, _ = voice(sample_rate, 1)
    targets = percepnet.compute_targets(x, x, sample_rate)
    assert not targets.strengths.any()
    y = apply_targets(x, targets, sample_rate)
    assert 10 * np.log10(np.sum(x**2) / np.sum((y - x) ** 2)) > 50


@pytest.mark.parametrize("sample_rate", [16_000, 48_000])
def test_comb_removes_noise_between_the_harmonics(voice, sample_rate):
    x, _ = voice(sample_rate, 2, glide=0.05)
    noise = np.random.default_rng(0).standard_normal(len(x))
    y = x + noise * np.sqrt(np.mean(x**2) / np.mean(noise**2))
    targets = percepnet.compute_targets(x, y, sample_rate)
    error = [np.sum((apply_targets(y, targets, sample_rate, comb=c) - x) ** 2) for c in (False, True)]
    assert 10 * np.log10(error[0] / error[1]) > 3
    assert targets.strengths[targets.strengths_valid].mean() > 0.5


def test_bands_have_the_wanted_energy_after_the_comb(voice):
    # Peers skip the rescaling and lose energy in combed bands.
    x, _ = voice(16_000, 2)
    y = x + 0.05 * np.random.default_rng(1).standard_normal(len(x))
    targets = percepnet.compute_targets(x, y, 16_000)
    enhanced = apply_targets(y, targets, 16_000)
    bands = layout(16_000)
    wanted, got = (band_energy(analyse(s, 160), bands)[20:180, :10].sum() for s in (x, enhanced))
    assert 10 * np.log10(got / wanted) == pytest.approx(0, abs=0.7)


def demo_item(sample_rate, snr_db, voice=0):
    """A sentence of the embedded corpus in pink noise, float64."""
    path = sorted(demo_folder().glob("speech/*/01.flac"))[voice]
    x, rate = read(path, channel=0)
    clean = resample(x, rate, sample_rate).astype(np.float64)
    noise = generate("pink", len(clean), sample_rate, voice, {})
    return clean, clean + noise * np.sqrt(np.mean(clean**2) / np.mean(noise**2) / 10 ** (snr_db / 10))


def check_precision(clean, noisy, sample_rate, monkeypatch):
    period = percepnet.track_pitch(clean, sample_rate)
    monkeypatch.setattr(percepnet, "track_pitch", lambda *a, **k: period)
    double = percepnet.compute_targets(clean, noisy, sample_rate)
    single = percepnet.compute_targets(clean.astype(np.float32), noisy.astype(np.float32), sample_rate)
    valid = double.gains_valid & single.gains_valid
    assert np.abs(single.gains - double.gains)[valid].max() < 1e-4
    both = double.strengths_valid & single.strengths_valid
    return np.abs(single.strengths - double.strengths)[both]


@pytest.mark.parametrize("sample_rate", [16_000, 48_000])
def test_single_precision_agrees_with_double(sample_rate, monkeypatch):
    errors = []
    for voice, snr_db in enumerate((-5, 0, 10, 20)):
        with monkeypatch.context() as patch:
            errors.append(check_precision(*demo_item(sample_rate, snr_db, voice), sample_rate, patch))
    assert np.mean(np.concatenate(errors) < 1e-3) >= 0.999


def test_single_precision_agrees_with_double_on_real_speech(shared, monkeypatch):
    errors = []
    for number, path in enumerate(sorted((shared / "corpus" / "speech" / "arctic").glob("*.wav"))[:6]):
        x, rate = read(path, channel=0)
        noise = 0.02 * generate("speech_shaped", len(x), rate, number, {})
        with monkeypatch.context() as patch:
            errors.append(check_precision(x.astype(np.float64), x + noise, rate, patch))
    assert np.mean(np.concatenate(errors) < 1e-3) >= 0.999


def coherence(a, b, bands):
    scale = np.sqrt(band_energy(a, bands) * band_energy(b, bands))
    return np.divide(band_product(a, b, bands), scale, out=np.zeros_like(scale), where=scale > 0)


@pytest.mark.parametrize("sample_rate", [16_000, 48_000])
@pytest.mark.parametrize("snr_db", [0, 10])
def test_combed_speech_is_as_periodic_as_clean_speech(sample_rate, snr_db):
    clean, noisy = demo_item(sample_rate, snr_db)
    hop, bands = sample_rate // 100, layout(sample_rate)
    targets = percepnet.compute_targets(clean, noisy, sample_rate)
    x, y = analyse(clean, hop), analyse(noisy, hop)
    p, c = (analyse_frames(comb_frames(s, targets.period, hop)) for s in (clean, noisy))
    wanted, now = coherence(p, x, bands), coherence(p, y, bands)
    valid = targets.strengths_valid & (wanted > 0) & (now < wanted)

    def reached(r):
        product = (1 - r) * band_product(p, y, bands) + r * band_product(p, c, bands)
        power = (1 - r) ** 2 * band_energy(y, bands) + 2 * r * (1 - r) * band_product(y, c, bands)
        power += r**2 * band_energy(c, bands)
        scale = np.sqrt(np.maximum(power, 0) * band_energy(p, bands))
        return np.divide(product, scale, out=np.zeros_like(scale), where=scale > 0)

    exists = valid & (np.max([reached(r) for r in np.linspace(0, 1, 201)], axis=0) >= wanted)
    assert exists.sum() > 1000
    assert np.abs(reached(targets.strengths) - wanted)[exists].max() < 1e-6
    # Interpolating strengths over the bins of a band moves its coherence: by 0.03 in the mean, 0.12 in 5 %.
    mix = y + interpolate(targets.strengths, bands) * (c - y)
    error = np.abs(coherence(p, mix, bands) - wanted)[exists]
    assert error.mean() < 0.04
    assert np.quantile(error, 0.95) < 0.15


SIGNALS = {
    "silence": lambda rng, n: np.zeros(n),
    "constant": lambda rng, n: np.full(n, 0.5),
    "clicks": lambda rng, n: (rng.uniform(size=n) < 1e-3) * 1.0,
    "square": lambda rng, n: np.sign(np.sin(0.05 * np.arange(n))),
    "denormal": lambda rng, n: 1e-310 * rng.standard_normal(n),
    "faint": lambda rng, n: 1e-9 * rng.standard_normal(n),
    "noise": lambda rng, n: rng.standard_normal(n),
    "loud": lambda rng, n: 1e4 * rng.standard_normal(n),
    "tone": lambda rng, n: np.sin(0.1 * np.arange(n)),
}


@settings(max_examples=120)
@given(
    st.sampled_from(list(SIGNALS)),
    st.sampled_from([*SIGNALS, "same", "opposite", "scaled"]),
    st.sampled_from(["exact", "published", "white-noise"]),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_ten_thousand_odd_frames_are_finite(first, second, rule, seed, single):
    # 120 examples of 101 frames, with pitch that is drawn instead of tracked.
    rng = np.random.default_rng(seed)
    clean = SIGNALS[first](rng, 8000)
    related = {"same": clean, "opposite": -clean, "scaled": 1e-3 * clean}
    noisy = related[second] if second in related else SIGNALS[second](rng, 8000)
    period = np.where(rng.uniform(size=101) < 0.8, rng.uniform(16, 140, 101), 0.0)
    dtype = np.float32 if single else np.float64
    choice = percepnet.Settings(strength=rule)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(percepnet, "track_pitch", lambda *a, **k: period)
        targets = percepnet.compute_targets(clean.astype(dtype), noisy.astype(dtype), 8000, settings=choice)
    for values, low in ((targets.gains, 0), (targets.strengths, 0), (targets.attenuation, 0.16)):
        assert values.dtype == dtype
        assert np.isfinite(values).all()
        assert low <= values.min() <= values.max() <= 1
    assert np.isfinite(apply_targets(noisy.astype(dtype), targets, 8000)).all()


@pytest.mark.parametrize("bands, n_bands", [("erb-rate", None), ("rectangular", None), ("erb-rate", 8)])
@pytest.mark.parametrize("frame_seconds", [0.01, 0.032])
@pytest.mark.parametrize("sample_rate", [8000, 22_050, 32_000, 96_000])
def test_any_layout_frame_and_rate(voice, bands, n_bands, frame_seconds, sample_rate):
    x, _ = voice(sample_rate, 0.5)
    noisy = x + 0.05 * np.random.default_rng(0).standard_normal(len(x))
    choice = percepnet.Settings(bands=bands, n_bands=n_bands, frame_seconds=frame_seconds, comb_order=3)
    targets = percepnet.compute_targets(x, noisy, sample_rate, settings=choice)
    enhanced = apply_targets(noisy, targets, sample_rate)
    assert targets.gains.shape == targets.flags.shape
    assert targets.strengths_valid.any()
    assert np.sum((enhanced - x) ** 2) < np.sum((noisy - x) ** 2)


def test_blocks_do_not_show(monkeypatch):
    clean, noisy = demo_item(16_000, 5)
    whole = percepnet.compute_targets(clean, noisy, 16_000)
    for frames in (7, 100_000):
        monkeypatch.setattr(percepnet, "BLOCK_FRAMES", frames)
        other = percepnet.compute_targets(clean, noisy, 16_000)
        np.testing.assert_allclose(other.gains, whole.gains, rtol=0, atol=1e-12)
        np.testing.assert_allclose(other.strengths, whole.strengths, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(other.flags, whole.flags)


def test_impossible_settings_are_refused():
    for bad, text in (
        ({"frame_seconds": 1.0}, "frames last from 0.002 to 0.2 s"),
        ({"comb_order": 0}, "at least 1 period"),
        ({"look_ahead_frames": -1}, "use 0 for none"),
        ({"strength": "paper"}, "choose from exact, published, white-noise"),
        ({"bands": "mel"}, "no band layout"),
    ):
        with pytest.raises(ValueError, match=text):
            percepnet.Settings(**bad)


def test_unequal_shapes_are_refused():
    with pytest.raises(ValueError, match=r"clean has shape \(10,\) and noisy \(11,\)"):
        percepnet.compute_targets(np.zeros(10), np.zeros(11), 16_000)
