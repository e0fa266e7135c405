import numpy as np
import pytest

from percepkit.dsp.online_pitch import PitchTracker


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("look_ahead", [0, 1, 3])
def test_known_pitch_is_found_with_its_frame(voice, sample_rate, look_ahead):
    x, f0 = voice(sample_rate, 1.0, 140.0)
    hop = sample_rate // 100
    period, correlation = PitchTracker(sample_rate, look_ahead_frames=look_ahead).process(x[: len(x) // hop * hop])
    frames = np.arange(15, 80)
    found = sample_rate / period[frames + look_ahead]
    early = hop if look_ahead == 0 else 0
    assert np.abs(found / f0[frames * hop - early] - 1).max() < 0.02
    assert correlation[frames + look_ahead].min() > 0.8


def test_noise_does_not_mislead(voice):
    x, f0 = voice(16_000, 1.0, 200.0)
    noisy = x + 0.5 * x.std() * np.random.default_rng(0).standard_normal(len(x))
    period, _ = PitchTracker(16_000, look_ahead_frames=2).process(noisy)
    frames = np.arange(15, 80)
    assert np.mean(np.abs(16_000 / period[frames + 2] / f0[frames * 160] - 1) < 0.03) > 0.95


def test_noise_correlates_less_than_voice_and_silence_not_at_all():
    noise = np.random.default_rng(0).standard_normal(16_000)
    assert np.median(PitchTracker(16_000, look_ahead_frames=2).process(0.1 * noise)[1]) < 0.5
    assert not PitchTracker(16_000, look_ahead_frames=2).process(np.zeros(1_600))[1].any()


def test_blocks_change_nothing(voice):
    x = voice(16_000, 1.0)[0] + 0.02 * np.random.default_rng(0).standard_normal(16_000)
    whole = PitchTracker(16_000, look_ahead_frames=3).process(x)
    tracker = PitchTracker(16_000, look_ahead_frames=3)
    parts = [tracker.process(block) for block in np.split(x, [160, 480, 1_920, 8_000])]
    for alone, joined in zip(whole, zip(*parts, strict=True), strict=True):
        assert np.allclose(np.concatenate(joined), alone, atol=1e-8)


def test_a_slow_rate_is_refused():
    with pytest.raises(ValueError, match="needs at least 8000 Hz, found 4000"):
        PitchTracker(4_000, look_ahead_frames=0)
