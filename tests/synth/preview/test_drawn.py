import json

import pytest

from percepkit.synth.plan import draw_plan
from percepkit.synth.preview.drawn import describe
from percepkit.synth.render import Renderer
from percepkit.synth.sources import load_sources


@pytest.fixture(scope="module")
def row(rich, world):
    rows = draw_plan(rich, load_sources(rich, world)).to_dict("records")
    return next(row for row in rows if isinstance(row["rir_path"], str) and row["noise_kind"] == "file")


def facts(row, recipe, item=None):
    return {fact.label: fact for fact in describe(row, recipe, item)}


def test_all_that_was_drawn_is_told(row, rich):
    told = facts(row, rich)
    assert told["Speech"].drawn == row["speaker"]
    assert row["speech"][0]["path"] in told["Speech"].details[0]
    assert told["Noise"].drawn == f"{row['noise_class']}: recording"
    assert told["Noise"].details[-1].startswith("level every 2 s: ")
    assert told["Layer rival"].drawn == f"an interfering talker, SNR {row['layers'][0]['snr_db']:.1f} dB"
    assert told["Layer knocks"].drawn.endswith("2 events, SNR 4.0 dB")
    assert told["Room"].drawn == row["room"]
    assert told["SNR"].drawn == f"{row['snr_db']:.1f} dB".replace("-", "−")
    assert told["Degradation 1"].drawn == "random filter to the speech"
    assert "the target shares it" in told["Degradation 1"].details[0]
    assert "r1 0.3: numerator, one sample back" in told["Degradation 1"].details
    assert "before the SNR is set" in told["Degradation 2"].details[0]
    assert "gain 6 dB: gain of a shelf or peak; the other kinds have none" in told["Degradation 2"].details
    assert "sdr 12 dB: energy of the signal over that of the error (dB)" in told["Degradation 3"].details
    assert not any(fact.realised for fact in told.values())


def test_what_was_realised_stands_beside_it(row, rich, roots):
    calm = dict(row, degradations=json.dumps(json.loads(row["degradations"])[:2]))
    item = Renderer(rich, roots)(calm)
    told = facts(calm, rich, item)
    assert told["SNR"].realised == f"{row['snr_db']:.2f} dB".replace("-", "−")
    assert any(detail.startswith("against all noise ") for detail in told["SNR"].details)
    assert told["Layer knocks"].realised == "4.00 dB"
    assert f"DRR {row['drr']:.2f} dB".replace("-", "−") in told["Room"].realised


def test_no_snr_is_claimed_after_a_non_linear_stage(row, rich, roots):
    told = facts(row, rich, Renderer(rich, roots)(row))
    assert told["SNR"].realised == ""
    assert (
        told["SNR"].details[-1]
        == "not measurable after the mixture was degraded; SDR of the last such stage 12.0 dB"
    )


def test_items_without_speech_noise_and_room_say_so(make_recipe, world):
    recipe = make_recipe(rooms=None, noise={"generated": ["babble", "pink"], "share": 0.5},
                         speech={"manifest": "speech.parquet", "share": 0.5}, items=40)  # fmt: skip
    seen = {label: set() for label in ("Speech", "Noise", "Room", "SNR")}
    for row in draw_plan(recipe, load_sources(recipe, world)).to_dict("records"):
        told = facts(row, recipe)
        for label, values in seen.items():
            values.add(told[label].drawn)
    assert "none" in seen["Speech"] & seen["Noise"]
    assert seen["Room"] == {"none"}
    assert seen["Noise"] == {"none", "pink: generated", "babble: generated"}
    assert "" in seen["SNR"]
