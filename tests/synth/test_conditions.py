"""What a recipe can ask for beside speech in one noise: layers, courses, gaps of sound, degradations, speed."""

import json

import numpy as np
import pandas as pd
import pytest

from percepkit.dsp.level import rms_dbfs
from percepkit.manifests.table import read_manifest, write_manifest
from percepkit.synth.plan import draw_plan
from percepkit.synth.render import Renderer
from percepkit.synth.sources import load_sources


@pytest.fixture(scope="module")
def make(world, roots, make_recipe):
    """Maker of a recipe's plan and renderer."""

    def make_all(**changes):
        recipe = make_recipe(**changes)
        return recipe, draw_plan(recipe, load_sources(recipe, world)), Renderer(recipe, roots)

    return make_all


LAYERS = {
    "music": {"generated": ["siren", "hum"], "snr_db": {"uniform": [5, 15]}},
    "rival": {"talkers": 1, "snr_db": {"uniform": [0, 10]}, "share": 0.7},
    "crowd": {"talkers": 5, "snr_db": 12, "share": 0.3},
    "knocks": {"manifest": "noise.parquet", "events": {"choice": [0, 1, 3]}, "snr_db": {"uniform": [-5, 5]}},
}


def test_every_layer_has_its_own_snr(make):
    _, plan, render = make(items=30, rooms=None, layers=LAYERS)
    seen = set()
    for row in plan.to_dict("records"):
        item = render(row)
        assert abs(item.measured["snr_realised_db"] - row["snr_db"]) < 1e-3
        assert item.measured["snr_total_db"] < item.measured["snr_realised_db"] + 0.5
        for planned, layer in zip(row["layers"], item.layers, strict=True):
            seen.add(layer["name"])
            assert layer["name"] == planned["name"]
            assert abs(layer["snr_realised_db"] - planned["snr_db"]) < 1e-3
        np.testing.assert_array_equal(item.noisy, item.speech + item.noise)
    assert seen == set(LAYERS)


def test_the_share_of_a_layer_is_that_of_the_recipe_and_no_rival_is_the_talker(make):
    _, plan, _ = make(items=400, rooms=None, layers=LAYERS)
    names = plan["layers"].map(lambda layers: [layer["name"] for layer in layers])
    assert abs(names.map(lambda n: "rival" in n).mean() - 0.7) < 0.08
    assert abs(names.map(lambda n: "crowd" in n).mean() - 0.3) < 0.08
    assert abs(names.map(lambda n: "knocks" in n).mean() - 2 / 3) < 0.08
    for row in plan.itertuples():
        for layer in row.layers:
            if layer["noise_kind"] == "talkers":
                assert len(layer["noise"]) == (1 if layer["name"] == "rival" else 5)
                assert all(segment["path"].split("/")[0] != row.speaker for segment in layer["noise"])


def test_layers_and_degradations_change_no_other_draw(make):
    _, bare, _ = make(items=50)
    _, rich, _ = make(items=50, layers=LAYERS, degradations=[{"kind": "dc_offset", "to": "noise"}])
    same = [name for name in bare if name not in ("layers", "degradations")]
    pd.testing.assert_frame_equal(rich[same], bare[same])


def test_events_sound_where_they_are_planned_and_nowhere_else(make):
    knocks = {"knocks": {**LAYERS["knocks"], "events": 2}}
    recipe, plan, render = make(items=5, item_seconds=8, rooms=None, layers=knocks)
    for row in plan.to_dict("records"):
        [layer] = row["layers"]
        x = render._cutter.noise(layer)
        inside = np.zeros(recipe.n_samples, bool)
        for segment in layer["noise"]:
            inside[segment["at"] : segment["at"] + segment["length"]] = True
        assert not x[~inside].any()
        assert x[inside].any()


def test_items_without_speech_or_without_noise(make):
    noise = {"generated": ["pink"], "share": 0.5}
    speech = {"manifest": "speech.parquet", "share": 0.6}
    _, plan, render = make(items=60, rooms=None, speech=speech, noise=noise)
    speaks, noisy = plan["speech"].map(len) > 0, plan["noise_kind"] != "none"
    assert abs(speaks.mean() - 0.6) < 0.15
    assert (speaks | noisy).all()
    assert (plan["snr_db"].notna() == (speaks & noisy)).all()
    assert plan.loc[~speaks, "speaker"].isna().all()
    kinds = set()
    for row in plan.to_dict("records"):
        item = render(row)
        kinds.add((bool(item.clean.any()), bool(item.noise.any())))
        assert bool(item.clean.any()) == (len(row["speech"]) > 0)
        assert bool(item.noise.any()) == (row["noise_kind"] != "none")
        assert abs(item.measured["level_realised_dbfs"] - row["level_dbfs"] - item.measured["guard_db"]) < 1e-3
        assert np.isnan(item.measured["snr_realised_db"]) == np.isnan(row["snr_db"])
        assert np.isfinite(item.percepnet.gains).all()
    assert kinds == {(True, True), (True, False), (False, True)}


def test_a_course_changes_the_noise_within_the_item_and_not_its_snr(make):
    noise = {"generated": ["white"], "course_db": {"choice": [-12, 0]}}
    _, plan, render = make(items=10, item_seconds=8, rooms=None, noise=noise)
    spans = []
    for row in plan.to_dict("records"):
        item = render(row)
        assert len(row["course_db"]) == 5
        assert abs(item.measured["snr_realised_db"] - row["snr_db"]) < 1e-3
        levels = [rms_dbfs(part) for part in np.split(item.noise, 80)]
        spans.append(max(levels) - min(levels))
        at_knots = np.interp(np.arange(0.05, 8, 0.1), 2.0 * np.arange(5), row["course_db"])
        assert np.corrcoef(levels, at_knots)[0, 1] > 0.99 or np.ptp(row["course_db"]) == 0
    assert max(spans) > 11


def test_noise_ends_where_the_speech_does_if_asked(make):
    for match in (False, True):
        noise = {"generated": ["white"], "match_band": match}
        _, plan, render = make(items=3, sample_rate=48_000, rooms=None, noise=noise)
        bare = make(items=3, sample_rate=48_000, rooms=None, noise=noise, targets=[])[2]
        for row in plan.to_dict("records"):
            item = render(row)
            np.testing.assert_array_equal(bare(row).noisy, item.noisy)  # whatever else the recipe asks for
            power = np.abs(np.fft.rfft(item.noise)) ** 2
            top = power[len(power) // 2 :].mean() / power[: len(power) // 8].mean()
            assert (top < 1e-5) == match


def test_room_recorded_at_a_low_rate_limits_the_band_that_targets_believe(make):
    _, plan, render = make(items=8, sample_rate=48_000, targets=["band_flags"])
    assert set(plan["rir_rate"]) == {0, 16_000}
    for row in plan.to_dict("records"):
        limit_hz = np.max(render(row).damage.bandwidth_hz)  # pauses of the dry speech are not limited
        assert limit_hz == (8000 if row["rir_rate"] else np.inf)


def test_targets_of_a_room_recorded_at_a_low_rate_have_its_direct_path(make):
    rooms = {"manifest": "rooms.parquet", "target": "dry", "also": ["direct"]}
    for rate in (16_000, 48_000):
        _, plan, render = make(items=3, sample_rate=rate, rooms=rooms)
        for row in plan.to_dict("records"):
            item = render(row)
            direct, dry = item.also["target_direct"].astype(float), item.clean.astype(float)
            # The rooms' direct path is a lone pulse, so that the two differ by the faint beginning of the tail.
            assert (dry @ direct) / (direct @ direct) == pytest.approx(1, abs=0.05)
            assert np.sum((dry - direct) ** 2) < 0.05 * np.sum(direct**2)


def test_speed_changes_pitch_and_length(make):
    for speed in (0.8, 1.25):
        _, plan, render = make(rooms=None, speech={"manifest": "speech.parquet", "speed": speed})
        _, plain, still = make(rooms=None)
        f0 = []
        for rows, renderer in ((plan, render), (plain, still)):
            periods = [renderer(row).percepnet.period for row in rows.head(4).to_dict("records")]
            voiced = np.concatenate(periods)
            f0.append(16_000 / np.median(voiced[voiced > 0]))
        assert f0[0] / f0[1] == pytest.approx(speed, rel=0.12)
        for row in plan.itertuples():
            for segment in row.speech:
                assert segment["at"] + segment["length"] <= 32_000
                assert segment["speed"] == speed


@pytest.mark.parametrize("on", ["speech", "noise", "mixture"])
@pytest.mark.parametrize("target", [False, True])
def test_degradations_go_where_the_recipe_says(make, on, target):
    if on == "noise" and target:
        return
    step = {"kind": "band_limit", "to": on, "target": target, "parameters": {"cutoff_hz": 2000}}
    recipe, plan, render = make(items=2, rooms=None, noise={"generated": ["white"]}, degradations=[step])

    def top(x):
        power = np.abs(np.fft.rfft(x)) ** 2
        return power[len(power) // 2 :].sum() / power.sum() < 1e-4

    for row in plan.to_dict("records"):
        item = render(row)
        limited = {name: top(item.stem(name)) for name in ("clean", "speech", "noise", "noisy")}
        assert limited["noise"] == (on == "noise" or (on == "mixture" and target))
        assert limited["clean"] == target
        assert limited["speech"] == (on == "speech" or target)
        assert limited["noisy"] == (on == "mixture")
        if on == "mixture" and not target:
            assert np.isnan(item.measured["snr_realised_db"])
            assert np.isfinite(item.measured["mixture_sdr_db"])
        else:
            np.testing.assert_allclose(item.noisy, item.speech + item.noise, atol=1e-6)
        if target:
            assert float(np.min(item.damage.bandwidth_hz)) < 2500
    assert ("speech" in recipe.stems) == (on == "speech" and not target)


def test_parameters_are_drawn_and_kept_in_the_plan(make):
    steps = [
        {"kind": "clipping", "to": "mixture", "share": 0.5, "parameters": {"sdr_db": {"uniform": [5, 15]}}},
        {"kind": "codec", "to": "mixture", "parameters": {"kind": {"choice": ["mp3", "gsm"]}}},
    ]
    _, plan, render = make(items=40, item_seconds=1, rooms=None, degradations=steps)
    drawn = [json.loads(text) for text in plan["degradations"]]
    assert abs(np.mean([steps[0]["kind"] == "clipping" for steps in drawn]) - 0.5) < 0.2
    assert {steps[-1]["parameters"]["kind"] for steps in drawn} == {"mp3", "gsm"}
    sdr = [steps[0]["parameters"]["sdr_db"] for steps in drawn if len(steps) == 2]
    assert 5 < min(sdr) < max(sdr) < 15
    for row in plan.head(4).to_dict("records"):
        item = render(row)
        assert np.abs(item.noisy).max() <= 0.99 + 1e-6
        assert item.measured["mixture_sdr_db"] < 40


def test_impossible_recipes_are_refused(make_recipe):
    for changes, text in (
        ({"degradations": [{"kind": "tape", "to": "noise"}]}, "unknown degradation 'tape'"),
        ({"degradations": [{"kind": "clipping", "to": "mixture", "target": True}]}, "clipping is not linear"),
        ({"degradations": [{"kind": "dc_offset", "to": "noise", "target": True}]}, "the target holds no noise"),
        (
            {
                "degradations": [
                    {"kind": "quantisation", "to": "noise", "parameters": {"bits": {"uniform": [4, 8]}}}
                ]
            },
            "quantisation: bits",
        ),
        ({"layers": {"rival": {"talkers": 1, "generated": ["pink"], "snr_db": 0}}}, "make two layers"),
        ({"layers": {"x": {"events": 2, "generated": ["pink"], "snr_db": 0}}}, "they need `manifest`"),
        ({"speech": {"manifest": "speech.parquet", "speed": 3}}, "expected values from 0.5 to 2"),
        ({"rooms": {"manifest": "rooms.parquet", "target": "dry", "also": ["dry"]}}, "name each once"),
    ):
        with pytest.raises(ValueError, match=text):
            make_recipe(**changes)


@pytest.mark.parametrize("kind", ["rms", "active", "simultaneous", "segmental", "lufs"])
def test_every_kind_of_snr_is_realised_in_the_mix(make, kind):
    _, plan, render = make(items=6, snr_kind=kind, snr_db={"uniform": [0, 20]})
    for row in plan.to_dict("records"):
        assert abs(render(row).measured["snr_realised_db"] - row["snr_db"]) < 1e-3


def test_several_targets_of_a_room_come_together_and_aligned(make):
    rooms = {"manifest": "rooms.parquet", "target": "dry", "also": ["direct", "early", "decay", "reverberant"]}
    recipe, plan, render = make(items=8, rooms=rooms)
    assert recipe.stems[-4:] == ("target_direct", "target_early", "target_decay", "target_reverberant")
    for row in plan.to_dict("records"):
        item = render(row)
        np.testing.assert_allclose(item.stem("target_reverberant"), item.speech, atol=1e-5)
        for name in ("target_direct", "target_early", "target_decay"):
            x, y = item.clean.astype(np.float64), item.stem(name).astype(np.float64)
            lags = np.fft.irfft(np.fft.rfft(y, 2**17) * np.fft.rfft(x, 2**17).conj())
            assert np.argmax(np.abs(lags)) == 0


def test_rooms_are_changed_as_drawn(make):
    rooms = {"manifest": "rooms.parquet", "drr_db": {"uniform": [0, 10]}, "rt60_seconds": 0.4, "early_gain": 0.8}
    _, plan, render = make(items=4, rooms=rooms)
    assert plan["asked_drr_db"].between(0, 10).all()
    for row in plan.to_dict("records"):
        item = render(row)
        np.testing.assert_array_equal(item.noisy, render(row).noisy)
        assert not np.array_equal(item.clean, item.speech)
        if row["rt60"] == row["rt60"]:  # the early gain comes last and moves the ratio that was set
            assert item.measured["rt60_realised"] == pytest.approx(0.4, rel=0.05)
        early = 20 * np.log10(0.8)
        assert item.measured["drr_realised"] == pytest.approx(row["asked_drr_db"] + early, abs=1.5)


def test_noise_stands_elsewhere_in_the_same_room(world, roots, make_recipe, tmp_path):
    table = read_manifest(world / "rooms.parquet")
    table["group"] = ["hall", "hall", "attic", "attic"]
    write_manifest(table, tmp_path / "rooms.parquet")
    for name in ("speech", "noise"):
        write_manifest(read_manifest(world / f"{name}.parquet"), tmp_path / f"{name}.parquet")
    room_of = dict(zip(table["path"], table["group"], strict=True))
    for share in (1.0, 0.0):
        recipe = make_recipe(items=20, rooms={"manifest": "rooms.parquet", "noise_share": share})
        plan = draw_plan(recipe, load_sources(recipe, tmp_path))
        assert plan["noise_rir_path"].notna().all() == (share == 1)
        if share:
            assert (plan["noise_rir_path"] != plan["rir_path"]).all()
            assert (plan["noise_rir_path"].map(room_of) == plan["rir_path"].map(room_of)).all()
            item = Renderer(recipe, roots)(plan.iloc[0])
            assert abs(item.measured["snr_realised_db"] - plan["snr_db"][0]) < 1e-3
