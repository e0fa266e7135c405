"""Recovery of DRR and C50: rooms with known ratios, perfect targets, noise, and items without a room."""

import numpy as np
import pytest
from scipy.signal import fftconvolve, lfilter

from percepkit.audio.files import read
from percepkit.dsp.rir import c50_db, drr_db
from percepkit.engine import cluster
from percepkit.eval.metrics import Panel, drr_recovery, score_all
from percepkit.eval.score import score_item
from percepkit.manifests.demo import demo_folder
from percepkit.synth.corpus import open_corpus
from percepkit.synth.run import run_recipe
from percepkit.synth.sources import load_sources

RATE = 16_000
NAMES = ["drr_recovery", "c50_recovery"]
VOICES = ["slt", "kal"]


def dry_speech(speaker, seconds=4):
    files = sorted((demo_folder() / "speech" / speaker).glob("*.flac"))
    return np.concatenate([read(file, channel=0)[0] for file in files]).astype(np.float64)[: seconds * RATE]


def room(rt60, drr, seed=0):
    """Direct path and an exponential decay with a wanted DRR."""
    t = np.arange(RATE) / RATE
    tail = np.random.default_rng(seed).standard_normal(RATE) * 10 ** (-3 * t / rt60) * (t > 0.0026)
    tail *= 10 ** (-drr / 20) / np.sqrt(np.sum(tail**2))
    return np.r_[1.0, tail[1:]]


def in_room(dry, h):
    return fftconvolve(dry, h)[: len(dry)]


def found(dry, speech, estimate):
    room = drr_recovery.prepare(dry, RATE, dry=dry, speech=speech)
    return np.array(list(drr_recovery.score(room, estimate).values())), np.array(room.own_db)


@pytest.mark.parametrize("speaker", VOICES)
@pytest.mark.parametrize("rt60, drr", [(0.3, 5), (0.6, 0), (1.0, -5)])
def test_doing_nothing_recovers_nothing_and_finds_the_rooms_own_ratios(speaker, rt60, drr):
    dry, h = dry_speech(speaker), room(rt60, drr)
    recovery, own = found(dry, in_room(dry, h), in_room(dry, h))
    np.testing.assert_allclose(recovery, 0, atol=1e-9)
    np.testing.assert_allclose(own, [drr_db(h, RATE), c50_db(h, RATE)], atol=1.0)


def test_dry_speech_recovers_all_up_to_the_limit():
    dry, h = dry_speech("slt"), room(0.6, 0)
    recovery, own = found(dry, in_room(dry, h), dry)
    np.testing.assert_allclose(recovery + own, 30.0)


def test_the_early_part_recovers_the_clarity_and_less_of_the_ratio():
    dry, h = dry_speech("slt"), room(0.6, 0)
    early = h * (np.arange(RATE) <= 0.05 * RATE)
    (drr, c50), own = found(dry, in_room(dry, h), in_room(dry, early))
    assert c50 + own[1] > 25
    assert drr == pytest.approx(drr_db(early, RATE) - drr_db(h, RATE), abs=1.0)


@pytest.mark.parametrize("kept", [0.5, 0.25])
def test_a_late_part_that_is_lowered_counts_by_that_much(kept):
    dry, h = dry_speech("kal"), room(0.6, 0)
    lowered = h * np.where(np.arange(RATE) > 0.05 * RATE, kept, 1.0)
    (_, c50), _ = found(dry, in_room(dry, h), in_room(dry, lowered))
    assert c50 == pytest.approx(-20 * np.log10(kept), abs=0.4)


@pytest.mark.parametrize("speaker", VOICES)
def test_noise_is_taken_off(speaker):
    dry, h = dry_speech(speaker), room(0.6, 0)
    speech = in_room(dry, h)
    noise = lfilter([1], [1, -0.9], np.random.default_rng(3).standard_normal(len(dry)))
    noise *= np.std(speech) / np.std(noise) * 10 ** (-10 / 20)
    recovery, _ = found(dry, speech, speech + noise)
    np.testing.assert_allclose(recovery, 0, atol=1.0)


@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_other_rates_find_the_same(rate):
    t = np.arange(4 * rate) / rate
    dry = lfilter([1], [1, -0.9], np.random.default_rng(4).standard_normal(len(t)))
    h = np.zeros(rate)
    h[[0, rate // 100, rate // 10]] = 1.0, 0.5, 0.2
    state = drr_recovery.prepare(dry, rate, dry=dry, speech=in_room(dry, h))
    np.testing.assert_allclose(state.own_db, [drr_db(h, rate), c50_db(h, rate)], atol=0.3)


def test_gain_and_polarity_play_no_role():
    dry = dry_speech("slt")
    speech = in_room(dry, room(0.6, 0))
    estimate = 0.5 * dry + speech
    np.testing.assert_allclose(found(dry, speech, -0.1 * estimate)[0], found(dry, speech, estimate)[0], atol=1e-4)


def test_what_cannot_be_scored_has_a_reason():
    dry = dry_speech("slt")
    speech = in_room(dry, room(0.6, 0))
    noise = np.random.default_rng(5).standard_normal(len(dry))
    panel = Panel(NAMES, dry, RATE, room={"dry": dry, "speech": speech})
    for estimate, status in [
        (noise, "no_alignment"),
        (0 * dry, "silent_estimate"),
        (dry[:-1], "length_mismatch"),
        (dry * np.nan, "nonfinite"),
        (speech, "ok"),
    ]:
        assert {outcome.status for outcome in panel.score(estimate).values()} == {status}
    short = slice(0, 2 * RATE - 1)
    panel = Panel(NAMES, dry[short], RATE, room={"dry": dry[short], "speech": speech[short]})
    assert {outcome.status for outcome in panel.score(dry[short]).values()} == {"too_short"}
    outcome = score_all(NAMES, dry, speech, RATE)["drr_recovery"]
    assert outcome.status == "no_room"
    assert "`also: [dry]`" in outcome.reason


@pytest.mark.parametrize("rooms, scored", [({"target": "dry"}, True), ({"also": ["dry"]}, True), ({}, False)])
def test_items_of_a_corpus_are_scored_where_room_and_dry_speech_are_known(
    world, roots, make_recipe, tmp_path, rooms, scored
):
    rooms = {"manifest": "rooms.parquet", "share": 0.5, "target": "early"} | rooms
    recipe = make_recipe(items=8, item_seconds=3, rooms=rooms)
    with cluster.client(0) as client:
        run_recipe(recipe, load_sources(recipe, world), tmp_path / "corpus", roots, client=client)
    corpus = open_corpus(tmp_path / "corpus")
    in_rooms = set(corpus.items["item"][corpus.items["room"].notna()])
    assert 0 < len(in_rooms) < 8
    statuses = {}
    for item in corpus.items["item"]:
        for _, metric, outcome in score_item(corpus, item, {}, {"noisy": NAMES}):
            statuses.setdefault(metric, {})[item] = outcome.status
    expected = {i: "ok" if scored and i in in_rooms else "no_room" for i in corpus.items["item"]}
    assert statuses == dict.fromkeys(NAMES, expected)
