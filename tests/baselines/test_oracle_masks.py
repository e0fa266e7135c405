"""Mask oracles: what each can restore, on speech in noise."""

import numpy as np
import pytest

from percepkit.audio.files import read
from percepkit.baselines.oracle_masks import ABOUT
from percepkit.baselines.registry import load
from percepkit.dsp.masks import MASKS, vad_frames
from percepkit.dsp.noise import generate
from percepkit.dsp.stft import analyse
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


def test_maps_give_what_they_know(item):
    clean, noisy, rate = item
    made = {
        name: load(f"oracle-{name}").for_item({"clean": clean}, rate)(noisy, rate)
        for name in ("noise-excess", "complex", "vad", "magnitude")
    }
    assert si_sdr(clean, made["complex"]) > 120
    assert si_sdr(made["magnitude"], made["noise-excess"]) > 30  # the same but for bins below the floor
    frames = vad_frames(analyse(clean, rate // 100)).ravel() > 0
    both = np.repeat(frames[:-1] & frames[1:], rate // 100)[: len(noisy)]
    neither = np.repeat(~frames[:-1] & ~frames[1:], rate // 100)[: len(noisy)]
    assert both.any()
    assert np.allclose(made["vad"][: len(both)][both], noisy[: len(both)][both])
    assert neither.any()
    assert not made["vad"][: len(neither)][neither].any()
