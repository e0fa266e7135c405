"""SNRs of every kind are what is asked, and levels that do not exist are refused."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.audio.files import read
from percepkit.dsp.draws import key_of, normal_samples, uniform, words
from percepkit.dsp.level import active_level_dbfs, rms_dbfs
from percepkit.dsp.snr import SnrKind, noise_gain, realised_snr_db, trajectory_gain

KINDS = get_args(SnrKind)


def speech_and_noise(seed, sample_rate=16_000, seconds=2.0):
    """Bursts of noise with pauses, as speech has them, against noise of another colour."""
    n = int(seconds * sample_rate)
    gate = np.repeat(uniform(words(key_of("gate", seed), 0, 20))[:, 0] < 0.6, -(-n // 20))[:n]
    gate[: n // 20] = True
    speech = 0.1 * normal_samples(key_of("speech", seed), n) * gate
    white, steps = normal_samples(key_of("white", seed), n), normal_samples(key_of("steps", seed), n)
    return speech, 6e-4 * np.cumsum(steps) + 0.01 * white


@settings(max_examples=80)
@given(
    st.sampled_from(KINDS),
    st.floats(-8, 30),
    st.integers(0, 100),
    st.floats(-240, 120),
    st.floats(-240, 120),
    st.sampled_from([8000, 11_025, 16_000, 44_100, 48_000]),
    st.floats(0.4, 2),
)
def test_the_snr_asked_for_is_realised(kind, snr_db, seed, speech_db, noise_db, sample_rate, seconds):
    speech, noise = speech_and_noise(seed, sample_rate, seconds + 1e-3)
    speech, noise = speech * 10 ** (speech_db / 20), noise * 10 ** (noise_db / 20)
    gain = noise_gain(speech, noise, snr_db, sample_rate, kind=kind)
    assert gain > 0
    assert realised_snr_db(speech, gain * noise, sample_rate, kind=kind) == pytest.approx(snr_db, abs=1e-6)
    # Level and polarity of the mix have no part in it.
    assert realised_snr_db(-7 * speech, 7 * gain * noise, sample_rate, kind=kind) == pytest.approx(
        snr_db, abs=1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("noise_kind", ["white", "impulsive", "sine"])
def test_peer_bug_dns_challenge_ratio_of_before_normalising(kind, noise_kind):
    """Speech and noise were set to -25 dB, then scaled by the ratio of their levels before that."""
    speech, noise = speech_and_noise(3)
    noise = {
        "white": noise,
        "impulsive": 0.3 * (np.arange(len(noise)) % 2000 < 5) + 1e-5 * noise,
        "sine": 0.5 * np.sin(np.arange(len(noise))),
    }[noise_kind]
    levelled = [x * 10 ** ((-25 - rms_dbfs(x)) / 20) for x in (speech, noise)]
    stale = noise_gain(speech, noise, 0.0, 16_000, kind=kind)
    fresh = noise_gain(*levelled, 0.0, 16_000, kind=kind)
    assert abs(realised_snr_db(levelled[0], stale * levelled[1], 16_000, kind=kind)) > 3
    assert realised_snr_db(levelled[0], fresh * levelled[1], 16_000, kind=kind) == pytest.approx(0, abs=1e-6)


def test_closed_forms():
    burst, white = np.zeros(32_000), normal_samples(key_of("closed"), 32_000)
    burst[9600:16_000] = 0.1 * np.sin(2 * np.pi * 440 * np.arange(6400) / 16_000)  # two frames of 200 ms
    white /= np.sqrt(np.mean(white**2))
    expected = 20 * np.log10(0.1 / np.sqrt(2))
    found = {kind: realised_snr_db(burst, white, 16_000, kind=kind) for kind in KINDS}
    assert found["rms"] == pytest.approx(expected - 10 * np.log10(5), abs=1e-9)
    assert found["simultaneous"] == pytest.approx(expected - rms_dbfs(white[9600:16_000]), abs=1e-9)
    assert found["active"] == pytest.approx(active_level_dbfs(burst, 16_000)[0], abs=1e-9)
    assert found["rms"] + 2 < found["active"] < expected  # P.56 counts the hang-over too
    assert realised_snr_db(10 * burst, white, 16_000, kind="segmental") == pytest.approx(expected + 20, abs=0.2)


def test_segmental_is_the_mean_over_frames_with_speech():
    speech = np.repeat([1.0, 0.1, 0.0, 1e-5], 320)  # the last is 100 dB below the first: a pause
    noise = np.repeat([0.1, 0.1, 1.0, 1e-9], 320)
    assert realised_snr_db(speech, noise, 16_000, kind="segmental") == pytest.approx((20 + 0) / 2)
    noise[:320] = 1e-6  # 120 dB count as 35
    assert realised_snr_db(speech, noise, 16_000, kind="segmental") == pytest.approx((35 + 0) / 2)
    # A plateau: one frame is held at 35 and the other at -10 over 15 dB of gains; all of them are right.
    speech, noise = np.repeat([1.0, 0.1], 320), np.repeat([0.001, 0.1], 320)
    gain = noise_gain(speech, noise, 12.5, 16_000, kind="segmental")
    assert realised_snr_db(speech, gain * noise, 16_000, kind="segmental") == pytest.approx(12.5)


def test_frames_40_db_down_sound_and_no_rounding_decides_it():
    for scale in (1.0, 1 / 3, 0.7, 1e-5):
        speech, noise = scale * np.repeat([1.0, 0.01], 3200), np.ones(6400)
        found = realised_snr_db(speech, noise, 16_000, kind="simultaneous")
        assert found == pytest.approx(10 * np.log10(scale**2 * 1.0001 / 2))
        speech[3200:] = scale * 0.0099
        found = realised_snr_db(speech, noise, 16_000, kind="simultaneous")
        assert found == pytest.approx(20 * np.log10(scale))


@pytest.mark.parametrize(("kind", "frame"), [("simultaneous", 3200), ("segmental", 320)])
def test_the_last_samples_count_and_so_does_what_is_shorter_than_a_frame(kind, frame):
    speech, noise = np.zeros(6500), np.full(6500, 0.1)  # 100 samples more than whole frames
    speech[-100:] = 1.0
    expected = 20 + 10 * np.log10(100 / (frame + 100))
    assert realised_snr_db(speech, noise, 16_000, kind=kind) == pytest.approx(expected)
    assert realised_snr_db(speech[-10:], noise[-10:], 16_000, kind=kind) == pytest.approx(20)


def test_segmental_frames_are_held_between_their_bounds():
    speech, noise = speech_and_noise(1)
    assert realised_snr_db(speech, 1e-9 * noise, 16_000, kind="segmental") == 35
    assert realised_snr_db(1e-9 * speech, noise, 16_000, kind="segmental") == -10
    with pytest.raises(ValueError, match="of 40 dB cannot be reached: here it lies between -10 and 35"):
        noise_gain(speech, noise, 40, 16_000, kind="segmental")
    noise[: len(noise) // 2] = 0  # the frames without noise have 35 dB whatever the gain
    with pytest.raises(ValueError, match=r"SNR of -9 dB cannot be reached: here it lies between \d"):
        noise_gain(speech, noise, -9, 16_000, kind="segmental")
    noise[:] = speech == 0
    with pytest.raises(ValueError, match="between 35 and 35 dB"):
        noise_gain(speech, noise, 10, 16_000, kind="segmental")


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_no_snr_is_refused(kind):
    speech, noise = speech_and_noise(2)
    broken = noise.copy()
    broken[100] = np.nan
    for first, second, message in [
        (0 * speech, noise, "the speech is silent"),
        (speech, 0 * noise, "the noise is silent"),
        (np.zeros(0), np.zeros(0), "the speech is silent"),
        (speech, broken, "the noise holds NaN"),
        (speech[:100], noise, r"one channel of speech and as much noise, found shapes \(100,\) and \(32000,\)"),
        (np.stack([speech] * 2), np.stack([noise] * 2), "one channel"),
    ]:
        with pytest.raises(ValueError, match=message):
            noise_gain(first, second, 0, 16_000, kind=kind)
    with pytest.raises(ValueError, match="expected a finite SNR in dB, found nan"):
        noise_gain(speech, noise, np.nan, 16_000, kind=kind)


def test_kinds_that_need_more_say_so():
    speech, noise = speech_and_noise(2)
    first, second = np.zeros((2, 32_000))
    first[:8000] = second[16_000:] = 1.0
    with pytest.raises(ValueError, match="never sound together"):
        realised_snr_db(first, second, 16_000, kind="simultaneous")
    with pytest.raises(ValueError, match=r"loudness needs 0.4 s, found 0.100 s"):
        realised_snr_db(speech[:1600], noise[:1600], 16_000, kind="lufs")
    with pytest.raises(ValueError, match="no SNR is called 'peak'; choose from rms, active, simul"):
        realised_snr_db(speech, noise, 16_000, kind="peak")


def test_loudness_of_a_sine_is_that_of_the_standard():
    # BS.1770: a full-scale sine at 997 Hz has -3.01 LUFS; K-weighting attenuates 100 Hz by about 1.1 dB.
    t = np.arange(48_000) / 48_000
    sine = {f: np.sin(2 * np.pi * f * t) for f in (100, 997)}
    assert realised_snr_db(sine[997], sine[100], 48_000, kind="lufs") == pytest.approx(1.8, abs=0.3)
    assert realised_snr_db(0.001 * sine[997], sine[997], 48_000, kind="lufs") == pytest.approx(-60, abs=1e-6)


def test_real_speech_in_float32_has_the_snr_asked_for(shared):
    speech, rate = read(sorted((shared / "corpus/speech/kathleen").iterdir())[0], channel=0)
    noise = (0.02 * normal_samples(key_of("float32"), len(speech))).astype(np.float32)
    for kind in KINDS:
        gain = np.float32(noise_gain(speech, noise, 5.0, rate, kind=kind))
        assert realised_snr_db(speech, gain * noise, rate, kind=kind) == pytest.approx(5, abs=1e-5)


def test_a_trajectory_passes_through_its_knots():
    gain = trajectory_gain(np.array([0.0, 1.0, 3.0]), np.array([0.0, -6.0, 6.0]), 400, 100)
    assert gain.dtype == np.float32
    np.testing.assert_allclose(20 * np.log10(gain[[0, 50, 100, 200, 300, 399]]), [0, -3, -6, 0, 6, 6], atol=1e-5)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(0.01, 2), st.floats(-40, 40)), min_size=1, max_size=6))
def test_a_trajectory_never_jumps_and_stays_between_its_knots(knots):
    gaps, values = np.array(knots).T
    times = np.cumsum(gaps)
    course = 20 * np.log10(trajectory_gain(times, values, 8000, 1000))
    assert course.min() >= values.min() - 1e-4
    assert course.max() <= values.max() + 1e-4
    steepest = np.max(np.abs(np.diff(values) / np.diff(times)), initial=0)
    assert np.abs(np.diff(course)).max() <= steepest / 1000 + 1e-4


@pytest.mark.parametrize(
    ("times", "values", "message"),
    [
        ([], [], "as many values as times"),
        ([0.0, 1.0], [0.0], "as many values as times"),
        ([1.0, 0.0], [0.0, 1.0], "rising times"),
        ([0.0, 1.0], [0.0, np.nan], "finite values"),
    ],
)
def test_trajectories_without_sense_are_refused(times, values, message):
    with pytest.raises(ValueError, match=message):
        trajectory_gain(np.array(times), np.array(values), 10, 10)
