"""Targets: every table has a validity of its own shape, one row a frame, and says why where it means nothing."""

from typing import get_args

import numpy as np
import pytest
import soundfile

from percepkit.dsp.masks import expand_mask
from percepkit.dsp.stft import n_frames, synthesise
from percepkit.dsp.validity import Invalid
from percepkit.synth.plan import draw_plan
from percepkit.synth.recipe import Recipe, TargetName
from percepkit.synth.render import Renderer
from percepkit.synth.sources import load_sources
from percepkit.synth.targets import TARGETS, frame_bytes

RANGES = {
    "pitch_period": (0, 1000),
    "band_flags": (0, 63),
    "smm": (0, 10),
    "orm": (-10, 10),
    "magnitude": (0, np.inf),
    "log_magnitude": (-60, 100),
}


def rendered(recipe, world, roots, item=1):
    return Renderer(recipe, roots)(draw_plan(recipe, load_sources(recipe, world)).iloc[item])


def test_every_target_of_the_recipe_exists():
    assert set(TARGETS) == set(get_args(TargetName))
    assert set(Recipe.model_fields["targets"].default) < set(TARGETS)


@pytest.mark.parametrize(
    "analysis", [{}, {"bands": "rectangular", "frame_seconds": 0.032, "look_ahead_frames": 2}]
)
def test_shapes_and_ranges(world, roots, make_recipe, analysis):
    recipe = make_recipe(analysis=analysis, targets=list(TARGETS))
    item = rendered(recipe, world, roots)
    for name, target in TARGETS.items():
        values, valid = target(item)
        assert len(values) == n_frames(recipe.n_samples, recipe.analysis.hop(recipe.sample_rate))
        assert values.shape == valid.shape
        assert valid.dtype == bool
        assert valid.any()
        assert values.dtype in (np.float32, np.complex64, np.uint8)
        assert values[0].nbytes + valid[0].nbytes == frame_bytes(name, recipe)
        parts = values.view(np.float32) if np.iscomplexobj(values) else values
        assert np.isfinite(parts).all()
        low, high = (-np.inf, np.inf) if name == "complex_spectrum" else RANGES.get(name, (-10, 10))
        if name not in RANGES and not np.iscomplexobj(values):
            low, high = 0, 1
        assert low <= parts.min()
        assert parts.max() <= high


def test_ideal_targets_give_the_clean_speech_back(world, roots, make_recipe):
    item = rendered(make_recipe(rooms=None), world, roots)
    n = len(item.clean)
    np.testing.assert_allclose(synthesise(TARGETS["complex_spectrum"](item)[0], n), item.clean, atol=1e-6)
    noisy = item.spectra[2]
    mask, valid = TARGETS["cirm"](item)
    error = np.where(valid, expand_mask(mask) * noisy - item.spectra[0], 0)
    assert np.sum(np.abs(error) ** 2) < 1e-6 * np.sum(np.abs(item.spectra[0]) ** 2)


def test_speech_of_a_lower_rate_is_invalid_above_its_bandwidth(world, roots, make_recipe):
    recipe = make_recipe(sample_rate=48_000, targets=list(TARGETS), rooms=None)
    item = rendered(recipe, world, roots)
    flags = TARGETS["band_flags"](item)[0]
    bands = recipe.analysis.layout(48_000)
    speaking = np.isfinite(item.damage.bandwidth_hz).any()
    assert speaking
    above = (flags & Invalid.ABOVE_BANDWIDTH) > 0
    assert above.any()
    assert not above[:, bands.centre_hz < 3000].any()
    assert above[above.any(axis=1)][:, bands.centre_hz > 8000].all()
    assert not TARGETS["erb_gains"](item)[1][above].any()
    bins_hz = np.arange(481) * 50.0
    valid = TARGETS["irm"](item)[1]
    assert not valid[above.any(axis=1)][:, bins_hz > 8000].any()


def test_clipped_and_lost_stretches_of_a_recording_are_invalid(world, roots, make_recipe, tmp_path):
    recipe = make_recipe(rooms=None, sample_rate=16_000)
    row = draw_plan(recipe, load_sources(recipe, world)).iloc[1].to_dict()
    segment = row["speech"][0]
    source = roots["speech"] / segment["path"]
    x, rate = soundfile.read(source, dtype="float32")
    spoilt = tmp_path / "speech" / segment["path"]
    spoilt.parent.mkdir(parents=True)
    begin = segment["start"] + segment["frames"] // 2
    limit = 0.3 * np.abs(x).max()
    x[begin : begin + rate // 10] = np.clip(x[begin : begin + rate // 10] * 1e3, -limit, limit)
    x = x / np.abs(x).max() if np.abs(x).max() > 1 else np.clip(x, -limit, limit)
    x[begin + rate // 10 : begin + rate // 8] = 0
    soundfile.write(spoilt, x, rate, subtype="FLOAT", format="WAV")
    here = {**roots, "speech": tmp_path / "speech"}
    row["speech"] = row["speech"][:1]
    item = Renderer(recipe, here)(row)
    flags = TARGETS["band_flags"](item)[0]
    hop = recipe.analysis.hop(16_000)
    frame = (segment["at"] + (begin - segment["start"]) * 16_000 // rate) // hop
    assert (flags[frame + 2 : frame + 9] & Invalid.CLIPPED).all()
    assert (flags[frame + 11 : frame + 13] & Invalid.LOST).all()
    assert not TARGETS["erb_gains"](item)[1][frame + 2 : frame + 13].any()
    assert TARGETS["vad"](item)[1].all()


def test_settings_of_a_recipe_are_checked(make_recipe):
    for analysis, text in (
        ({"bands": "mel"}, "no band layout is called 'mel'"),
        ({"comb_order": 0}, "at least 1 period"),
        ({"order": 5}, "order"),
        ({"look_ahead_frames": -1}, "use 0 for none"),
        ({"frame_seconds": 2.0}, "frames last from 0.002 to 0.2 s"),
        ({"strength": "paper"}, "exact"),
    ):
        with pytest.raises(ValueError, match=text):
            make_recipe(analysis=analysis)
