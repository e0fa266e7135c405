"""From targets to sound: streams equal whole signals, look-ahead is kept, bands have the energy asked for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.dsp.percepnet import Settings, Targets, compute_targets
from percepkit.dsp.reconstruct import TargetStream, apply_targets

RATE = 16_000


def voiced_in_noise(seconds=0.6, dtype=np.float64):
    t = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(130 + 20 * np.sin(7 * t)) / RATE
    clean = 0.1 * sum(np.sin(k * phase) / k for k in range(1, 20)) * (np.sin(9 * t) > -0.5)
    return clean.astype(dtype), (clean + 0.05 * np.random.default_rng(0).standard_normal(len(t))).astype(dtype)


def rows(targets, begin, end):
    """Rows of targets as a stream is fed; what lies outside the frames is any finite value."""

    def part(values, outside):
        index = np.arange(begin, end)
        inside = (index >= 0) & (index < len(values))
        filled = np.full((len(index), *values.shape[1:]), outside, values.dtype)
        filled[inside] = values[index[inside]]
        return filled

    return Targets(
        part(targets.gains, 0.3), part(targets.strengths, 0.7), part(targets.attenuation, 0.9),
        part(targets.period, 100.0), targets.settings,
    )  # fmt: skip


def stream(noisy, targets, blocks, **options):
    """Feed whole hops in blocks; the output without the latency."""
    settings_ = targets.settings
    worker = TargetStream(RATE, settings_, noisy.dtype, **options)
    hop, lag = worker.hop, settings_.look_ahead_frames
    frames = len(noisy) // hop
    out, at = [], 0
    for size in [*blocks, frames]:
        end = min(at + size, frames)
        out.append(worker.process(noisy[at * hop : end * hop], rows(targets, at - lag, end - lag)))
        at = end
    out.append(worker.flush(rows(targets, frames - lag, frames + 1)))
    return np.concatenate(out)[worker.latency_samples :]


@settings(max_examples=25)
@given(
    st.lists(st.integers(0, 9), max_size=8),
    st.integers(0, 3),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([np.float32, np.float64]),
)
def test_a_stream_equals_the_whole_signal(blocks, look_ahead, comb, postfilter, smooth, dtype):
    clean, noisy = voiced_in_noise(dtype=dtype)
    targets = compute_targets(clean, noisy, RATE, settings=Settings(look_ahead_frames=look_ahead))
    options = {"comb": comb, "postfilter": postfilter, "smooth": smooth}
    whole = apply_targets(noisy, targets, RATE, **options)
    np.testing.assert_allclose(
        stream(noisy, targets, blocks, **options), whole, rtol=0, atol=1e-9 if dtype == np.float64 else 1e-4
    )


@pytest.mark.parametrize("look_ahead", [0, 3])
def test_output_never_depends_on_what_comes_after_the_latency(look_ahead):
    clean, noisy = voiced_in_noise()
    targets = compute_targets(clean, noisy, RATE, settings=Settings(look_ahead_frames=look_ahead))
    known = 40 * 160
    other = noisy.copy()
    other[known:] = 0.3
    latency = (1 + look_ahead) * 160
    difference = np.abs(apply_targets(other, targets, RATE) - apply_targets(noisy, targets, RATE))
    assert difference[: known - latency].max() == 0
    assert difference[known - latency :].max() > 0


def test_wrong_shapes_and_missing_limits_are_refused():
    clean, noisy = voiced_in_noise()
    targets = compute_targets(clean, noisy, RATE)
    with pytest.raises(
        ValueError, match="9600 samples at 16000 Hz have 61 frames of 34 bands, found gains of shape"
    ):
        apply_targets(noisy, replace(targets, gains=targets.gains[:-1]), RATE)
    with pytest.raises(ValueError, match="set look_ahead_frames"):
        TargetStream(RATE, Settings(), np.float32)
    worker = TargetStream(RATE, Settings(look_ahead_frames=0), np.float64)
    with pytest.raises(ValueError, match="expected 160 samples for each of 2 rows of targets, found 160"):
        worker.process(noisy[:160], rows(targets, 0, 2))
    with pytest.raises(ValueError, match="periods must not exceed 282 samples, found 400"):
        worker.process(noisy[:160], replace(rows(targets, 0, 1), period=np.array([400.0])))
    with pytest.raises(ValueError, match="a pitch period is at least 8 samples"):
        worker.process(noisy[:160], replace(rows(targets, 0, 1), period=np.array([3.0])))


def test_predicted_targets_need_no_flags():
    clean, noisy = voiced_in_noise()
    ideal = compute_targets(clean, noisy, RATE)
    predicted = Targets(ideal.gains, ideal.strengths, ideal.attenuation, ideal.period)
    assert predicted.gains_valid.all()
    assert predicted.strengths_valid.all()
    np.testing.assert_array_equal(apply_targets(noisy, predicted, RATE), apply_targets(noisy, ideal, RATE))


def test_smoothing_rings_out_and_leaves_clean_speech_alone():
    clean, noisy = voiced_in_noise()
    same = compute_targets(clean, clean, RATE)
    np.testing.assert_allclose(
        apply_targets(clean, same, RATE, smooth=True), apply_targets(clean, same, RATE), atol=1e-6
    )
    gated = replace(same, gains=same.gains * (np.arange(61) < 30)[:, None])
    ends = [
        np.abs(apply_targets(noisy, gated, RATE, smooth=s)[30 * 160 + 160 : 33 * 160]).max() for s in (True, False)
    ]
    assert ends[0] > 0.02
    assert ends[1] == 0
