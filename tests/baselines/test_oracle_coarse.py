"""Coarse oracles: rounding and band edges in closed form, and what they lose."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.audio.files import read
from percepkit.audio.resampling import resample
from percepkit.baselines.oracle_coarse import hold_above, quantise, silence_above
from percepkit.baselines.registry import load
from percepkit.dsp.erb import layout
from percepkit.dsp.noise import generate
from percepkit.dsp.percepnet import Targets
from percepkit.manifests.demo import demo_folder

RATE = 48_000


def made_up(seed: int, frames: int = 5) -> Targets:
    values = np.random.default_rng(seed).uniform(size=(3, frames, 34))
    return Targets(*values, np.full(frames, 300.0))


@given(seed=st.integers(0, 99), bits=st.integers(1, 10))
def test_rounding_errs_by_half_a_step_at_most_and_twice_is_once(seed, bits):
    targets = made_up(seed)
    rounded = quantise(targets, bits)
    for name in ("gains", "strengths", "attenuation"):
        value = getattr(rounded, name)
        assert np.abs(value - getattr(targets, name)).max() <= 0.5 / (2**bits - 1) + 1e-12
        assert np.array_equal(value, getattr(quantise(rounded, bits), name))
    assert rounded.period is targets.period


def test_nothing_or_the_last_known_gain_above_the_edge():
    targets, below = made_up(1), layout(RATE).centre_hz < 8_000
    cut, held = silence_above(targets, RATE, 8_000), hold_above(targets, RATE, 8_000)
    for coarse in (cut, held):
        assert np.array_equal(coarse.gains[:, below], targets.gains[:, below])
    assert not cut.gains[:, ~below].any()
    assert np.array_equal(held.gains[:, ~below], np.tile(targets.gains[:, below][:, -1:], (1, (~below).sum())))
    assert not held.strengths[:, ~below].any()
    assert (held.attenuation[:, ~below] == 1).all()


def si_sdr(clean, estimate):
    scaled = clean * (clean @ estimate) / (clean @ clean)
    return 10 * np.log10(np.sum(scaled**2) / np.sum((estimate - scaled) ** 2))


@pytest.fixture(scope="module")
def item():
    x, rate = read(demo_folder() / "speech" / "slt" / "02.flac", channel=0)
    clean = resample(x, rate, RATE).astype(np.float64)[: 2 * RATE]
    return clean, clean + 0.05 * generate("white", len(clean), RATE, 1, {})


def enhance(name, item):
    return load(f"oracle-{name}").for_item({"clean": item[0]}, RATE)(item[1], RATE)


@pytest.mark.parametrize("name", ["gains", "comb", "irm"])
def test_eight_bits_lose_nothing_and_four_little(item, name):
    fine = si_sdr(item[0], enhance(name, item))
    assert si_sdr(item[0], enhance(f"{name}-8bit", item)) == pytest.approx(fine, abs=0.05)
    assert fine - 1 < si_sdr(item[0], enhance(f"{name}-4bit", item)) < fine + 0.3


@pytest.mark.parametrize("name", ["gains", "comb", "irm"])
def test_the_top_is_gone_and_the_rest_as_before(item, name):
    power = {
        key: np.abs(np.fft.rfft(x)) ** 2
        for key, x in {
            "noisy": item[1], "whole": enhance(name, item), "narrow": enhance(f"{name}-8khz", item)
        }.items()
    }  # fmt: skip
    hz = np.arange(len(power["noisy"])) * RATE / len(item[1])
    top, low = hz > 10_000, hz < 6_500
    assert power["narrow"][top].sum() < 1e-6 * power["noisy"][top].sum()
    assert power["narrow"][low].sum() == pytest.approx(power["whole"][low].sum(), rel=1e-3)


def test_held_gains_pass_the_top_that_cut_ones_lose(item):
    # Speech that ends at 8 kHz in white noise: the highest known gain is small, and so is what it passes above.
    held, cut, noisy = enhance("gains-8khz-held", item), enhance("gains-8khz", item), item[1]
    top = slice(len(np.fft.rfft(noisy)) // 2, None)
    power = [np.sum(np.abs(np.fft.rfft(x))[top] ** 2) for x in (cut, held, noisy)]
    assert power[0] < 1e-3 * power[1]
    assert power[1] < power[2]


def test_layouts_differ_and_all_restore(item):
    scores = [si_sdr(item[0], enhance(name, item)) for name in ("gains", "gains-erb-rate", "gains-rectangular")]
    assert min(scores) > si_sdr(*item) + 3
    assert len(set(scores)) == 3
