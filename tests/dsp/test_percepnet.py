"""Ideal targets and their application, on synthetic speech with known parts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.audio.files import read
from percepkit.audio.resampling import resample
from percepkit.dsp import percepnet
from percepkit.dsp.comb import comb_frames, comb_weights
from percepkit.dsp.erb import band_energy, band_product, interpolate, layout
from percepkit.dsp.noise import generate
from percepkit.dsp.reconstruct import apply_targets
from percepkit.dsp.stft import analyse, analyse_frames
from percepkit.dsp.strength import measure_coherences, solve_strength
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


@pytest.mark.parametrize("corpus", ["arctic", "kathleen", "librispeech", "vctk"])
def test_single_precision_agrees_with_double_on_real_speech(shared, corpus, monkeypatch):
    errors = []
    folder = shared / "corpus" / "speech" / corpus
    for number, path in enumerate(sorted(p for p in folder.rglob("*") if p.suffix in (".wav", ".flac"))[:4]):
        x, rate = read(path, channel=0)
        x = x[: 8 * rate]
        noise = 0.02 * generate("speech_shaped", len(x), rate, number, {})
        with monkeypatch.context() as patch:
            errors.append(check_precision(x.astype(np.float64), x + noise, rate, patch))
    assert np.mean(np.concatenate(errors) < 1e-3) >= 0.999


def coherence(a, b, bands):
    scale = np.sqrt(band_energy(a, bands) * band_energy(b, bands))
    return np.divide(band_product(a, b, bands), scale, out=np.zeros_like(scale), where=scale > 0)


def check_coherences(clean, noisy, sample_rate, choice):
    """Coherence of the mix less that of the clean speech, at the strengths and with strengths over bins."""
    hop, bands = choice.hop(sample_rate), choice.layout(sample_rate)
    options = {"order": choice.comb_order, "look_ahead": choice.look_ahead(sample_rate)}
    targets = percepnet.compute_targets(clean, noisy, sample_rate, settings=choice)
    x, y = analyse(clean, hop), analyse(noisy, hop)
    p, c = (analyse_frames(comb_frames(s, targets.period, hop, **options)) for s in (clean, noisy))
    wanted, now = coherence(p, x, bands), coherence(p, y, bands)
    valid = targets.strengths_valid & (wanted > 0) & (now < wanted)

    def reached(r):
        product = (1 - r) * band_product(p, y, bands) + r * band_product(p, c, bands)
        power = (1 - r) ** 2 * band_energy(y, bands) + 2 * r * (1 - r) * band_product(y, c, bands)
        power += r**2 * band_energy(c, bands)
        scale = np.sqrt(np.maximum(power, 0) * band_energy(p, bands))
        return np.divide(product, scale, out=np.zeros_like(scale), where=scale > 0)

    # A second opinion on where there is a solution: the mixes of 201 strengths.
    exists = valid & (np.max([reached(r) for r in np.linspace(0, 1, 201)], axis=0) >= wanted)
    assert exists.sum() > 500
    assert (targets.attenuation[exists] == 1).all()
    mix = y + interpolate(targets.strengths, bands) * (c - y)
    return (np.abs(v - wanted)[exists] for v in (reached(targets.strengths), coherence(p, mix, bands)))


@pytest.mark.parametrize("sample_rate", [16_000, 48_000])
@pytest.mark.parametrize("snr_db", [0, 10])
def test_combed_speech_is_as_periodic_as_clean_speech(sample_rate, snr_db):
    """Interpolating strengths over bins costs 0.026 to 0.030 in the mean, and up to 0.11 to 0.12 in 95 %."""
    exact, interpolated = check_coherences(*demo_item(sample_rate, snr_db), sample_rate, percepnet.Settings())
    assert exact.max() < 1e-6
    assert interpolated.mean() < 0.035
    assert np.quantile(interpolated, 0.95) < 0.14


@pytest.mark.parametrize(
    "choice",
    [
        percepnet.Settings(),
        percepnet.Settings(look_ahead_frames=3),
        percepnet.Settings(bands="rectangular", comb_order=3),
        percepnet.Settings(bands="erb-rate", n_bands=16, frame_seconds=0.032),
    ],
)
def test_a_combed_voice_is_as_periodic_as_the_clean_one(voice, choice):
    clean, _ = voice(16_000, 4, glide=0.2)
    noisy = clean + 0.1 * np.random.default_rng(0).standard_normal(len(clean))
    exact, interpolated = check_coherences(clean, noisy, 16_000, choice)
    assert exact.max() < 1e-6
    assert interpolated.mean() < 0.012
    assert np.quantile(interpolated, 0.95) < 0.05
    if choice.bands == "rectangular":  # a strength is then that of all of its bins
        assert interpolated.max() < 1e-6


@pytest.mark.parametrize("rule", ["exact", "published", "white-noise"])
def test_closed_forms_know_the_comb_that_a_limit_leaves(voice, rule):
    clean, _ = voice(16_000, 1)
    noisy = clean + 0.1 * np.random.default_rng(0).standard_normal(len(clean))
    choice = percepnet.Settings(look_ahead_frames=2, strength=rule)
    targets = percepnet.compute_targets(clean, noisy, 16_000, settings=choice)
    voiced = targets.period > 0
    future = np.minimum((2 * 160 - 8) // targets.period[voiced], 5).astype(int)  # 8 samples for the sinc
    assert len(set(future)) > 1
    weights = np.array([comb_weights(5, n) for n in future])
    x, y = analyse(clean, 160), analyse(noisy, 160)
    p, c = (analyse_frames(comb_frames(s, targets.period, 160, look_ahead=320)) for s in (clean, noisy))
    q = measure_coherences(x[voiced], y[voiced], p[voiced], c[voiced], layout(16_000))
    gains = np.stack([weights[:, 5], np.sum(weights**2, axis=1)], axis=1)
    strengths, attenuation = solve_strength(q, gains, rule=rule)
    np.testing.assert_allclose(targets.strengths[voiced], strengths, atol=1e-9)
    np.testing.assert_allclose(targets.attenuation[voiced], attenuation, atol=1e-9)


SIGNALS = {
    "silence": lambda rng, n: np.zeros(n),
    "constant": lambda rng, n: np.full(n, 0.5),
    "huge constant": lambda rng, n: np.full(n, -1e4),
    "click": lambda rng, n: (np.arange(n) == rng.integers(n)) * 1.0,
    "clicks": lambda rng, n: (rng.uniform(size=n) < 1e-3) * 1.0,
    "square": lambda rng, n: np.sign(np.sin(0.05 * np.arange(n))),
    "denormal": lambda rng, n: 1e-310 * rng.standard_normal(n),
    "faint": lambda rng, n: 1e-9 * rng.standard_normal(n),
    "noise": lambda rng, n: rng.standard_normal(n),
    "gated": lambda rng, n: rng.standard_normal(n) * (rng.uniform(size=n // 100) < 0.5).repeat(100),
    "loud": lambda rng, n: 1e4 * rng.standard_normal(n),
    "tone": lambda rng, n: np.sin(0.1 * np.arange(n)),
}


@settings(max_examples=150)
@given(
    st.sampled_from(list(SIGNALS)),
    st.sampled_from([*SIGNALS, "same", "opposite", "scaled", "slightly noisy"]),
    st.sampled_from(["exact", "published", "white-noise"]),
    st.sampled_from([("rnnoise", None), ("erb-rate", 8), ("rectangular", None)]),
    st.sampled_from([0.01, 0.02, 0.032]),
    st.sampled_from([None, 0, 3]),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_ten_thousand_odd_frames_are_finite(first, second, rule, bands, frame_seconds, look_ahead, seed, single):
    # 150 examples of 101 frames, with pitch that is drawn instead of tracked.
    rng = np.random.default_rng(seed)
    choice = percepnet.Settings(*bands, frame_seconds, 1 + seed % 8, look_ahead, rule)
    n = 100 * choice.hop(8000)
    clean = SIGNALS[first](rng, n)
    related = {"same": clean, "opposite": -clean, "scaled": 1e-3 * clean}
    related["slightly noisy"] = clean + 1e-7 * rng.standard_normal(n)
    noisy = related[second] if second in related else SIGNALS[second](rng, n)
    period = np.where(rng.uniform(size=101) < 0.8, rng.uniform(8, 200, 101), 0.0)
    dtype = np.float32 if single else np.float64
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(percepnet, "track_pitch", lambda *a, **k: period)
        targets = percepnet.compute_targets(clean.astype(dtype), noisy.astype(dtype), 8000, settings=choice)
    assert len(targets.gains) == 101
    for values, low in ((targets.gains, 0), (targets.strengths, 0), (targets.attenuation, 0.16)):
        assert values.dtype == dtype
        assert np.isfinite(values).all()
        assert low <= values.min() <= values.max() <= 1
    assert not targets.strengths[period == 0].any()
    for smooth in (False, True):
        out = apply_targets(noisy.astype(dtype), targets, 8000, postfilter=smooth, smooth=smooth)
        assert np.isfinite(out).all()
        assert out.dtype == dtype


@pytest.mark.parametrize("frame_seconds", [0.01, 0.02, 0.032])
@pytest.mark.parametrize("sample_rate", [8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000])
def test_any_rate_frame_layout_and_rule(voice, sample_rate, frame_seconds):
    x, _ = voice(sample_rate, 0.3)
    noisy = x + 0.05 * np.random.default_rng(0).standard_normal(len(x))
    hop = int(frame_seconds * sample_rate / 2 + 0.5)
    frames = -(-len(x) // hop) + 1
    for bands, n_bands, width in (("rnnoise", None, 34), ("erb-rate", 8, 8), ("rectangular", None, 32)):
        for rule in ("exact", "published", "white-noise"):
            choice = percepnet.Settings(bands, n_bands, frame_seconds, 3, None, rule)
            targets = percepnet.compute_targets(x, noisy, sample_rate, settings=choice)
            assert targets.period.shape == (frames,)
            for values in (targets.gains, targets.strengths, targets.attenuation):
                assert values.shape == targets.flags.shape == (frames, width)
                assert 0 <= values.min() <= values.max() <= 1
            assert targets.strengths_valid.any()
            assert targets.strengths.max() > 0.3
            enhanced = apply_targets(noisy, targets, sample_rate)
            assert np.sum((enhanced - x) ** 2) < np.sum((noisy - x) ** 2)


@pytest.mark.parametrize("n", [0, 1, 79, 80, 81, 160, 161, 401])
def test_any_length(n):
    noisy = np.random.default_rng(n).standard_normal(n)
    targets = percepnet.compute_targets(0.5 * noisy, noisy, 16_000)
    np.testing.assert_allclose(targets.gains[targets.gains_valid], 0.5, rtol=1e-12)
    np.testing.assert_allclose(apply_targets(noisy, targets, 16_000, comb=False), 0.5 * noisy, atol=1e-12)


@pytest.mark.parametrize("frames", [1, 7, 1000])
def test_blocks_do_not_show(frames, monkeypatch):
    clean, noisy = demo_item(16_000, 5)
    whole = percepnet.compute_targets(clean, noisy, 16_000)
    monkeypatch.setattr(percepnet, "BLOCK_FRAMES", frames)
    other = percepnet.compute_targets(clean, noisy, 16_000)
    for name in ("gains", "strengths", "attenuation"):
        np.testing.assert_allclose(getattr(other, name), getattr(whole, name), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(other.flags, whole.flags)


@pytest.mark.parametrize("look_ahead", [0, 2])
def test_limited_targets_see_no_later_sample(look_ahead, monkeypatch):
    clean, noisy = demo_item(16_000, 5)
    known = 100 * 160
    period = percepnet.track_pitch(clean, 16_000)
    monkeypatch.setattr(percepnet, "track_pitch", lambda *a, **k: period)
    choice = percepnet.Settings(look_ahead_frames=look_ahead)
    whole = percepnet.compute_targets(clean, noisy, 16_000, settings=choice)
    cut = [np.where(np.arange(len(s)) < known, s, 0.1) for s in (clean, noisy)]
    other = percepnet.compute_targets(*cut, 16_000, settings=choice)
    seen = slice(0, 100 - look_ahead)  # frame l ends with hop l
    assert period[seen][-20:].any()
    for name in ("gains", "strengths", "attenuation", "flags"):
        np.testing.assert_array_equal(getattr(other, name)[seen], getattr(whole, name)[seen])


@pytest.mark.parametrize("rule", ["exact", "published", "white-noise"])
def test_targets_do_not_depend_on_the_level(rule):
    clean, noisy = demo_item(16_000, 5)
    choice = percepnet.Settings(strength=rule)
    one, half = (percepnet.compute_targets(s * clean, s * noisy, 16_000, settings=choice) for s in (1.0, 0.5))
    np.testing.assert_array_equal(one.period, half.period)
    audible = half.gains_valid
    np.testing.assert_array_equal(one.gains[audible], half.gains[audible])
    both = one.strengths_valid & half.strengths_valid
    assert both.sum() > 1000
    np.testing.assert_array_equal(one.strengths[both], half.strengths[both])


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


def test_integers_are_refused():
    with pytest.raises(ValueError, match="expected float samples, full scale 1, found int16 and int16"):
        percepnet.compute_targets(np.zeros(100, np.int16), np.zeros(100, np.int16), 16_000)
