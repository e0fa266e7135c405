"""Mask oracles: what each can restore, on speech in noise."""

import numpy as np
import pytest

from percepkit.audio.files import read
from percepkit.audio.resampling import resample
from percepkit.baselines.oracle_masks import ABOUT
from percepkit.baselines.registry import load
from percepkit.dsp.masks import MASKS
from percepkit.dsp.noise import generate
from percepkit.manifests.demo import demo_folder


@pytest.fixture(scope="module")
def item():
    x, rate = read(demo_folder() / "speech" / "slt" / "01.flac", channel=0)
    clean = x.astype(np.float64)
    noise = generate("pink", len(clean), rate, 1, {})
    return clean, clean + noise * np.sqrt(np.mean(clean**2) / np.mean(noise**2)), rate


def si_sdr(clean, estimate):
    scaled = clean * (clean @ estimate) / (clean @ clean)
    return 10 * np.log10(np.sum(scaled**2) / np.sum((estimate - scaled) ** 2))


def test_every_mask_is_an_oracle():
    assert set(ABOUT) == set(MASKS)


def test_the_order_of_the_literature(item):
    clean, noisy, rate = item
    score = {
        name: si_sdr(clean, load(f"oracle-{name}").for_item({"clean": clean}, rate)(noisy, rate)) for name in ABOUT
    }
    assert min(score.values()) > si_sdr(clean, noisy) + 3
    # Complex masks repair phase; of the real ones the phase-sensitive lead, and binary ones are the coarsest.
    assert score["cirm"] > 30
    assert score["cirm"] > score["orm"] > score["psm"] > score["irm"]
    assert score["psm"] > score["ibm"]
    assert score["psm"] > score["wiener"]


def test_coarse_gains_lose_little_and_narrow_ones_the_top():
    x, rate = read(demo_folder() / "speech" / "slt" / "02.flac", channel=0)
    clean = resample(x, rate, 48_000).astype(np.float64)
    noisy = clean + 0.05 * generate("white", len(clean), 48_000, 1, {})
    made = {
        name: load(f"oracle-{name}").for_item({"clean": clean}, 48_000)(noisy, 48_000)
        for name in ("gains", "gains-4bit", "gains-8khz")
    }
    assert si_sdr(clean, made["gains-4bit"]) > si_sdr(clean, made["gains"]) - 1
    power = {name: np.abs(np.fft.rfft(x)) ** 2 for name, x in {**made, "noisy": noisy}.items()}
    top = slice(len(power["noisy"]) // 2, None)  # above 12 kHz
    assert power["gains-8khz"][top].sum() < 1e-6 * power["noisy"][top].sum()
