"""Music passes the suppressor, speech in noise does not notice."""

import numpy as np
import pytest

from percepkit.audio.files import read
from percepkit.audio.resampling import resample
from percepkit.baselines.music_preserving import openness
from percepkit.baselines.registry import load
from percepkit.dsp.draws import key_of, normal_samples
from percepkit.dsp.music import tune
from percepkit.manifests.demo import demo_folder

RATE = 16_000


def attenuations_db(x: np.ndarray, name: str) -> np.ndarray:
    """Of each half second."""
    enhanced = load(name)(x, RATE)
    whole = len(x) // 8_000 * 8_000
    energies = [np.square(y[:whole]).reshape(-1, 8_000).sum(axis=1) + 1e-9 for y in (x, enhanced)]
    return 10 * np.log10(energies[0] / energies[1])


def test_openness_has_two_knots():
    assert openness(np.array([0, 0.6, 0.725, 0.85, 1])) == pytest.approx([0, 0, 0.5, 1, 1])


def test_made_up_music_passes():
    kept = np.concatenate(
        [
            attenuations_db(tune(6 * RATE, RATE, key_of("passes", i)), "magnitude-wiener-music")[4:]
            for i in range(4)
        ]
    )
    lost = np.concatenate(
        [attenuations_db(tune(6 * RATE, RATE, key_of("passes", i)), "magnitude-wiener")[4:] for i in range(4)]
    )
    assert kept.mean() < 1 < lost.mean()


def test_real_music_passes(shared):
    for name in ("guitar_44k.wav", "jamendo_1111967.mp3", "test_audio.ogg"):
        x, rate = read(shared / "corpus/music" / name, channel=0)
        x = resample(np.asarray(x, np.float64)[: 10 * rate], rate, RATE)
        assert attenuations_db(x, "magnitude-wiener-music").mean() < 3
        assert attenuations_db(x, "magnitude-wiener").mean() > 3.5


def test_speech_in_noise_comes_out_as_before():
    from pesq import pesq

    x, rate = read(sorted((demo_folder() / "speech" / "slt").glob("*.flac"))[0], channel=0)
    clean = x.astype(np.float64)
    for snr_db in (5, 15):
        noisy = clean + np.std(clean) * 10 ** (-snr_db / 20) * normal_samples(4, len(clean))
        plain, steered = (load(name)(noisy, rate) for name in ("magnitude-wiener", "magnitude-wiener-music"))
        assert pesq(rate, clean, steered, "wb") > pesq(rate, clean, plain, "wb") - 0.05


def test_noise_is_suppressed_as_before():
    noise = 0.1 * normal_samples(5, 4 * RATE)
    plain, steered = (load(name)(noise, RATE) for name in ("magnitude-wiener", "magnitude-wiener-music"))
    assert np.abs(plain - steered).max() < 1e-9
