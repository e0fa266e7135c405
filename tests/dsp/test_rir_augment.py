"""Changed responses: the numbers asked for, measured again, and the direct path where it was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.audio.files import read
from percepkit.dsp.rir import direct_path, drr_db, onset, rt60_seconds
from percepkit.dsp.rir_augment import direct_response, scale_early, set_drr, set_rt60, shape_decay


def room(sample_rate=16_000, rt60=0.5, delay=60, sign=-1, seed=0):
    """A direct path and exponentially decaying noise after it."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(1.4 * rt60 * sample_rate)) / sample_rate
    tail = 0.1 * rng.standard_normal(len(t)) * np.exp(-np.log(1000) * t / rt60)
    h = np.concatenate([np.zeros(delay), tail])
    h[delay] = sign
    return h


@settings(max_examples=15)
@given(st.sampled_from([16_000, 48_000]), st.floats(0.2, 1.0), st.floats(0.15, 1.2), st.sampled_from([-1, 1]))
def test_the_reverberation_time_asked_for_is_measured(sample_rate, own, wanted, sign):
    h = room(sample_rate, own, 137, sign)
    out, reached = set_rt60(h, sample_rate, wanted, key=1)
    assert reached == rt60_seconds(out, sample_rate) == pytest.approx(wanted, rel=0.05)
    assert direct_path(out, sample_rate) == pytest.approx(direct_path(h, sample_rate), abs=1e-2)
    np.testing.assert_array_equal(out, set_rt60(h, sample_rate, wanted, key=1)[0])


@settings(max_examples=15)
@given(st.sampled_from([16_000, 48_000]), st.floats(-6, 18), st.integers(0, 5), st.integers(40, 3000))
def test_the_drr_asked_for_is_measured(sample_rate, wanted, seed, delay):
    h = room(sample_rate, 0.5, delay, seed=seed)
    out, reached = set_drr(h, sample_rate, wanted)
    assert reached == drr_db(out, sample_rate)
    assert reached == pytest.approx(wanted, abs=0.1)
    late = np.arange(len(h)) > delay + 0.003 * sample_rate
    np.testing.assert_array_equal(out[late], h[late])
    assert np.argmax(np.abs(out)) == delay


def test_the_direct_path_stays_the_largest():
    h = room()
    h[2000] = 0.9
    out, reached = set_drr(h, 16_000, -40)
    assert reached > -40
    assert np.abs(out).max() == pytest.approx(0.9)


def test_longer_reverberation_does_not_raise_the_noise_of_the_measurement():
    h = room(rt60=0.3, seed=3)
    h = np.concatenate([h, np.zeros(8000)])
    h += 1e-4 * np.random.default_rng(1).standard_normal(len(h))
    out, _ = set_rt60(h, 16_000, 1.0, key=2)
    # The end has decayed like the rest instead of standing up as a wall of noise.
    seconds = (np.arange(len(out)) - 60) / 16_000
    for begin in (0.3, 0.6, 0.9, 1.1):
        part = out[(seconds > begin) & (seconds < begin + 0.1)]
        expected = 20 * np.log10(0.1) - 60 * (begin + 0.05)
        assert 10 * np.log10(np.mean(part**2)) == pytest.approx(expected, abs=3)


def test_responses_without_a_decay_are_left_alone():
    h = np.zeros(1000)
    h[100] = -1
    out, reached = set_rt60(h, 16_000, 0.5, key=0)
    np.testing.assert_array_equal(out, h)
    assert np.isnan(reached)
    np.testing.assert_array_equal(shape_decay(h, 16_000), h)


@pytest.mark.parametrize("delay", [3, 200, 4000])
@pytest.mark.parametrize("sign", [-1, 1])
def test_targets_begin_at_the_direct_path_whatever_its_polarity_and_onset(delay, sign):
    # Peers cut the early part from the start of the file, or look for the largest positive sample.
    h = room(delay=delay, sign=sign)
    for response in (direct_response(h, 16_000), shape_decay(h, 16_000)):
        assert response.shape == h.shape
        assert response[delay] == sign
        assert onset(response) == delay
    alone = direct_response(h, 16_000)
    assert not alone[delay + 80 :].any()


def test_shaped_decay_has_the_rt60_of_percepnets_target():
    h = room(48_000, 0.8)
    shaped = shape_decay(h, 48_000)
    early = 60 + 960
    np.testing.assert_allclose(shaped[:early], h[:early])
    tail = shaped.copy()
    tail[:early] = 0
    tail[early] = h[60]
    assert rt60_seconds(tail, 48_000) == pytest.approx(0.2, rel=0.1)
    dry = room(48_000, 0.15)
    np.testing.assert_array_equal(shape_decay(dry, 48_000), dry)


def test_scaled_early_part_keeps_the_tail():
    h = room()
    out = scale_early(h, 16_000, 0.5)
    np.testing.assert_allclose(out[: 60 + 300], 0.5 * h[: 60 + 300])
    np.testing.assert_array_equal(out[60 + 321 :], h[60 + 321 :])
    with pytest.raises(ValueError, match="gain above 0, found 0"):
        scale_early(h, 16_000, 0)


def test_measured_rooms_follow(shared):
    for name, reaches in (("rir48000.wav", 0.05), ("speechbrain_rir1.wav", 0.02), ("stereo_48k.wav", 0.02)):
        h, rate = read(shared / "corpus" / "rir" / name, channel=0)
        for wanted in (0.2, 0.4, 0.8):
            assert set_rt60(h, rate, wanted, 1)[1] == pytest.approx(wanted, rel=reaches)
        for wanted in (0, 6):
            assert set_drr(h, rate, wanted)[1] == pytest.approx(wanted, abs=0.5)
