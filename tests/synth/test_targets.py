"""Targets: every table has a validity of its own shape, one row a frame."""

import numpy as np

from percepkit.dsp.stft import n_frames
from percepkit.synth.plan import draw_plan
from percepkit.synth.recipe import Recipe
from percepkit.synth.render import Renderer
from percepkit.synth.sources import load_sources
from percepkit.synth.targets import TARGETS


def test_every_target_of_the_recipe_exists():
    assert list(TARGETS) == list(Recipe.model_fields["targets"].default)


def test_shapes_and_ranges(world, roots, make_recipe):
    recipe = make_recipe()
    item = Renderer(recipe, roots)(draw_plan(recipe, load_sources(recipe, world)).iloc[1])
    for name, target in TARGETS.items():
        values, valid = target(item)
        assert len(values) == n_frames(recipe.n_samples, recipe.sample_rate)
        assert values.shape == valid.shape
        assert valid.any()
        assert np.isfinite(values).all()
        if name != "pitch_period":
            assert values.min() >= 0
            assert values.max() <= 1
