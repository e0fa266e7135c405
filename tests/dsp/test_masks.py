"""Masks and maps: closed forms, what each is optimal for, bounds, and finite values for any finite spectrum."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from percepkit.dsp import masks, stft
from percepkit.dsp.masks import MASKS

UNBOUNDED = {"low": -math.inf, "high": math.inf}
TARGETS = {
    **MASKS,
    "noise mask": lambda clean, noise, noisy: masks.noise_mask(clean, noise),
    "psm, untruncated": lambda clean, noise, noisy: masks.phase_sensitive_mask(clean, noisy, **UNBOUNDED),
    "orm, untruncated": lambda clean, noise, noisy: masks.optimal_ratio_mask(clean, noise, **UNBOUNDED),
    "cirm, raw": lambda clean, noise, noisy: masks.complex_ratio_mask(clean, noisy),
    "cirm, compressed": lambda clean, noise, noisy: masks.compress_mask(masks.complex_ratio_mask(clean, noisy)),
    "log magnitude": lambda clean, noise, noisy: masks.log_magnitude(clean, floor_db=-100),
    "excess": lambda clean, noise, noisy: masks.noise_excess_db(clean, noisy, floor_db=-100),
    "vad": lambda clean, noise, noisy: masks.vad_frames(clean),
}
BOUNDS = {
    **dict.fromkeys(["ibm", "irm", "wiener", "psm", "noise-mask", "noise mask", "vad"], (0, 1)),
    "smm": (0, 10),
    "orm": (-masks.REACH, masks.REACH),
    "cirm": (-masks.REACH, masks.REACH),
    "cirm, compressed": (-10, 10),
}


def parts_of(x):
    return np.stack([x.real, x.imag])


@pytest.fixture(scope="module")
def spectra():
    """Clean, noise and noisy spectra, over 160 dB of levels and SNRs."""
    rng = np.random.default_rng(0)
    clean, noise = (rng.standard_normal((2, 60, 161)) + 1j * rng.standard_normal((2, 60, 161))) * (
        10 ** rng.uniform(-4, 4, (2, 60, 161))
    )
    return clean, noise, clean + noise


@st.composite
def any_spectra(draw):
    """Clean and noise of one precision: ordinary numbers, zeros, subnormals and the largest, in any mixture."""
    real = draw(st.sampled_from([np.float32, np.float64]))
    info = np.finfo(real)
    special = [0, info.smallest_subnormal, info.tiny, info.eps, 1, 1e18, info.max / 4, info.max / 2]
    values = st.one_of(
        st.sampled_from([float(sign * value) for value in special for sign in (-1, 1)]),
        st.floats(-float(info.max / 2), float(info.max / 2), width=32 if real is np.float32 else 64),
        st.floats(-1, 1, width=32),
    )
    pair = draw(arrays(real, (2, 2, 3, 4), elements=values))
    if draw(st.booleans()):  # noise that cancels some of the speech
        pair[1, :, 1] = -pair[0, :, 1]
    complex_type = np.result_type(real, np.complex64)
    return [x[0].astype(complex_type) + complex_type.type(1j) * x[1] for x in pair]


@given(any_spectra())
def test_everything_is_finite_and_bounded_and_of_the_precision_of_the_input(pair):
    clean, noise = pair
    for name, target in TARGETS.items():
        result = target(clean, noise, clean + noise)
        assert result.real.dtype == clean.real.dtype, name
        assert result.shape == ((3, 1) if name == "vad" else clean.shape), name
        assert np.isfinite(result).all(), name
        low, high = BOUNDS.get(name, (-math.inf, math.inf))
        parts, slack = parts_of(result), 1e-5 * high if name == "cirm" else 0
        assert (parts >= clean.real.dtype.type(low) - slack).all(), name
        assert (parts <= clean.real.dtype.type(high) + slack).all(), name


def test_the_largest_and_the_smallest_numbers_have_exact_ratios():
    for real in (np.float32, np.float64):
        info = np.finfo(real)
        for scale in (info.smallest_subnormal, info.tiny, 1e18, info.max / 8):
            bins = real(scale) * np.array([3, 4, 0], real)
            speech, noise = bins + 0j * bins, 1j * bins[[1, 0, 2]]
            np.testing.assert_allclose(masks.ideal_ratio_mask(speech, noise), [0.6, 0.8, 0], rtol=1e-6)
            np.testing.assert_allclose(masks.noise_mask(speech, noise), [0.8, 0.6, 1], rtol=1e-6)
            wanted = np.array([0.36 - 0.48j, 0.64 - 0.48j, 0])
            np.testing.assert_allclose(masks.complex_ratio_mask(speech, speech + noise), wanted, rtol=1e-6)
            np.testing.assert_allclose(
                masks.optimal_ratio_mask(speech, noise, **UNBOUNDED), wanted.real, rtol=1e-6
            )


@pytest.mark.parametrize("name", sorted(set(TARGETS) - {"log magnitude", "excess"}))
def test_the_level_does_not_matter(name, spectra):
    reference = TARGETS[name](*spectra)
    for exponent in (-300, 7, 300):
        scaled = [2.0**exponent * x for x in spectra]
        np.testing.assert_array_equal(TARGETS[name](*scaled), reference)
    tenth = TARGETS[name](*(0.1 * x for x in spectra))
    np.testing.assert_allclose(tenth, reference, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", sorted(set(TARGETS) - {"vad"}))
def test_each_bin_is_treated_alone(name, spectra):
    some = [x[20:23, 50] for x in spectra]
    np.testing.assert_allclose(TARGETS[name](*some), TARGETS[name](*spectra)[20:23, 50], rtol=1e-12)


def test_silence_holds_no_speech():
    silence = np.zeros((2, 3), np.complex64)
    for name, gain in MASKS.items():
        assert not gain(silence, silence, silence).any(), name
    assert (masks.noise_mask(silence, silence) == 1).all()


def test_binary_mask_is_the_snr_above_the_criterion(spectra):
    clean, noise, _ = spectra
    snr_db = 20 * np.log10(np.abs(clean) / np.abs(noise))
    for criterion_db in (-6.0, 0.0, 5.0):
        mask = masks.ideal_binary_mask(clean, noise, criterion_db=criterion_db)
        np.testing.assert_array_equal(mask, snr_db > criterion_db)


def test_binary_mask_is_the_best_of_all_binary_masks_where_the_parts_are_orthogonal(spectra):
    clean, noise, _ = spectra
    noise = 1j * clean * np.abs(noise / clean)
    mask = masks.ideal_binary_mask(clean, noise)
    error = [np.abs(m * (clean + noise) - clean) ** 2 for m in (mask, 1 - mask)]
    assert (error[0] <= error[1] * (1 + 1e-9)).all()


def test_ratio_masks_are_functions_of_the_snr(spectra):
    clean, noise, _ = spectra
    snr = np.abs(clean) ** 2 / np.abs(noise) ** 2
    for beta in (0.5, 1.0, 2.0):
        wanted = (snr / (1 + snr)) ** beta
        np.testing.assert_allclose(masks.ideal_ratio_mask(clean, noise, beta=beta), wanted, rtol=1e-12)
        wanted = (1 / (1 + snr)) ** beta
        np.testing.assert_allclose(masks.noise_mask(clean, noise, beta=beta), wanted, rtol=1e-12)


@given(any_spectra())
def test_ratio_masks_of_speech_and_noise_are_complements(pair):
    clean, noise = pair
    tolerance = 4 * np.finfo(clean.dtype).eps
    squares = masks.ideal_ratio_mask(clean, noise) ** 2 + masks.noise_mask(clean, noise) ** 2
    assert np.abs(squares - 1).max() <= tolerance
    sums = masks.ideal_ratio_mask(clean, noise, beta=1) + masks.noise_mask(clean, noise, beta=1)
    assert np.abs(sums - 1).max() <= tolerance


def test_wiener_gain_has_the_least_expected_error_over_random_phases(spectra):
    clean, noise = (np.abs(x) for x in spectra[:2])
    turn = np.exp(2j * np.pi * np.arange(8) / 8)[:, None, None]

    def error(mask):
        return (np.abs(mask * (clean + noise * turn) - clean) ** 2).mean(axis=0)

    best = MASKS["wiener"](clean + 0j, noise + 0j, clean + noise + 0j)
    for step in (-0.01, 0.01):
        assert (error(best) < error(best + step)).all()


def test_magnitude_mask_restores_the_magnitude_and_keeps_the_phase(spectra):
    clean, _, noisy = spectra
    mask = masks.spectral_magnitude_mask(clean, noisy, limit=math.inf)
    np.testing.assert_allclose(np.abs(mask * noisy), np.abs(clean), rtol=1e-12)
    cut = masks.spectral_magnitude_mask(clean, noisy, limit=2)
    np.testing.assert_array_equal(cut, np.minimum(mask, 2))
    assert (mask > 2).any()


def test_phase_sensitive_mask_is_the_magnitude_mask_times_the_cosine(spectra):
    clean, _, noisy = spectra
    wanted = np.abs(clean / noisy) * np.cos(np.angle(clean) - np.angle(noisy))
    mask = masks.phase_sensitive_mask(clean, noisy, **UNBOUNDED)
    np.testing.assert_allclose(mask, wanted, rtol=1e-9, atol=1e-12 * np.abs(clean / noisy).max())
    np.testing.assert_array_equal(MASKS["psm"](*spectra), np.clip(mask, 0, 1))


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 2.0), (-1.0, 1.0), (-20.0, 20.0)])
def test_no_real_mask_within_the_bounds_beats_the_phase_sensitive_one(low, high, spectra):
    clean, _, noisy = spectra
    least = np.abs(masks.phase_sensitive_mask(clean, noisy, low=low, high=high) * noisy - clean)
    others = [gain(*spectra).real for gain in MASKS.values()]
    for other in [*np.linspace(low, high, 41), *(np.clip(x, low, high) for x in others)]:
        assert (least <= np.abs(other * noisy - clean) + 1e-12 * (np.abs(noisy) + np.abs(clean))).all()


@given(any_spectra())
def test_optimal_ratio_mask_is_the_phase_sensitive_one_of_the_sum(pair):
    clean, noise = (x.astype(np.complex128) for x in pair)
    noisy = clean + noise
    orm = masks.optimal_ratio_mask(clean, noise, **UNBOUNDED)
    psm = masks.phase_sensitive_mask(clean, noisy, **UNBOUNDED)
    # The sums of the ORM lose the digits by which noise cancels speech.
    largest = np.maximum(np.abs(0.5 * clean), np.abs(0.5 * noise))
    kept = np.abs(0.5 * noisy) > 1e-3 * largest
    assert np.abs(orm - psm)[kept].max(initial=0) <= 1e-8


def test_optimal_ratio_mask_by_its_formula_and_as_real_part_of_the_complex_one(spectra):
    clean, noise, noisy = spectra
    orm = masks.optimal_ratio_mask(clean, noise, **UNBOUNDED)
    np.testing.assert_allclose(orm, (clean * noisy.conj()).real / np.abs(noisy) ** 2, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(orm, masks.complex_ratio_mask(clean, noisy).real, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(masks.optimal_ratio_mask(clean, noise, low=-0.5, high=2), np.clip(orm, -0.5, 2))


def test_optimal_ratio_mask_of_cancelling_parts_is_zero():
    speech = np.array([1 + 2j, 1e-30], np.complex64)
    assert not masks.optimal_ratio_mask(speech, -speech, **UNBOUNDED).any()


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_mask_gives_the_speech_back(dtype, spectra):
    clean, noise, _ = (x.astype(dtype) for x in spectra)
    noisy = clean + noise
    error = np.abs(masks.complex_ratio_mask(clean, noisy) * noisy - clean)
    assert (error <= 8 * np.finfo(dtype).eps * np.abs(clean)).all()


def test_complex_mask_gives_the_waveform_back():
    rng = np.random.default_rng(1)
    clean, noise = rng.standard_normal((2, 1600))
    clean[:400] = 0
    spectra = [stft.analyse(x, 160) for x in (clean, noise, clean + noise)]
    estimate = stft.synthesise(masks.complex_ratio_mask(spectra[0], spectra[2]) * spectra[2], 1600)
    np.testing.assert_allclose(estimate, clean, atol=1e-12)
    table = stft.synthesise(MASKS["cirm"](*spectra) * spectra[2], 1600)
    assert np.abs(table - clean).max() < 1e-2


def test_a_quotient_beyond_the_precision_keeps_its_phase():
    mask = masks.complex_ratio_mask(np.array([3e38 + 3e38j], np.complex64), np.array([1e-45], np.complex64))
    assert np.isfinite(mask).all()
    assert mask.real == mask.imag > 1e36


@given(st.floats(0.5, 20), st.floats(0.01, 1), arrays(np.float64, (2, 20), elements=st.floats(-1, 1)))
def test_compression_is_undone_as_far_as_promised(limit, steepness, unit):
    reach = 2 / steepness * math.atanh(0.99)
    assert reach * steepness == pytest.approx(5.29, abs=0.01)
    mask = reach * (unit[0] + 1j * unit[1])
    compressed = masks.compress_mask(mask, limit=limit, steepness=steepness)
    assert np.abs(parts_of(compressed)).max() <= 0.99 * limit * (1 + 1e-12)
    restored = masks.expand_mask(compressed, limit=limit, steepness=steepness)
    np.testing.assert_allclose(parts_of(restored), parts_of(mask), rtol=1e-12, atol=1e-12)
    further = masks.expand_mask(masks.compress_mask(1e6 * mask, limit=limit, steepness=steepness))
    assert np.abs(parts_of(further)).max() <= masks.REACH * (1 + 1e-12)


def test_compression_by_its_formula():
    x = np.linspace(-90, 90, 61)
    wanted = 10 * (1 - np.exp(-0.1 * x)) / (1 + np.exp(-0.1 * x))
    np.testing.assert_allclose(masks.compress_mask(x), wanted, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(masks.compress_mask(x - 1j * x), wanted - 1j * wanted, rtol=1e-12, atol=1e-12)
    y = np.linspace(-9.9, 9.9, 61)
    wanted = -10 * np.log((10 - y) / (10 + y))
    np.testing.assert_allclose(masks.expand_mask(y), wanted, rtol=1e-12, atol=1e-12)
    assert masks.expand_mask(np.array([12.0, -1e9])).tolist() == [masks.REACH, -masks.REACH]


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_single_precision_round_trip(dtype):
    mask = np.linspace(-52, 52, 201).astype(dtype)
    restored = masks.expand_mask(masks.compress_mask(mask))
    assert restored.dtype == masks.compress_mask(mask).dtype == dtype
    np.testing.assert_allclose(restored, mask, rtol=2e-5)


def test_log_magnitude_and_its_floor(spectra):
    clean = spectra[0]
    level = masks.log_magnitude(clean, floor_db=-60)
    np.testing.assert_allclose(level, np.maximum(20 * np.log10(np.abs(clean)), -60), atol=1e-11)
    assert level.min() == -60
    largest = np.empty(1, np.complex64)
    largest.real = largest.imag = np.finfo(np.float32).max
    wanted = 20 * np.log10(2.0**128) + 10 * np.log10(2)
    np.testing.assert_allclose(masks.log_magnitude(largest, floor_db=-60), wanted, rtol=1e-6)


def test_excess_of_noise_subtracted_in_db_leaves_the_speech(spectra):
    clean, _, noisy = spectra
    excess = masks.noise_excess_db(clean, noisy, floor_db=-200)
    np.testing.assert_allclose(10 ** (-excess / 20) * np.abs(noisy), np.abs(clean), rtol=1e-10)
    floored = masks.noise_excess_db(clean, noisy, floor_db=-20)
    restored = masks.log_magnitude(noisy, floor_db=-20) - floored
    np.testing.assert_allclose(restored, masks.log_magnitude(clean, floor_db=-20), atol=1e-10)


def test_the_table_holds_the_masks_of_the_literature(spectra):
    clean, noise, noisy = spectra
    share = np.abs(clean) ** 2 / (np.abs(clean) ** 2 + np.abs(noise) ** 2)
    quotient, reach = clean / noisy, 10 * math.log((10 + 9.9) / (10 - 9.9))
    wanted = {
        "ibm": np.abs(clean) > np.abs(noise),
        "irm": share**0.5,
        "wiener": share,
        "smm": np.minimum(np.abs(quotient), 10),
        "psm": np.clip(quotient.real, 0, 1),
        "orm": np.clip(quotient.real, -reach, reach),
        "cirm": np.clip(quotient.real, -reach, reach) + 1j * np.clip(quotient.imag, -reach, reach),
        "noise-mask": 1 - (1 - share) ** 0.5,
    }
    assert list(MASKS) == list(wanted)
    for name, mask in wanted.items():
        np.testing.assert_allclose(MASKS[name](*spectra), mask, rtol=1e-6, atol=1e-9, err_msg=name)


def test_the_closer_the_mask_the_better_the_estimate(spectra):
    clean, _, noisy = spectra
    weight = 1 / (np.abs(clean) + np.abs(noisy))
    error = {name: np.mean((weight * np.abs(gain(*spectra) * noisy - clean)) ** 2) for name, gain in MASKS.items()}
    assert error["cirm"] < error["orm"] < error["psm"] < min(error["wiener"], error["smm"])
    assert max(error.values()) < np.mean((weight * np.abs(noisy - clean)) ** 2)


class TestVoiceActivity:
    @staticmethod
    def frames(*levels_db):
        rng = np.random.default_rng(2)
        unit = np.exp(2j * np.pi * rng.random((len(levels_db), 81)))
        return 10 ** (np.array(levels_db)[:, None] / 20) * unit

    def test_frames_within_the_range_of_the_loud_ones_are_active(self):
        levels = np.tile([0.0, 0, 0, -25, -35, -80], 10)
        active = masks.vad_frames(self.frames(*levels))
        np.testing.assert_array_equal(active[:, 0], levels > -30)
        active = masks.vad_frames(self.frames(*levels), range_db=40)
        np.testing.assert_array_equal(active[:, 0], levels > -40)

    @pytest.mark.parametrize("floor", [0, 1e-4])
    def test_silence_and_faint_noise_around_the_speech_change_nothing(self, floor):
        speech = self.frames(*np.linspace(-60, 0, 50))
        padded = np.vstack([np.full((400, 81), floor), speech, np.full((10_000, 81), floor)])
        active = masks.vad_frames(padded)
        np.testing.assert_array_equal(active[400:450], masks.vad_frames(speech))
        assert not active[:400].any()
        assert not active[450:].any()

    def test_one_click_does_not_hide_the_speech(self):
        levels = np.array([-10.0] * 30 + [-35.0] * 30 + [-60.0] * 40)
        levels[80] = 10
        active = masks.vad_frames(self.frames(*levels))
        np.testing.assert_array_equal(active[:, 0], levels > -50)

    @given(st.permutations(range(12)))
    def test_frames_are_judged_without_their_neighbours(self, order):
        spectrum = self.frames(*np.linspace(-70, 0, 12))
        np.testing.assert_array_equal(masks.vad_frames(spectrum[order]), masks.vad_frames(spectrum)[order])

    @pytest.mark.parametrize("shape", [(0, 81), (5, 81)])
    def test_silence_is_never_active(self, shape):
        active = masks.vad_frames(np.zeros(shape, np.complex64))
        assert active.shape == (shape[0], 1)
        assert active.dtype == np.float32
        assert not active.any()


def test_bad_input_is_named():
    x = np.ones((2, 3), complex)
    for function in (masks.ideal_ratio_mask, masks.ideal_binary_mask, masks.complex_ratio_mask):
        with pytest.raises(ValueError, match=r"one shape, found \[\(2, 3\), \(3,\)\]"):
            function(x, x[0])
    with pytest.raises(ValueError, match="one shape"):
        masks.noise_excess_db(x, x[0], floor_db=-80)
    for beta in (0, -1, math.nan):
        with pytest.raises(ValueError, match="beta above 0"):
            masks.ideal_ratio_mask(x, x, beta=beta)
    with pytest.raises(ValueError, match="limit above 0"):
        masks.spectral_magnitude_mask(x, x, limit=0)
    with pytest.raises(ValueError, match="steepness above 0"):
        masks.compress_mask(x, steepness=0)
    with pytest.raises(ValueError, match="low < high, found 1 and 0"):
        masks.phase_sensitive_mask(x, x, low=1, high=0)
    with pytest.raises(ValueError, match=r"frames, bins\), found \(3,\)"):
        masks.vad_frames(x[0])
