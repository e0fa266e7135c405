"""Distributions: their values, their order of draws, their written form and their errors."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError
from scipy import stats

from percepkit.dsp import draws
from percepkit.synth.distribution import Distribution


class Recipe(BaseModel):
    model_config = ConfigDict(extra="forbid")
    snr_db: Distribution


U = draws.uniform(draws.words(draws.key_of("test"), 0, 5000))[:, 0]


def parse(value):
    return Distribution.model_validate(value)


def test_each_form_draws_what_it_says():
    np.testing.assert_array_equal(parse(2.5).sample(U), 2.5)
    assert stats.kstest(parse({"uniform": [-5, 20]}).sample(U), stats.uniform(-5, 25).cdf).pvalue > 1e-3
    assert stats.kstest(parse({"normal": [-26, 5]}).sample(U), stats.norm(-26, 5).cdf).pvalue > 1e-3
    values, counts = np.unique(parse({"choice": [10, 0, 5]}).sample(U), return_counts=True)
    np.testing.assert_array_equal(values, [0, 5, 10])
    assert stats.chisquare(counts).pvalue > 1e-3


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.floats(1e-16, 1 - 2**-53))
def test_choice_stays_inside_its_list(values, u):
    assert parse({"choice": values}).sample(np.array([u]))[0] in values


@pytest.mark.parametrize(
    "value, bounds",
    [
        (3, (3, 3)),
        ({"uniform": [-5, 20]}, (-5, 20)),
        ({"choice": [4, 1]}, (1, 4)),
        ({"normal": [0, 1]}, (-math.inf, math.inf)),
        ({"normal": [7, 0]}, (7, 7)),
    ],
)
def test_bounds(value, bounds):
    assert parse(value).bounds() == bounds


@pytest.mark.parametrize("value", [3, -0.5, {"uniform": [-5, 20]}, {"choice": [0, 5]}, {"normal": [-26, 5]}])
def test_a_recipe_is_saved_as_it_was_written(value):
    recipe = Recipe.model_validate({"snr_db": value})
    assert recipe.model_dump() == {"snr_db": value}
    assert Recipe(snr_db=recipe.snr_db) == recipe
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


@pytest.mark.parametrize(
    "value",
    [
        "5",
        True,
        None,
        [1, 2],
        {},
        {"gauss": [0, 1]},
        {"uniform": [0, 1], "choice": [1]},
        {"uniform": [0]},
        {"uniform": 3},
        {"normal": [1, 2, 3]},
        {"choice": []},
        {"choice": "abc"},
        {"choice": ["a"]},
        {"uniform": [0, float("nan")]},
        float("inf"),
        10**400,
        {"form": "number", "numbers": [1]},
    ],
)
def test_any_other_form_lists_the_valid_ones(value):
    with pytest.raises(ValidationError, match=r"plain number, \{uniform: "):
        Recipe.model_validate({"snr_db": value})


def test_ranges_in_the_wrong_order():
    with pytest.raises(ValidationError, match="low <= high"):
        parse({"uniform": [1, 0]})
    with pytest.raises(ValidationError, match="deviation >= 0"):
        parse({"normal": [0, -1]})
