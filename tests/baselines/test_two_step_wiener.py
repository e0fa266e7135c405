"""The two-step Wiener gain against its recursion written out, and on real speech against the one-step gain."""

import numpy as np
import pytest
import soundfile
from pesq import pesq
from pystoi import stoi

from percepkit.baselines.grid import Grid
from percepkit.baselines.magnitude_wiener import MagnitudeWiener
from percepkit.baselines.registry import load
from percepkit.baselines.two_step_wiener import TwoStepWiener
from percepkit.dsp.noise import generate

GRID = Grid(3, 50.0, 0.01)


def test_gains_follow_the_recursion_written_out():
    generator = np.random.default_rng(0)
    magnitude, noise = generator.rayleigh(3, size=(40, 3)), generator.uniform(0.5, 1, size=(40, 3))
    gains = TwoStepWiener(Grid(3, 50.0, -0.195 * np.log(0.95))).gains(magnitude**2, noise**2 * 4 / np.pi)
    clean = np.zeros(3)
    for frame in range(40):
        ratio = magnitude[frame] / noise[frame]
        late = 0.95 * clean / noise[frame] + 0.05 * np.maximum(ratio - 1, 0)
        first = late / (1.5 + late)
        now = first * ratio
        assert gains[frame] == pytest.approx(np.maximum(now / (1.5 + now), 0.1))
        clean = np.maximum(first, 0.1) * magnitude[frame]


def test_onset_passes_sooner_than_by_one_step():
    power = np.ones((60, 3))
    power[30:] = 1e3
    one, two = (law(GRID).gains(power, np.ones_like(power)) for law in (MagnitudeWiener, TwoStepWiener))
    assert two[30].min() > 0.9
    assert one[30].max() < 0.6


def test_pauses_are_on_the_floor_at_once():
    power = np.ones((60, 3))
    power[:30] = 1e3
    assert TwoStepWiener(GRID).gains(power, np.ones_like(power))[33:].max() == pytest.approx(0.1)


def test_real_speech_keeps_its_intelligibility_in_stationary_noise_at_5_db(shared):
    gained = []
    for key, path in enumerate(sorted((shared / "corpus/speech/arctic").glob("*.wav"))[:6]):
        clean = soundfile.read(path)[0]
        noise = generate(("white", "pink", "car")[key % 3], len(clean), 16_000, key, {})
        noisy = clean + noise * np.std(clean) / np.std(noise) * 10 ** (-5 / 20)
        enhanced = {name: load(name)(noisy, 16_000) for name in ("magnitude-wiener", "two-step-wiener")}
        gained.append(
            [(pesq(16_000, clean, x, "wb"), stoi(clean, x, 16_000)) for x in (noisy, *enhanced.values())]
        )
    noisy, one, two = np.mean(gained, axis=0)
    assert two[0] > noisy[0] + 0.3
    assert two[1] > noisy[1] - 0.02
    assert (two > one).all()
