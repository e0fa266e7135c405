"""Denoisers are found by file, by entry point and by module:function; all else lists what is valid."""

import sys
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from percepkit.baselines import registry
from percepkit.baselines.denoiser import CausalDenoiser, Denoiser, Oracle
from percepkit.baselines.registry import FunctionDenoiser, load, names


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """An importable module of somebody else."""
    source = '''
from percepkit.baselines.high_pass import HighPass

NUMBER = 3
INSTANCE = HighPass()

def half(noisy, sample_rate):
    """Half of it.

    More."""
    noisy *= 0.5
    return noisy

def shorter(noisy, sample_rate):
    return noisy[1:]
'''
    (tmp_path / "some_plugin.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    yield "some_plugin"
    sys.modules.pop("some_plugin", None)


def test_shipped_denoisers_are_listed_in_order():
    assert {"highpass", "spectral-subtraction", "wiener"} <= set(names())
    assert names() == sorted(names())


def test_kinds_follow_the_protocols():
    assert isinstance(load("wiener"), CausalDenoiser)
    oracles = [name for name in names() if load(name).spec.needs == "stems"]
    assert all(isinstance(load(name), Oracle) and not isinstance(load(name), Denoiser) for name in oracles)


def test_another_estimator_is_named_after_a_plus():
    noisy = np.random.default_rng(0).standard_normal(8_000)
    assert load("wiener+minimum").spec.name == "wiener+minimum"
    assert "Martin 2001" in load("wiener+minimum").spec.paper
    same = load("wiener-minimum")(noisy, 16_000)
    assert np.array_equal(load("wiener+minimum")(noisy, 16_000), same)
    assert not np.array_equal(load("wiener")(noisy, 16_000), same)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("wiener+magic", "no noise estimator is called 'magic'; choose from .*mcra"),
        ("highpass+mcra", "no denoiser is called 'highpass.mcra'"),
    ],
)
def test_only_suppressors_take_known_estimators(name, expected):
    with pytest.raises(ValueError, match=expected):
        load(name)


def test_unknown_name_lists_the_valid_ones_and_the_nearest():
    with pytest.raises(
        ValueError,
        match=r"'weiner' \(did you mean wiener\?\); choose from .*wiener.*, or give MODULE:FUNCTION",
    ):
        load("weiner")
    with pytest.raises(
        ValueError, match=r"called 'percepnet_small' \(did you mean percepnet-small\?\); choose from"
    ):
        load("percepnet_small")
    with pytest.raises(
        ValueError, match=r"called 'nothing-like-it'; choose from clean, .* or give MODULE:FUNCTION"
    ):
        load("nothing-like-it")


def test_default_is_a_few_classics_the_ladder_and_what_others_registered(plugin, monkeypatch):
    point = EntryPoint("halved", f"{plugin}:half", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    assert registry.default_names() == sorted(["clean", "silence", *registry.CLASSICS, *registry.LADDER, "halved"])


def test_function_of_a_module(plugin):
    denoiser = load(f"{plugin}:half")
    noisy = np.ones(5, np.float32)
    assert denoiser(noisy, 16_000).dtype == np.float32
    assert np.array_equal(denoiser(noisy, 16_000), np.full(5, 0.5))
    assert noisy.all(), "the function writes to what it is given: it must be given a copy"
    assert denoiser.spec.name == "some_plugin:half"
    assert denoiser.spec.summary == "Half of it."
    assert not denoiser.spec.causal


def test_denoiser_of_a_module_is_taken_as_it_is(plugin):
    assert load(f"{plugin}:INSTANCE").spec.name == "highpass"


@pytest.mark.parametrize(
    "name, expected",
    [
        ("no_such_module:f", "cannot import 'no_such_module' .*PYTHONPATH"),
        (":f", "cannot import ''"),
        ("some_plugin:nothing", "has no 'nothing'"),
        ("some_plugin:NUMBER", "is a int; expected a function"),
        ("some_plugin:HighPass", "is a class; name a function or an instance"),
    ],
)
def test_bad_module_or_function(plugin, name, expected):
    with pytest.raises(ValueError, match=expected):
        load(name)


def test_function_that_changes_the_length_is_refused(plugin):
    with pytest.raises(ValueError, match=r"returned shape \(4,\) for \(5,\); it must keep the length"):
        load(f"{plugin}:shorter")(np.ones(5), 16_000)


def test_function_that_returns_nan_is_refused():
    with pytest.raises(ValueError, match="bad returned NaN or infinite samples"):
        FunctionDenoiser(lambda noisy, sample_rate: noisy * np.nan, "bad")(np.ones(5), 16_000)


def test_entry_points_join_the_names(plugin, monkeypatch):
    point = EntryPoint("halved", f"{plugin}:half", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    assert "halved" in names()
    assert load("halved").spec.name == "halved"


def test_shipped_name_cannot_be_taken_over(plugin, monkeypatch):
    point = EntryPoint("wiener", f"{plugin}:half", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    assert load("wiener").spec.causal
    assert names().count("wiener") == 1


def test_function_without_docstring_has_no_summary():
    assert FunctionDenoiser(lambda noisy, sample_rate: noisy, "same").spec.summary == ""
