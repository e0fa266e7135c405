"""Room responses: sub-sample direct paths, targets that stay aligned, known decays."""

import math

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, fftconvolve, sosfilt

from percepkit.dsp import draws, rir


def pulse(n, delay, gain=1.0):
    """A fractional delay as image-method simulators write it: 81 taps under a Hann window."""
    t = np.arange(n) - delay
    return gain * np.sinc(t) * np.where(np.abs(t) <= 40.5, 0.5 + 0.5 * np.cos(2 * np.pi * t / 81), 0)


def decay(sample_rate, rt60, *, seed, seconds=None, start=500):
    n = round(sample_rate * (seconds or max(1.3 * rt60, 0.3)))
    h = np.zeros(n)
    t = np.arange(n - start) / sample_rate
    h[start:] = draws.normal_samples(draws.key_of("decay", seed), n - start) * 10 ** (-3 * t / rt60)
    return h


def si_sdr_db(reference, estimate):
    target = reference * (reference @ estimate) / (reference @ reference)
    return 10 * np.log10((target @ target) / np.sum((estimate - target) ** 2))


def speechlike(sample_rate, seconds=1.0):
    """White noise with the long-term spectrum of speech: nothing below 80 Hz, 6 dB an octave above 500 Hz."""
    x = draws.normal_samples(draws.key_of("speech"), round(seconds * sample_rate))
    x = sosfilt(butter(4, 80, "highpass", fs=sample_rate, output="sos"), x)
    return sosfilt(butter(1, 500, fs=sample_rate, output="sos"), x)


@given(st.floats(45, 800), st.floats(0.01, 3), st.sampled_from([-1, 1]), st.sampled_from([16000, 48000]))
def test_fractional_delay_and_signed_gain_are_recovered(delay, gain, sign, sample_rate):
    h = pulse(1000, delay, sign * gain)
    found_delay, found_gain = rir.direct_path(h, sample_rate)
    assert abs(found_delay - delay) < 0.02
    assert abs(found_gain - sign * gain) < 0.01 * gain


@given(
    st.floats(60, 61),
    st.floats(4, 30),
    st.floats(0.1, 0.9),
    st.sampled_from([-1, 1]),
    st.sampled_from([-1, 1]),
)
@settings(max_examples=60)
def test_a_reflection_some_samples_later_moves_nothing(delay, later, reflection, sign, reflection_sign):
    h = sign * (pulse(300, delay) + reflection_sign * pulse(300, delay + later, reflection))
    found_delay, found_gain = rir.direct_path(h, 16000)
    assert abs(found_delay - delay) < 0.02
    assert abs(found_gain - sign) < 0.02


@given(st.floats(45, 800), st.sampled_from([-1, 1]), st.floats(0.01, 3))
@settings(max_examples=40)
def test_the_direct_peak_is_right_to_an_eighth_of_a_sample(delay, sign, gain):
    h = pulse(1000, delay, sign * gain)
    h[int(delay) + 100] = -1.5 * sign * gain  # a later reflection of the other polarity is larger
    assert abs(rir.direct_peak(h) - delay) < 0.13
    assert (8 * rir.direct_peak(h)).is_integer()


@given(st.floats(45, 400), st.sampled_from([-0.7, 1.3]))
@settings(max_examples=30)
def test_dry_response_is_the_pulse_itself(delay, gain):
    h = pulse(500, delay, gain)
    np.testing.assert_allclose(rir.dry_response(h, 16000), h, atol=2e-3)


def test_dry_response_length_and_early_direct_path():
    h = np.zeros(200)
    h[3] = -0.5
    assert rir.dry_response(h, 16000, 64).shape == (64,)
    np.testing.assert_allclose(rir.dry_response(h, 16000), h, atol=1e-6)
    near_start = rir.dry_response(pulse(200, 5.4), 16000)
    frequencies = np.fft.rfftfreq(200)
    phase = -2 * np.pi * frequencies * 5.4
    response = np.fft.rfft(near_start) * np.exp(-1j * phase)
    assert np.abs(response[frequencies < 0.25] - 1).max() < 0.05


def rooms(sample_rate, count):
    """Random rooms, each with the response of its direct path alone, from the simulator itself."""
    pra = pytest.importorskip("pyroomacoustics")
    u = draws.uniform(draws.words(draws.key_of("rooms", sample_rate), 0, 4 * count)).reshape(count, 16)
    for row in u:
        size = np.array([3, 3, 2.4]) + row[:3] * [5, 3, 1.1]
        source, microphone = 0.3 + row[3:6] * (size - 0.6), 0.3 + row[6:9] * (size - 0.6)
        responses = []
        for max_order in (5, 0):
            room = pra.ShoeBox(
                size, fs=sample_rate, materials=pra.Material(0.2 + 0.5 * row[9]), max_order=max_order
            )
            room.add_source(source)
            room.add_microphone(microphone)
            room.compute_rir()
            responses.append(np.asarray(room.rir[0][0], dtype=np.float64))
        arrival = np.linalg.norm(source - microphone) / pra.constants.get("c") * sample_rate + 40
        yield responses[0], responses[1], arrival


@pytest.mark.parametrize("sample_rate", [8000, 16000, 48000])
def test_dry_target_of_simulated_rooms(sample_rate):
    x = speechlike(sample_rate)
    ratios, errors = [], []
    for i, (h, direct, arrival) in enumerate(rooms(sample_rate, 40)):
        sign = -1 if i % 2 else 1
        dry = fftconvolve(x, rir.dry_response(sign * h, sample_rate))[: len(x)]
        expected = fftconvolve(x, sign * direct)[: len(x)]
        assert dry @ expected > 0, "the target has the polarity of the direct path"
        ratios.append(si_sdr_db(expected, dry))
        errors.append(rir.direct_path(sign * h, sample_rate)[0] - arrival)
    assert min(ratios) >= 25
    assert np.abs(errors).max() < 0.05


def test_onset_ignores_polarity_and_needs_a_tenth_of_the_peak():
    h = np.zeros(100)
    h[20], h[30], h[40] = 0.05, 0.2, -1
    assert rir.onset(h) == rir.onset(-h) == 30


def test_early_target_counts_from_the_onset_not_from_the_file():
    sample_rate = 16000
    h = np.zeros(8000)
    h[1000] = -1.0  # 62.5 ms into the file
    h[1000 + 700] = 0.5  # 44 ms later: early
    h[1000 + 900] = 0.4  # 56 ms later: late
    early = rir.early_response(h, sample_rate)
    assert len(early) == 1000 + 800 + 80
    assert (early[1000], early[1700]) == (-1, 0.5)
    assert np.count_nonzero(early) == 2


def test_early_response_fades_to_zero_and_keeps_the_rest_whole():
    h = np.ones(3000)
    early = rir.early_response(h, 16000, early_seconds=0.05, fade_seconds=0.01)
    np.testing.assert_array_equal(early[:800], 1)
    assert np.all(np.diff(early[799:]) < 0)
    np.testing.assert_allclose(early[800:] + early[800:][::-1], 1, atol=1e-12)
    np.testing.assert_array_equal(rir.early_response(h[:500], 16000), h[:500])
    assert rir.early_response(h, 16000, fade_seconds=0).shape == (800,)


@pytest.mark.parametrize("sample_rate", [16000, 48000])
@pytest.mark.parametrize("rt60", [0.3, 0.6, 1.2])
@pytest.mark.parametrize("floor_db", [None, -60, -45])
def test_reverberation_time_of_known_decays(sample_rate, rt60, floor_db):
    measured = []
    for seed in range(8):
        h = decay(sample_rate, rt60, seed=seed)
        if floor_db is not None:
            h += 10 ** (floor_db / 20) * draws.normal_samples(draws.key_of("floor", seed), len(h))
        measured.append(rir.rt60_seconds(h, sample_rate))
    np.testing.assert_allclose(measured, rt60, rtol=0.05)


def test_a_high_floor_falls_back_to_t20_and_a_higher_one_to_nan():
    h, floor = decay(48000, 0.6, seed=1), draws.normal_samples(draws.key_of("floor"), 37440)
    assert rir.rt60_seconds(h + 10 ** (-33 / 20) * floor, 48000) == pytest.approx(0.6, rel=0.08)
    assert math.isnan(rir.rt60_seconds(h + 0.1 * floor, 48000))


@pytest.mark.parametrize(
    "h", [pulse(4000, 60.5), np.eye(1, 4000, 70)[0], np.ones(4000)], ids=["sinc", "unit", "flat"]
)
def test_no_decay_has_no_reverberation_time(h):
    assert math.isnan(rir.rt60_seconds(h, 16000))


def test_reverberation_time_ignores_level_polarity_delay_and_trailing_zeros():
    h = decay(16000, 0.4, seed=3)
    expected = rir.rt60_seconds(h, 16000)
    changed = -1e-4 * np.concatenate([np.zeros(1000), h, np.zeros(5000)])
    assert rir.rt60_seconds(changed, 16000) == pytest.approx(expected, rel=1e-6)


def test_ratios_in_closed_form():
    sample_rate, direct, tau = 16000, 100, 1000.0
    h = np.zeros(20000)
    h[direct] = -2.0
    later = np.arange(direct + 41, len(h))  # 2.5 ms are 40 samples
    h[later] = 0.02 * np.exp(-(later - direct) / tau)
    energy = np.cumsum(0.02**2 * np.exp(-2 * (later - direct) / tau))
    assert rir.drr_db(h, sample_rate) == pytest.approx(10 * math.log10(4 / energy[-1]))
    early = 4 + energy[800 - 41]
    assert rir.c50_db(h, sample_rate) == pytest.approx(10 * math.log10(early / (energy[-1] - energy[800 - 41])))


def test_ratios_without_reverberation_are_infinite():
    h = np.eye(1, 5000, 100)[0]
    assert rir.drr_db(h, 16000) == rir.c50_db(h, 16000) == math.inf


FUNCTIONS = [rir.direct_path, rir.dry_response, rir.early_response, rir.rt60_seconds, rir.drr_db, rir.c50_db]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    "h, message",
    [
        (np.zeros(100), "zero throughout"),
        (np.array([0.0, np.nan]), "NaN"),
        (np.zeros((2, 50)), "one channel"),
        (np.zeros(0), "one channel"),
    ],
    ids=["silent", "nan", "stereo", "empty"],
)
def test_unusable_responses_raise(function, h, message):
    with pytest.raises(ValueError, match=message):
        function(h, 16000)


@pytest.mark.parametrize("function", FUNCTIONS)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 400))
@settings(max_examples=25, deadline=None)
def test_any_response_gives_a_number_or_nan_without_a_warning(function, seed, n):
    h = draws.normal_samples(seed, n) * np.exp(-np.arange(n) / 20)
    result = function(h, 16000)
    if function in (rir.direct_path, rir.dry_response, rir.early_response):
        assert np.isfinite(result).all()


def test_measured_responses(shared):
    measured = 0
    for path in sorted((shared / "corpus" / "rir").glob("*.wav")):
        channels, sample_rate = sf.read(path, always_2d=True)
        for h in channels.T[:2]:
            delay, gain = rir.direct_path(h, sample_rate)
            assert abs(delay - rir.onset(h)) < 16, path.name
            assert 0 < abs(gain) < 2 * np.abs(h).max(), path.name
            rt60 = rir.rt60_seconds(h, sample_rate)
            assert math.isnan(rt60) or 0.1 < rt60 < 2, path.name
            measured += not math.isnan(rt60)
            assert -30 < rir.drr_db(h, sample_rate) < rir.c50_db(h, sample_rate) < 40, path.name
            assert np.any(rir.early_response(h, sample_rate)), path.name
    assert measured >= 7
