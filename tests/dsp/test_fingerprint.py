"""Fingerprints: the same audio in other forms is alike, other audio is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.audio.resampling import resample
from percepkit.dsp.fingerprint import Fingerprint, differing_bits, fingerprint_of, waveform_correlation

RATE = 8000


def sound(seed, seconds=4.0, rate=RATE):
    """Noise whose bands rise and fall a few times a second, as those of speech do."""
    rng = np.random.default_rng(seed)
    n = round(seconds * rate)
    t = np.arange(n) / rate
    x = 0.01 * rng.standard_normal(n)
    for centre in np.geomspace(200, 3300, 24):
        phase, pace = rng.uniform(0, 2 * np.pi, 2), rng.uniform(1, 5)
        x += (1 + np.sin(2 * np.pi * pace * t + phase[0])) * np.sin(2 * np.pi * centre * t + phase[1])
    return (0.02 * x).astype(np.float32)


@settings(max_examples=15)
@given(st.integers(0, 50), st.floats(-60, 20), st.integers(0, 60), st.sampled_from([-1, 1]))
def test_level_polarity_and_whole_hops_change_nothing(seed, gain_db, hops, sign):
    x = sound(seed)
    a = fingerprint_of(x, RATE)
    b = fingerprint_of(sign * 10 ** (gain_db / 20) * x[hops * 128 :], RATE)
    differing, overlap = differing_bits(a, b, hops)
    assert differing < 0.002
    assert overlap == pytest.approx(1, abs=0.05)
    np.testing.assert_array_equal(b.active, a.active[hops:])


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000])
def test_the_sample_rate_hardly_matters(rate):
    x = sound(1)
    differing, overlap = differing_bits(fingerprint_of(x, RATE), fingerprint_of(resample(x, RATE, rate), rate), 0)
    assert differing < 0.03
    assert overlap > 0.95


def test_half_of_the_bits_differ_by_chance():
    shares = [
        differing_bits(fingerprint_of(sound(2 * i), RATE), fingerprint_of(sound(2 * i + 1), RATE), 0)[0]
        for i in range(10)
    ]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.03)
    assert min(shares) > 0.4


def test_marks_are_found_again_in_a_noisier_copy_and_keys_are_their_weak_words():
    x = sound(3)
    a = fingerprint_of(x, RATE)
    noisy = x + (10 ** (-25 / 20) * x.std() * np.random.default_rng(0).standard_normal(len(x))).astype(np.float32)
    b = fingerprint_of(noisy, RATE)
    assert len(a.marks) > 2 * 4
    assert len(set(a.keys().ravel().tolist()) & set(b.keys().ravel().tolist())) > 3
    keys = a.keys()
    assert keys.shape == (len(a.marks), 16)
    for mark, weak, row in zip(a.marks, a.weak, keys, strict=True):
        flipped = row ^ a.words[mark]
        assert len(set(row.tolist())) == 16
        assert not (flipped & ~np.uint32(sum(1 << int(bit) for bit in weak))).any()
        assert a.words[mark] in row


@given(st.integers(0, 9), st.integers(0, 40), st.integers(0, 40), st.integers(-50, 50))
def test_differing_bits_equal_a_plain_count(seed, n, m, shift):
    rng = np.random.default_rng(seed)
    a, b = (
        Fingerprint(rng.integers(0, 2**32, k, dtype=np.uint32), rng.random(k) < 0.7, np.zeros(0), np.zeros((0, 4)))
        for k in (n, m)
    )
    pairs = [
        (int(a.words[i]), int(b.words[i - shift]))
        for i in range(n)
        if 0 <= i - shift < m and a.active[i] and b.active[i - shift]
    ]
    expected = sum((p ^ q).bit_count() for p, q in pairs) / (32 * len(pairs)) if pairs else 1.0
    differing, overlap = differing_bits(a, b, shift)
    assert differing == pytest.approx(expected)
    assert overlap == (len(pairs) / min(a.active.sum(), b.active.sum()) if pairs else 0)


def test_silence_short_and_wrong_input():
    quiet = np.concatenate([sound(0), np.zeros(RATE * 3, np.float32), 1e-4 * sound(1)])
    assert fingerprint_of(quiet, RATE).active.mean() < 0.5
    for x in (np.zeros(0), np.zeros(100), np.zeros(3500)):
        assert len(fingerprint_of(x, RATE).words) == 0
    nothing = fingerprint_of(np.zeros(2 * RATE), RATE)
    assert not nothing.active.any()
    assert len(nothing.marks) == 0
    with pytest.raises(ValueError, match="sample_rate: expected 6800 or more, found 4000"):
        fingerprint_of(np.zeros(8000), 4000)
    with pytest.raises(ValueError, match=r"one channel \[n_samples\], found shape"):
        fingerprint_of(np.zeros((8000, 2)), RATE)


@settings(max_examples=15)
@given(st.integers(0, 20), st.integers(0, 2000), st.floats(-40, 40), st.booleans())
def test_correlation_finds_delay_level_and_polarity(seed, delay, gain_db, swapped):
    x = np.random.default_rng(seed).standard_normal(2 * RATE)
    y = -(10 ** (gain_db / 20)) * x[delay:]
    assert waveform_correlation(*((y, x) if swapped else (x, y)), RATE) == pytest.approx(1, abs=0.02)


def test_correlation_of_a_mixture_is_known():
    rng = np.random.default_rng(0)
    x, z = rng.standard_normal((2, 10 * RATE))
    assert waveform_correlation(x, x + z, RATE) == pytest.approx(0.5**0.5, abs=0.02)
    assert waveform_correlation(x, z, RATE) < 0.06
    assert waveform_correlation(x, 0 * x, RATE) == 0
