"""The character of noises that are what they are by construction."""

import numpy as np
import pytest

from percepkit.dsp.draws import key_of
from percepkit.dsp.noise import generate
from percepkit.dsp.noise_character import character_of_noise


@pytest.mark.parametrize("sample_rate", [16_000, 48_000])
@pytest.mark.parametrize(
    "kind, character",
    [("white", "stationary"), ("pink", "stationary"), ("fan", "stationary"), ("hum", "stationary"),
     ("siren", "non-stationary"), ("keyboard", "transient")],
)  # fmt: skip
def test_generated_noises(kind, character, sample_rate):
    noise = generate(kind, 4 * sample_rate, sample_rate, key=key_of(kind), parameters={})
    assert character_of_noise(noise, sample_rate) == character


@pytest.mark.parametrize("depth_db, character", [(1.0, "stationary"), (8.0, "non-stationary")])
def test_a_level_that_swings(depth_db, character):
    time = np.arange(64_000) / 16_000
    noise = np.random.default_rng(0).standard_normal(64_000) * 10 ** (depth_db * np.sin(np.pi * time) / 20)
    assert character_of_noise(noise, 16_000) == character
    assert character_of_noise(1e-4 * noise, 16_000) == character


@pytest.mark.parametrize("noise", [np.zeros(32_000), np.ones(8000), np.ones((32_000, 2))])
def test_what_has_no_character(noise):
    with pytest.raises(ValueError, match="one channel of at least 1 s that is not silent"):
        character_of_noise(noise, 16_000)
