"""From targets to sound: streams equal whole signals, look-ahead is kept, bands have the energy asked for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.dsp import reconstruct
from percepkit.dsp.erb import band_energy, layout
from percepkit.dsp.percepnet import Settings, Targets, compute_targets
from percepkit.dsp.reconstruct import TargetStream, apply_targets
from percepkit.dsp.stft import analyse

RATE = 16_000
DEFAULT = Settings()
LAYOUTS = st.sampled_from([("rnnoise", None), ("erb-rate", 8), ("rectangular", None)])


def voiced_in_noise(seconds=0.6, dtype=np.float64):
    t = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(130 + 20 * np.sin(7 * t)) / RATE
    clean = 0.1 * sum(np.sin(k * phase) / k for k in range(1, 20)) * (np.sin(9 * t) > -0.5)
    return clean.astype(dtype), (clean + 0.05 * np.random.default_rng(0).standard_normal(len(t))).astype(dtype)


def drawn_targets(seed, frames, choice, dtype=np.float64):
    """Any targets that a network may predict, pitch and strengths of unvoiced frames among them."""
    rng = np.random.default_rng(seed)
    gains, strengths, attenuation = rng.uniform(size=(3, frames, len(choice.layout(RATE)))).astype(dtype)
    period = np.where(rng.uniform(size=frames) < 0.7, rng.uniform(16, 280, frames), 0.0)
    return Targets(np.rint(8 * gains) / 8, strengths, attenuation, period, choice)


def same(value, frames, period=0.0, choice=DEFAULT, *, strengths=0.0):
    """The same gain in all frames and bands."""
    shape = (frames, len(choice.layout(RATE)))
    return Targets(
        np.full(shape, value), np.full(shape, strengths), np.ones(shape), np.full(frames, period), choice
    )


def rows(targets, begin, end):
    """Rows of targets as a stream is fed; what lies outside the frames is any finite value."""

    def part(values, outside):
        index = np.arange(begin, end)
        inside = (index >= 0) & (index < len(values))
        filled = np.full((len(index), *values.shape[1:]), outside, values.dtype)
        filled[inside] = values[index[inside]]
        return filled

    # Without the settings, which a stream has of its own.
    return Targets(
        part(targets.gains, 0.3), part(targets.strengths, 0.7), part(targets.attenuation, 0.9),
        part(targets.period, 100.0),
    )  # fmt: skip


def stream(noisy, targets, blocks, **options):
    """Feed whole hops in blocks; the output without the latency."""
    settings_ = targets.settings
    worker = TargetStream(RATE, settings_, noisy.dtype, **options)
    hop, lag = worker.hop, settings_.look_ahead_frames
    frames = -(-len(noisy) // hop)
    padded = np.pad(noisy, (0, frames * hop - len(noisy)))
    out, at = [], 0
    for size in [*blocks, frames]:
        end = min(at + size, frames)
        out.append(worker.process(padded[at * hop : end * hop], rows(targets, at - lag, end - lag)))
        assert len(out[-1]) == (end - at) * hop
        at = end
    out.append(worker.flush(rows(targets, frames - lag, frames + 1)))
    return np.concatenate(out)[worker.latency_samples :][: len(noisy)]


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 9), max_size=8),
    st.integers(0, 3),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
    st.sampled_from([np.float32, np.float64]),
    LAYOUTS,
    st.sampled_from([0.01, 0.02, 0.03]),
    st.integers(0, 9600),
    st.integers(0, 2**32 - 1),
)
def test_a_stream_equals_the_whole_signal(blocks, look_ahead, on, dtype, bands, frame_seconds, n, seed):
    noisy = voiced_in_noise(dtype=dtype)[1][:n]
    choice = Settings(*bands, frame_seconds, 1 + seed % 6, look_ahead)
    targets = drawn_targets(seed, -(-n // choice.hop(RATE)) + 1, choice, dtype)
    options = dict(zip(("comb", "postfilter", "smooth"), on, strict=True))
    whole = apply_targets(noisy, targets, RATE, **options)
    streamed = stream(noisy, targets, blocks, **options)
    assert whole.dtype == streamed.dtype == dtype
    np.testing.assert_allclose(streamed, whole, rtol=0, atol=1e-9 if dtype == np.float64 else 1e-4)


@pytest.mark.parametrize("look_ahead", [0, 3])
def test_a_stream_of_ideal_targets_equals_the_whole_signal(look_ahead):
    clean, noisy = voiced_in_noise()
    targets = compute_targets(clean, noisy, RATE, settings=Settings(look_ahead_frames=look_ahead))
    np.testing.assert_allclose(stream(noisy, targets, [1] * 30), apply_targets(noisy, targets, RATE), atol=1e-9)


@settings(max_examples=40)
@given(st.integers(0, 3), st.integers(0, 59), st.integers(1, 8), st.booleans(), LAYOUTS, st.integers(0, 2**32 - 1))
def test_output_never_depends_on_what_comes_after_the_latency(look_ahead, hops, order, shape, bands, seed):
    noisy = voiced_in_noise()[1]
    targets = drawn_targets(seed, 61, Settings(*bands, comb_order=order, look_ahead_frames=look_ahead))
    known, latency = hops * 160, (1 + look_ahead) * 160
    other = noisy.copy()
    other[known:] = 0.3
    before, after = (apply_targets(s, targets, RATE, postfilter=shape, smooth=shape) for s in (noisy, other))
    settled = max(known - latency, 0)
    np.testing.assert_array_equal(after[:settled], before[:settled])


def test_the_latency_is_no_longer_than_stated():
    # A click comes out after it, and what a comb takes from the last hop of look-ahead is heard.
    for look_ahead in (0, 1, 3):
        choice = Settings(look_ahead_frames=look_ahead)
        worker = TargetStream(RATE, choice, np.float64)
        assert worker.latency_samples == (1 + look_ahead) * 160
        click = np.zeros(1600)
        click[337] = 1.0
        out = worker.process(click, same(1.0, 10, choice=choice))
        np.testing.assert_allclose(out, np.roll(click, worker.latency_samples), atol=1e-12)
        noisy = voiced_in_noise()[1]
        other = noisy.copy()
        other[4800:] = 0.3
        targets = same(1.0, 61, max(look_ahead * 160 - 8, 50.0), choice, strengths=1.0)
        changed = np.flatnonzero(apply_targets(other, targets, RATE) != apply_targets(noisy, targets, RATE))
        assert 4800 - worker.latency_samples <= changed[0] < 4800 - look_ahead * 160


@settings(max_examples=40)
@given(LAYOUTS, st.floats(0.01, 1), st.sampled_from([0.0, 90.5]), st.booleans(), st.integers(0, 2**32 - 1))
def test_equal_gains_scale_the_signal_and_ones_leave_it(bands, gain, period, single, seed):
    noisy = np.random.default_rng(seed).standard_normal(4000).astype(np.float32 if single else np.float64)
    error = 1e-5 if single else 1e-12
    choice = Settings(*bands)
    targets = same(gain, 26, period, choice)
    for comb in (False, True):
        np.testing.assert_allclose(apply_targets(noisy, targets, RATE, comb=comb), gain * noisy, atol=error)
    ones = same(1.0, 26, period, choice)
    shaped = apply_targets(noisy, ones, RATE, postfilter=True, smooth=True)
    np.testing.assert_allclose(shaped, noisy, atol=error)


def test_ideal_targets_of_clean_speech_are_transparent():
    clean, noisy = voiced_in_noise()
    hissing = clean + 0.01 * (noisy - clean)
    for scale in (1.0, 3.0):
        # Bands that 16 bits cannot hold are muted; where there are none nothing is lost.
        for wanted, error in ((clean, 2e-5), (hissing, 1e-9)):
            targets = compute_targets(wanted, scale * wanted, RATE)
            assert targets.strengths.max() < 1e-9
            np.testing.assert_allclose(apply_targets(scale * wanted, targets, RATE), wanted, atol=error)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_bands_have_the_energy_asked_for_after_the_comb(seed, shape):
    # Exactly so with rectangles, whose gain is that of all of their bins; before frames overlap.
    noisy = voiced_in_noise()[1]
    targets = drawn_targets(seed, 61, Settings(bands="rectangular", comb_order=1 + seed % 5))
    bands = layout(RATE, "rectangular")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconstruct, "synthesise", lambda spectrum, n: spectrum)
        patch.setattr(reconstruct, "MAX_RESCALE", np.inf)
        got, plain = (
            np.sqrt(band_energy(apply_targets(noisy, t, RATE, comb=comb, postfilter=shape), bands))
            for t, comb in ((targets, True), (replace(targets, gains=targets.gains * targets.attenuation), False))
        )
    np.testing.assert_allclose(got, plain, rtol=1e-9)
    if not shape:
        wanted = targets.gains * targets.attenuation * np.sqrt(band_energy(analyse(noisy, 160), bands))
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12)


def test_the_makeup_of_an_emptied_band_is_bounded():
    # A tone halfway between two harmonics: the comb leaves less of it than 20 dB can bring back.
    period, n = 100.0, np.arange(16_000)
    tone = np.cos(2 * np.pi * 7.5 * n / period)
    inside = slice(2000, -2000)
    out = apply_targets(tone, same(1.0, 101, period, strengths=1.0), RATE)
    assert np.abs(out[inside]).max() < 0.05
    # 0.95 of the comb leaves 0.05 of the tone, and 10 times as much comes out; 0.8 is made up for.
    for strength, level in ((0.95, 0.5), (0.8, 1.0)):
        out = apply_targets(tone, same(1.0, 101, period, strengths=strength), RATE)
        assert np.sqrt(2 * np.mean(out[inside] ** 2)) == pytest.approx(level, rel=0.02)


def test_frames_without_a_pitch_are_not_combed():
    # Whatever strengths a network predicts for them.
    noisy = voiced_in_noise()[1]
    targets = same(0.5, 61, 0.0, strengths=1.0)
    np.testing.assert_allclose(apply_targets(noisy, targets, RATE), 0.5 * noisy, atol=1e-12)


def test_predicted_targets_need_no_flags():
    clean, noisy = voiced_in_noise()
    ideal = compute_targets(clean, noisy, RATE)
    predicted = Targets(ideal.gains, ideal.strengths, ideal.attenuation, ideal.period)
    assert predicted.gains_valid.all()
    assert predicted.strengths_valid.all()
    np.testing.assert_array_equal(apply_targets(noisy, predicted, RATE), apply_targets(noisy, ideal, RATE))


def test_smoothing_rings_out_and_leaves_clean_speech_alone():
    clean, noisy = voiced_in_noise()
    alike = compute_targets(clean, clean, RATE)
    np.testing.assert_allclose(
        apply_targets(clean, alike, RATE, smooth=True), apply_targets(clean, alike, RATE), atol=1e-6
    )
    gated = replace(alike, gains=alike.gains * (np.arange(61) < 30)[:, None])
    ends = [
        np.abs(apply_targets(noisy, gated, RATE, smooth=s)[30 * 160 + 160 : 33 * 160]).max() for s in (True, False)
    ]
    assert ends[0] > 0.02
    assert ends[1] == 0


@pytest.mark.parametrize("name", ["gains", "strengths", "attenuation", "period"])
def test_targets_of_another_shape_are_refused(name):
    noisy = voiced_in_noise()[1]
    choice = Settings(look_ahead_frames=0)
    good = same(1.0, 61, 100.0, choice)
    worker = TargetStream(RATE, choice, np.float64)
    changes = [good.period[:-1], good.period[:1]] if name == "period" else [good.gains[:-1], good.gains[:1]]
    for values in changes:
        found = rf"found {name} of shape \({len(values)},"
        with pytest.raises(ValueError, match=f"9600 samples at 16000 Hz have 61 frames of 34 bands, {found}"):
            apply_targets(noisy, replace(good, **{name: values}), RATE)
        # Of the gains a stream reads how many rows there are.
        text = "expected 160 samples for each of" if name == "gains" else f"61 frames of 34 bands, {found}"
        with pytest.raises(ValueError, match=text):
            worker.process(np.zeros(61 * 160), replace(good, **{name: values}))
    if name != "period":
        text = rf"2 frames of 34 bands, found {name} of shape \(2, 20\)"
        narrow = replace(same(1.0, 2, 100.0, choice), **{name: np.ones((2, 20))})
        with pytest.raises(ValueError, match=text):
            worker.process(np.zeros(320), narrow)


def test_missing_limits_and_wrong_periods_are_refused():
    with pytest.raises(ValueError, match="set look_ahead_frames"):
        TargetStream(RATE, Settings(), np.float32)
    worker = TargetStream(RATE, Settings(look_ahead_frames=0), np.float64)
    with pytest.raises(ValueError, match="expected 160 samples for each of 2 rows of targets, found 160"):
        worker.process(np.zeros(160), same(1.0, 2))
    with pytest.raises(ValueError, match="periods must not exceed 282 samples, found 400"):
        worker.process(np.zeros(160), same(1.0, 1, 400.0))
    with pytest.raises(ValueError, match="a pitch period is at least 8 samples"):
        worker.process(np.zeros(160), same(1.0, 1, 3.0))
