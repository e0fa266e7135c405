"""Changed responses: the numbers asked for, measured again, and the direct path where it was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import fftconvolve

from percepkit.audio.files import read
from percepkit.dsp.draws import key_of, normal_samples
from percepkit.dsp.rir import direct_path, direct_peak, drr_db, dry_response, early_response, onset, rt60_seconds
from percepkit.dsp.rir_augment import direct_response, scale_early, set_drr, set_rt60, shape_decay

RATES = [8000, 16_000, 44_100, 48_000]


def room(sample_rate=16_000, rt60=0.5, delay=60, sign=-1, seed=0, tail=0.1):
    """A direct path and exponentially decaying noise after it."""
    t = np.arange(int(1.4 * rt60 * sample_rate)) / sample_rate
    h = tail * normal_samples(key_of("room", seed), len(t)) * 10 ** (-3 * t / rt60)
    h = np.concatenate([np.zeros(delay), h])
    h[delay] = sign
    return h


def with_noise(h, level, seconds, sample_rate):
    noise = level * normal_samples(key_of("floor"), len(h) + int(seconds * sample_rate))
    noise[: len(h)] += h
    return noise


def level_db(x, sample_rate, begin, end, direct=60):
    part = x[direct + int(begin * sample_rate) : direct + int(end * sample_rate)]
    return 10 * np.log10(np.mean(part**2))


@settings(max_examples=40)
@given(
    st.sampled_from(RATES),
    st.floats(0.15, 1.2),
    st.floats(0.1, 1.5),
    st.sampled_from([-1, 1]),
    st.sampled_from([0.0, 1e-4, 1e-3]),
    st.sampled_from([0.02, 0.1]),
)
def test_the_reverberation_time_asked_for_is_measured(sample_rate, own, wanted, sign, noise, tail):
    h = with_noise(room(sample_rate, own, 137, sign, tail=tail), tail * noise, 0.2, sample_rate)
    out, reached = set_rt60(h, sample_rate, wanted, key=1)
    assert reached == rt60_seconds(out, sample_rate) == pytest.approx(wanted, rel=0.01)
    untouched = 137 + int(0.0015 * sample_rate)
    np.testing.assert_array_equal(out[:untouched], h[:untouched])
    assert direct_peak(out) == direct_peak(h)
    np.testing.assert_array_equal(out, set_rt60(h, sample_rate, wanted, key=1)[0])


@settings(max_examples=40)
@given(
    st.sampled_from(RATES),
    st.floats(-6, 18),
    st.integers(0, 5),
    st.integers(0, 3000),
    st.sampled_from([-1, 1]),
)
def test_the_drr_asked_for_is_measured(sample_rate, wanted, seed, delay, sign):
    h = room(sample_rate, 0.5, delay, sign, seed)
    out, reached = set_drr(h, sample_rate, wanted)
    assert reached == drr_db(out, sample_rate)
    if np.abs(np.delete(out, delay)).max() < 0.99 * np.abs(out[delay]):
        assert reached == pytest.approx(wanted, abs=0.1)
    else:  # the direct path would cease to be the largest sample
        assert reached > wanted - 0.1
    late = np.arange(len(h)) > delay + 0.003 * sample_rate
    np.testing.assert_array_equal(out[late], h[late])
    assert np.argmax(np.abs(out)) == delay
    assert np.sign(out[delay]) == sign


def test_the_drr_in_closed_form():
    h = np.zeros(2000)
    h[100], h[900] = -1.0, 0.1
    out, reached = set_drr(h, 16_000, 10.0)
    assert reached == pytest.approx(10)
    assert out[100] == pytest.approx(-np.sqrt(0.1))
    assert out[900] == 0.1


def test_the_direct_path_stays_the_largest():
    h = room()
    h[2000] = 0.9
    out, reached = set_drr(h, 16_000, -40)
    assert reached > -40
    assert -out[60] == pytest.approx(0.9, rel=1e-3)
    assert np.abs(out).max() == -out[60]
    # Where it was not the largest, the ratio can rise and not fall.
    h[2000] = 1.5
    np.testing.assert_array_equal(set_drr(h, 16_000, -40)[0], h)
    assert set_drr(h, 16_000, 6)[1] == pytest.approx(6, abs=1e-6)


def test_a_weak_click_before_the_direct_path_is_not_taken_for_it():
    h = room(tail=0.001)
    h[42] = 0.09  # below a tenth of the peak, until the peak is turned down
    out, _ = set_drr(h, 16_000, -6)
    assert direct_peak(out) == pytest.approx(60, abs=0.5)
    assert out[60] < 0


def test_responses_without_reverberation_keep_their_ratio():
    h = np.eye(1, 500, 100)[0]
    out, reached = set_drr(h, 16_000, 3)
    np.testing.assert_array_equal(out, h)
    assert reached == np.inf
    assert not np.shares_memory(out, h)


def test_rates_are_divided_where_time_constants_are_multiplied():
    """A re-implementation of Bryan's method put rates where it has time constants, and found that it fails."""
    own, wanted, sample_rate = 0.8, 0.4, 16_000
    h = room(sample_rate, own, 60, tail=0.05)
    out, _ = set_rt60(h, sample_rate, wanted, key=0)
    rate, new_rate = np.log(1000) / own, np.log(1000) / wanted
    for begin in (0.05, 0.1, 0.2):
        expected = np.exp(-(new_rate - rate) * begin)
        change_db = level_db(out, sample_rate, begin, begin + 0.02) - level_db(h, sample_rate, begin, begin + 0.02)
        assert change_db == pytest.approx(20 * np.log10(expected) - 1.5, abs=1.5)  # 0.02 s decay by 3 dB
    confused = np.exp(-0.2 * (1 / rate - 1 / new_rate))  # with rates in the place of time constants
    assert abs(20 * np.log10(confused)) < 0.2, "where 15 dB are due"


@pytest.mark.parametrize("wanted", [0.5, 1.0, 2.0])
def test_longer_reverberation_does_not_raise_the_noise_of_the_measurement(wanted):
    h = with_noise(room(rt60=0.3, seed=3), 1e-4, 0.5, 16_000)
    out, _ = set_rt60(h, 16_000, wanted, key=2)
    # The end has decayed like the rest instead of standing up as a wall of noise.
    for begin in np.arange(0.1, 1.1, 0.2) * wanted:
        expected = -20 - 60 * (begin + 0.05) / wanted
        assert level_db(out, 16_000, begin, begin + 0.1) == pytest.approx(expected, abs=3)


def test_octaves_keep_their_proportions():
    """Low frequencies that last twice as long go on lasting twice as long."""
    sample_rate, n = 16_000, 16_000
    spectrum = np.fft.rfft(normal_samples(key_of("low"), n))
    low = np.fft.irfft(spectrum * (np.arange(len(spectrum)) < 700)) * 10 ** (-3 * np.arange(n) / sample_rate / 0.6)
    high = np.fft.irfft(spectrum * (np.arange(len(spectrum)) > 2800)) * 10 ** (
        -3 * np.arange(n) / sample_rate / 0.3
    )
    h = 0.1 * (low + high)
    h[0] = 5.0
    out, _ = set_rt60(h, sample_rate, 2 * rt60_seconds(h, sample_rate), key=0)
    for keep, seconds in ((lambda f: f < 600, 1.2), (lambda f: f > 3200, 0.6)):
        frequency = np.fft.rfftfreq(len(out), 1 / sample_rate)
        band = np.fft.irfft(np.fft.rfft(out) * keep(frequency), len(out))
        fall = [level_db(band, sample_rate, t * seconds, (t + 0.1) * seconds, 0) for t in (0.1, 0.5)]
        assert fall[1] - fall[0] == pytest.approx(-24, abs=3)


def test_responses_without_a_decay_are_left_alone():
    h = np.zeros(1000)
    h[100] = -1
    out, reached = set_rt60(h, 16_000, 0.5, key=0)
    np.testing.assert_array_equal(out, h)
    assert np.isnan(reached)
    np.testing.assert_array_equal(shape_decay(h, 16_000), h)


TARGETS = {
    "dry": dry_response,
    "direct": direct_response,
    "early": early_response,
    "decay": shape_decay,
    "scaled": lambda h, sample_rate: scale_early(h, sample_rate, 1.0),
}


def lag_samples(reference, x, reach=200):
    """Lag at which two signals are most alike, and the sign of the likeness."""
    n = min(len(reference), len(x))
    correlation = fftconvolve(x[:n], reference[:n][::-1])[n - 1 - reach : n + reach]
    best = int(np.argmax(np.abs(correlation)))
    return best - reach, np.sign(correlation[best])


@pytest.mark.parametrize("delay", [45, 1000])
@pytest.mark.parametrize("name", TARGETS)
def test_peer_bug_lhotse_signed_argmax_shifts_negative_responses(name, delay):
    """Aligned by the largest positive sample, what a response of negative polarity gave came 700 samples early."""
    h = room(delay=delay, sign=-1, tail=0.05)
    h[delay + 700] = 0.6
    assert np.argmax(h) == delay + 700
    x = normal_samples(key_of("speech"), 8000)
    reverberant = fftconvolve(x, h)[:8000]
    target = fftconvolve(x, TARGETS[name](h, 16_000))[:8000]
    assert lag_samples(reverberant, target) == (0, 1)
    assert lag_samples(np.pad(x, (delay, 0)), target) == (0, -1)


@pytest.mark.parametrize("name", TARGETS)
def test_peer_bug_lhotse_early_part_cut_from_the_start_of_the_file(name):
    """With the direct path 62.5 ms into the file, the first 50 ms of the file were an all-zero target."""
    h = room(delay=1000, tail=0.05)
    assert not h[:800].any()
    target = TARGETS[name](h, 16_000)
    assert target[1000] == pytest.approx(-1, rel=0.02)
    assert onset(target) == 1000


@settings(max_examples=25)
@given(st.sampled_from(sorted(TARGETS)), st.integers(0, 4000), st.sampled_from([-1, 1]), st.sampled_from(RATES))
def test_targets_begin_at_the_direct_path_whatever_its_polarity_and_onset(name, delay, sign, sample_rate):
    h = room(sample_rate, delay=delay, sign=sign, tail=0.05)
    target = TARGETS[name](h, sample_rate)
    assert target[delay] == pytest.approx(sign, rel=0.05)
    assert direct_path(target, sample_rate)[0] == pytest.approx(direct_path(h, sample_rate)[0], abs=0.1)


def test_the_direct_response_is_whole_for_a_while_and_then_nothing():
    h = room(delay=200)
    alone = direct_response(h, 16_000)
    np.testing.assert_allclose(alone[200 - 39 : 200 + 39], h[200 - 39 : 200 + 39])
    assert not alone[200 + 57 :].any()


def test_shaped_decay_has_the_rt60_of_percepnets_target():
    h = room(48_000, 0.8)
    shaped = shape_decay(h, 48_000)
    early = 60 + 960
    np.testing.assert_array_equal(shaped[:early], h[:early])
    own = rt60_seconds(h, 48_000)
    later = np.arange(1, 4801) / 48_000
    expected = h[early + 1 : early + 4801] * 10 ** (-3 * later * (1 / 0.2 - 1 / own))
    np.testing.assert_allclose(shaped[early + 1 : early + 4801], expected, rtol=1e-9, atol=1e-12)
    fall = level_db(shaped, 48_000, 0.03, 0.05) - level_db(shaped, 48_000, 0.13, 0.15)
    assert fall == pytest.approx(30, abs=1.5)  # 0.1 s at 0.2 s for 60 dB
    dry = room(48_000, 0.15)
    np.testing.assert_array_equal(shape_decay(dry, 48_000), dry)


def test_scaled_early_part_keeps_the_tail():
    h = room()
    out = scale_early(h, 16_000, 0.5)
    np.testing.assert_allclose(out[: 60 + 300], 0.5 * h[: 60 + 300])
    np.testing.assert_array_equal(out[60 + 321 :], h[60 + 321 :])
    np.testing.assert_allclose(scale_early(out, 16_000, 2.0)[: 60 + 300], h[: 60 + 300])


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf])
def test_numbers_without_sense_are_refused(value):
    h = room()
    with pytest.raises(ValueError, match="expected a finite gain above 0, found"):
        scale_early(h, 16_000, value)
    with pytest.raises(ValueError, match="expected a finite RT60 above 0, found"):
        set_rt60(h, 16_000, value, key=0)
    with pytest.raises(ValueError, match="expected a finite RT60 above 0, found"):
        shape_decay(h, 16_000, rt60_seconds=value)
    if not np.isfinite(value):
        with pytest.raises(ValueError, match="expected a finite ratio in dB, found"):
            set_drr(h, 16_000, value)


CHANGES = {
    "direct": direct_response,
    "decay": shape_decay,
    "early": lambda h, sample_rate: scale_early(h, sample_rate, 2.0),
    "drr": lambda h, sample_rate: set_drr(h, sample_rate, 0.0),
    "rt60": lambda h, sample_rate: set_rt60(h, sample_rate, 0.5, key=0),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_unusable_responses_raise_and_usable_ones_are_not_written_to(change):
    with pytest.raises(ValueError, match="zero throughout"):
        change(np.zeros(100), 16_000)
    h = room()
    before = h.copy()
    change(h, 16_000)
    np.testing.assert_array_equal(h, before)


def measured_rooms(shared):
    for path in sorted((shared / "corpus" / "rir").glob("*.wav")):
        h, rate = read(path, channel=0)
        yield path.name, np.asarray(h, dtype=np.float64), rate


def test_measured_rooms_get_the_reverberation_time_asked_for(shared):
    changed = 0
    for name, h, rate in measured_rooms(shared):
        for wanted in (0.15, 0.4, 1.2):
            out, reached = set_rt60(h, rate, wanted, 1)
            if np.isnan(rt60_seconds(h, rate)):
                np.testing.assert_array_equal(out, h)
                continue
            changed += 1
            assert reached == pytest.approx(wanted, rel=0.05), name
            untouched = int(direct_peak(h) + 0.0015 * rate)
            np.testing.assert_array_equal(out[:untouched], h[:untouched])
    assert changed >= 15


def test_measured_rooms_get_the_drr_asked_for(shared):
    for name, h, rate in measured_rooms(shared):
        direct, peak = direct_path(h, rate)
        leads = abs(h[round(direct)]) > 0.9 * np.abs(h).max()
        for wanted in (-6, 0, 6, 18):
            out, reached = set_drr(h, rate, wanted)
            if (
                abs(reached - wanted) > 0.1
            ):  # turned down as far as the direct path stays the largest and the first
                assert wanted < reached <= drr_db(h, rate), name
            if leads:
                moved, changed = direct_path(out, rate)
                assert moved == pytest.approx(direct, abs=0.1), name
                assert np.sign(changed) == np.sign(peak), name
