import numpy as np
import pytest

from percepkit.dsp.level import rms_dbfs
from percepkit.synth.degradations.registry import load
from percepkit.synth.plan import draw_plan
from percepkit.synth.preview.stages import StageRenderer
from percepkit.synth.render import Renderer
from percepkit.synth.sources import load_sources


@pytest.fixture(scope="module")
def rows(rich, world):
    return draw_plan(rich, load_sources(rich, world)).to_dict("records")


@pytest.fixture(scope="module")
def shown(rich, roots, rows):
    """Rendered item and stages by (group, title), of an item with a room and of one without."""
    render = StageRenderer(rich, roots)
    found = {}
    for row in rows:
        placed = isinstance(row["rir_path"], str)
        if placed not in found:
            item, stages = render(row)
            found[placed] = row, item, {(stage.group, stage.title): stage for stage in stages}
    return found


@pytest.mark.parametrize("placed", [False, True])
def test_the_parts_sum_to_the_mixture(shown, placed):
    _, _, stages = shown[placed]
    speech = stages["Speech", "In its room" if placed else "After random filter"].signal
    noises = [stages["Noise", title].signal for title in ("Background", "Layer rival", "Layer knocks")]
    mixed = stages["Mixture", "Mixed"].signal
    assert np.abs(speech + sum(noises) - mixed).max() < 1e-5 * np.abs(mixed).max()


@pytest.mark.parametrize("placed", [False, True])
def test_levels_are_those_of_the_mix(shown, placed):
    row, _, stages = shown[placed]
    speech = stages["Speech", "In its room" if placed else "After random filter"].signal
    assert rms_dbfs(speech) - rms_dbfs(stages["Noise", "Background"].signal) == pytest.approx(
        row["snr_db"], abs=1e-3
    )
    mixed = stages["Mixture", "Mixed"]
    assert mixed.level == f"{rms_dbfs(mixed.signal):.1f} dBFS".replace("-", "−")
    assert rms_dbfs(mixed.signal) == pytest.approx(row["level_dbfs"], abs=1e-3)


def test_a_stage_is_the_one_before_degraded(shown):
    _, item, stages = shown[False]
    for group, kind, parameters, before in [
        ("Speech", "random_filter", {"r1": 0.3}, "As cut"),
        ("Noise", "equaliser", {"gain_db": 6}, "As cut or generated"),
    ]:
        degradation = load(kind)
        x = stages[group, before].signal
        wanted = degradation.apply(
            x, item.sample_rate, degradation.parameters.model_validate(parameters), 0
        ).signal
        after = stages[group, f"After {kind.replace('_', ' ')}"]
        assert after.note == degradation.summary
        assert after.signal == pytest.approx(wanted, abs=1e-5)


def test_targets_and_the_end_of_the_road_are_the_stems(shown):
    _, item, stages = shown[True]
    stems = {stage.stem: stage.signal for stage in stages.values() if stage.stem}
    assert set(stems) == {"noisy", "clean", "target_dry", "target_reverberant"}
    for name, signal in stems.items():
        assert np.array_equal(signal, item.stem(name))
    assert stages["Mixture", "After clipping"].stem == "noisy"
    assert stages["Target", "Clean"].note == "what its target, early, keeps of the room"


def test_without_a_room_all_targets_are_one(shown):
    _, item, stages = shown[False]
    assert [title for group, title in stages if group == "Target"] == ["Clean"]
    assert stages["Target", "Clean"].note == "without a room, dry, reverberant are the same"
    assert all(np.array_equal(x, item.clean) for x in item.also.values())


def test_nothing_is_shown_twice_or_silent(make_recipe, roots, world):
    plain = make_recipe(rooms=None, noise={"generated": ["pink"], "share": 0.5}, speech={
        "manifest": "speech.parquet", "share": 0.5}, items=30, item_seconds=0.5, targets=[])  # fmt: skip
    render, seen = StageRenderer(plain, roots), set()
    for row in draw_plan(plain, load_sources(plain, world)).to_dict("records"):
        seen.add(tuple((stage.group, stage.title) for stage in render(row)[1]))
    speech, noise = ("Speech", "As cut"), ("Noise", "Background")
    mixed, clean = ("Mixture", "Mixed"), ("Target", "Clean")
    assert seen == {(speech, noise, mixed, clean), (speech, mixed, clean), (noise, mixed)}


def test_watching_changes_nothing(rich, roots, rows, shown):
    row, item, _ = shown[True]
    unwatched = Renderer(rich, roots)(row)
    for name in rich.stems:
        assert np.array_equal(unwatched.stem(name), item.stem(name))
