"""Alignment: delays, drifts, polarities and gains that are known, through noise, rooms and devices."""

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.audio.files import read
from percepkit.audio.resampling import resample_from
from percepkit.dsp.alignment import advance, coherent_share, estimate_alignment
from percepkit.manifests.demo import demo_folder

RATE = 16_000


@pytest.fixture(scope="module")
def speech():
    """Some 12 s of real speech, without the top of the band, where a resampler's filter falls."""
    files = sorted((demo_folder() / "speech").rglob("*.flac"))
    parts = [
        soxr.resample(soxr.resample(x, rate, 14_000), 14_000, RATE)
        for x, rate in (read(file, channel=0) for file in files[:5])
    ]
    return np.concatenate(parts).astype(np.float64)[: 12 * RATE]


def observed(x, delay, ppm=0.0, gain=1.0, snr_db=None, seed=0):
    """The signal by another clock, ``delay`` samples late, amid silence and noise."""
    wide = np.concatenate([np.zeros(4000), x, np.zeros(4000)])
    y = soxr.resample(wide, 1.0, 1 + ppm * 1e-6, quality="VHQ") if ppm else wide
    y = gain * advance(y, 4000 * (1 + ppm * 1e-6) - delay, len(x) + 6000)
    if snr_db is not None:
        noise = np.convolve(np.random.default_rng(seed).standard_normal(len(y)), [1, 0.9, 0.7, 0.5], "same")
        y = y + noise * np.sqrt(np.mean(np.square(gain * x)) / np.mean(np.square(noise))) * 10 ** (-snr_db / 20)
    return y


@given(delay=st.integers(-3000, 3000), gain=st.floats(0.05, 8), negative=st.booleans())
@settings(max_examples=12)
def test_whole_delays_and_gains_are_found_exactly(speech, delay, gain, negative):
    gain = -gain if negative else gain
    found = estimate_alignment(speech, observed(speech, delay, gain=gain), RATE)
    assert found.delay_seconds == delay / RATE
    assert found.drift_ppm == 0
    assert found.gain == pytest.approx(gain, rel=2e-4)
    assert found.confidence == 1


@given(delay=st.floats(-300, 300), snr_db=st.sampled_from([None, 20.0, 0.0]))
@settings(max_examples=12)
def test_delays_between_samples(speech, delay, snr_db):
    found = estimate_alignment(speech, observed(speech, delay, snr_db=snr_db, gain=-0.5), RATE)
    assert found.delay_seconds * RATE == pytest.approx(delay, abs=0.02 if snr_db is None else 0.05)
    assert found.drift_ppm == pytest.approx(0, abs=1)
    assert found.gain == pytest.approx(-0.5, rel=0.03)
    assert found.confidence > 0.9


@pytest.mark.parametrize("snr_db", [None, 0.0])
@pytest.mark.parametrize("ppm", [-50.0, 50.0, 200.0])
def test_drifting_clocks(speech, ppm, snr_db):
    found = estimate_alignment(speech, observed(speech, 812.3, ppm, 0.7, snr_db), RATE)
    assert found.drift_ppm == pytest.approx(ppm, abs=1)
    assert found.delay_seconds * RATE == pytest.approx(812.3, abs=0.1)
    assert found.gain == pytest.approx(0.7, rel=0.03)


def test_the_direct_path_of_a_room(speech):
    rng = np.random.default_rng(1)
    t = np.arange(6000)
    room = np.where(t > 40, 0.1, 0) * rng.standard_normal(6000) * np.exp(-t / 1200)  # RT60 0.5 s, DRR about -7 dB
    room[0] = -1.0
    wet = np.convolve(speech, room)[: len(speech)]
    found = estimate_alignment(speech, observed(wet, 1234), RATE)
    assert found.delay_seconds * RATE == pytest.approx(1234, abs=1)
    assert found.gain < 0
    assert found.confidence > 0.9


def test_strangers_are_not_aligned(speech):
    half = len(speech) // 2
    assert estimate_alignment(speech[:half], speech[half:], RATE).confidence < 0.3
    noise = np.random.default_rng(0).standard_normal(half)
    assert estimate_alignment(speech[:half], noise, RATE).confidence < 0.3


def test_a_part_is_found_in_the_whole(speech):
    found = estimate_alignment(speech[5 * RATE : 7 * RATE], speech, RATE)
    assert (found.delay_seconds, found.drift_ppm, found.gain) == (5.0, 0, 1)


def test_undoing_what_was_found_gives_the_reference_back(speech):
    y = observed(speech, 300.4, 80.0, -0.3)
    found = estimate_alignment(speech, y, RATE)
    pace = RATE * (1 + found.drift_ppm * 1e-6)
    back = resample_from(y, found.delay_seconds * RATE, pace, RATE, len(speech)) / found.gain
    error = 10 * np.log10(np.sum(np.square(back - speech)) / np.sum(np.square(speech)))
    assert error < -30
    true = resample_from(y, 300.4, RATE * 1.00008, RATE, len(speech)) / -0.3
    assert 10 * np.log10(np.sum(np.square(true - speech)) / np.sum(np.square(speech))) < -60


@pytest.mark.parametrize(
    "x, message",
    [
        (np.zeros(8000), "silence"),
        (np.full(8000, np.nan), "NaN"),
        (np.ones(100), "0.25 s"),
        (np.ones((9, 2)), "one"),
    ],
)
def test_what_cannot_be_aligned_is_refused(x, message, speech):
    with pytest.raises(ValueError, match=message):
        estimate_alignment(speech, x, RATE)


@given(place=st.floats(-100, 500), omega=st.floats(0.01, 0.8 * np.pi))
@settings(max_examples=30)
def test_sines_are_interpolated(place, omega):
    x = np.sin(omega * np.arange(-200, 800))
    np.testing.assert_allclose(
        advance(x, 200 + place, 200), np.sin(omega * (np.arange(200) + place)), atol=10 ** (-85 / 20)
    )


def test_whole_places_give_the_very_samples():
    x = np.random.default_rng(0).standard_normal(50).astype(np.float32)
    np.testing.assert_array_equal(advance(x, 7, 20), x[7:27])
    np.testing.assert_array_equal(advance(x, -3, 5), [0, 0, 0, x[0], x[1]])
    assert not advance(x, 90, 5).any()
    assert not advance(x, -90.5, 5).any()
    assert advance(x, 1.5, 5).dtype == np.float32


@given(place=st.floats(0, 40), n=st.integers(1, 60))
def test_a_place_beyond_the_ends_is_amid_zeros(place, n):
    x = np.random.default_rng(3).standard_normal(50)
    wide = np.concatenate([np.zeros(200), x, np.zeros(200)])
    np.testing.assert_allclose(advance(x, place, n), advance(wide, 200 + place, n), atol=1e-12)


def test_added_noise_is_not_coherent_and_a_filtered_signal_is(speech):
    noise = np.random.default_rng(0).standard_normal(len(speech)) * 0.05
    assert coherent_share(speech, noise, RATE) < 0.05
    assert coherent_share(speech, np.convolve(speech, [0, 0, 0.3, -0.2])[: len(speech)], RATE) > 0.95
    assert coherent_share(speech, np.zeros(len(speech)), RATE) == 0


def test_ready_made_pairs_of_voicebank_are_aligned(shared):
    for file in sorted((shared / "reference" / "vbd" / "clean").glob("*.wav")):
        clean, rate = read(file, channel=0)
        noisy, _ = read(file.parents[1] / "noisy" / file.name, channel=0)
        found = estimate_alignment(clean, noisy, rate)
        assert (found.delay_seconds, found.drift_ppm, found.gain) == (0, 0, 1)
        assert found.confidence == 1
        assert coherent_share(clean, noisy - clean, rate) < 0.05


def test_a_rerecording_of_daps(shared):
    folder = shared / "reference" / "daps"
    clean, rate = read(folder / "m2_script1_clean.flac", channel=0)
    heard, _ = read(folder / "m2_script1_ipad_confroom1.flac", channel=0)
    found = estimate_alignment(clean, heard, rate)
    assert found.drift_ppm == pytest.approx(41, abs=0.5)
    assert found.confidence > 0.9
    # Both halves, each alone, lie on the line of the whole.
    half = len(clean) // 2
    for start in (0, half):
        part = estimate_alignment(clean[start : start + half], heard[start : start + half], rate)
        expected = found.delay_seconds + found.drift_ppm * 1e-6 * start / rate
        assert part.delay_seconds == pytest.approx(expected, abs=2e-4)
        assert part.drift_ppm == pytest.approx(41, abs=2)
