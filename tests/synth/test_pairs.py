"""Corpora of ready-made pairs: aligned, whole where that is asked, and as checked as any other."""

import numpy as np
import pytest

from percepkit.audio.files import read, write
from percepkit.audio.resampling import resample
from percepkit.engine import cluster
from percepkit.engine.tables import read_table
from percepkit.manifests.demo import demo_folder
from percepkit.manifests.pairs import match_pairs, measure_pairs, read_pairs, write_pairs
from percepkit.manifests.scan import scan
from percepkit.synth.corpus import open_corpus
from percepkit.synth.overview import corpus_overview, essentials, plan_overview
from percepkit.synth.plan import draw_plan
from percepkit.synth.preview.drawn import describe
from percepkit.synth.preview.stages import StageRenderer
from percepkit.synth.recipe import Recipe, load_recipe
from percepkit.synth.render import Renderer
from percepkit.synth.run import run_recipe
from percepkit.synth.sources import load_sources
from percepkit.synth.torch import CorpusDataset, SynthDataset
from percepkit.synth.verify import verify_corpus
from percepkit.synth.yaml_model import yaml_text

RATE = 16_000
SECONDS = {"a_mix": 3.0, "b_late": 2.5, "c_drift": 3.5, "d_room": 1.2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four pairs whose truth is known, measured: mixed, mixed and late, by another clock, re-recorded."""
    folder = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(0)
    for side in ("clean", "noisy"):
        (folder / side).mkdir()
    files = sorted((demo_folder() / "speech").rglob("*.flac"))
    for (name, seconds), file in zip(SECONDS.items(), files, strict=False):
        x, rate = read(file, channel=0)
        # Without the top of the band, where resampling filters fall.
        clean = resample(resample(x, rate, 14_000), 14_000, RATE).astype(float)[: int(seconds * RATE)]
        noise = rng.standard_normal(len(clean))
        noise *= np.sqrt(np.sum(clean**2) / np.sum(noise**2) / 10)  # 10 dB
        t = np.arange(3000)
        room = np.where(t > 60, 0.05, 0) * rng.standard_normal(3000) * np.exp(-t / 1000)
        room[0] = -1
        heard = {
            "a_mix": clean + noise,
            "b_late": np.concatenate([np.zeros(321), 0.5 * clean + 0.5 * noise]),
            "c_drift": resample(clean, 1_000_000, 1_000_100),
            "d_room": np.convolve(clean, room)[: len(clean)],
        }[name]
        write(folder / "clean" / f"{name}.wav", clean, RATE, subtype="FLOAT")
        write(folder / "noisy" / f"{name}.wav", heard, RATE, subtype="FLOAT")
    with cluster.client(0) as client:
        tables = [scan(folder / s, kind="speech", root_name=s, client=client) for s in ("clean", "noisy")]
        pairs = match_pairs(*tables)
        write_pairs(measure_pairs(pairs, places(folder), client=client), folder / "pairs.parquet")
    return folder


def places(folder):
    return {side: folder / side for side in ("clean", "noisy")}


def recipe_of(**changes):
    content = {
        "name": "pairs", "seed": 3, "items": 4, "item_seconds": 3.0, "sample_rate": RATE, "items_per_shard": 3,
        "pairs": {"manifest": "pairs.parquet", "order": "each"}, "level_dbfs": -30, "targets": ["erb_gains"],
    }  # fmt: skip
    return Recipe.model_validate(content | changes)


def sdr_db(clean, noisy):
    clean, noisy = clean.astype(float), noisy.astype(float)
    return 10 * np.log10(np.sum(clean**2) / np.sum((noisy - clean) ** 2))


def render(recipe, folder):
    plan = draw_plan(recipe, load_sources(recipe, folder))
    renderer = Renderer(recipe, places(folder))
    return plan, [renderer(row) for row in plan.to_dict("records")]


def test_each_pair_becomes_an_item_of_its_own_length(folder):
    plan, items = render(recipe_of(), folder)
    assert plan["snr_db"].isna().all()
    assert plan["noise_kind"].tolist() == ["additive", "additive", "additive", "rerecorded"]
    assert [len(item.noisy) / RATE for item in items] == [3.0, 2.5, 3.0, 1.2]
    for item in items[:2]:
        assert item.measured["snr_realised_db"] == pytest.approx(10, abs=0.02)
        assert item.measured["level_realised_dbfs"] == pytest.approx(-30, abs=1e-3)
        np.testing.assert_allclose(item.noisy, item.clean + item.noise, atol=1e-7)
    room = items[3].measured
    assert np.isnan(room["snr_realised_db"])
    assert room["mixture_sdr_db"] == pytest.approx(sdr_db(items[3].clean, items[3].noisy), abs=1e-3)


def test_a_mix_is_the_recordings_themselves(folder):
    _, items = render(recipe_of(), folder)
    for item, name in zip(items[:2], SECONDS, strict=False):
        clean, noisy = (read(folder / side / f"{name}.wav", channel=0)[0] for side in ("clean", "noisy"))
        if name == "b_late":
            clean, noisy = clean * 0.5, noisy[321:]
        scale = np.float32(np.sqrt(np.mean(item.noisy.astype(float) ** 2) / np.mean(noisy.astype(float) ** 2)))
        np.testing.assert_allclose(item.noisy, noisy * scale, rtol=2e-4, atol=1e-7)
        np.testing.assert_allclose(item.clean, clean * scale, rtol=2e-3, atol=1e-6)


def test_drift_is_undone(folder):
    _, items = render(recipe_of(), folder)
    after = sdr_db(items[2].clean, items[2].noisy)
    _, loose = render(recipe_of(pairs={"manifest": "pairs.parquet", "order": "each", "align": False}), folder)
    before = sdr_db(loose[2].clean, loose[2].noisy)
    assert before < 10 < 25 < after
    assert loose[2].measured["mixture_sdr_db"] == pytest.approx(before, abs=0.01)


def test_drawn_items_are_pieces_at_the_recipes_rate(folder):
    recipe = recipe_of(items=30, item_seconds=1.5, sample_rate=24_000, pairs={"manifest": "pairs.parquet"})
    plan, items = render(recipe, folder)
    assert {len(item.noisy) for item in items} == {36_000}
    starts = {row[0]["start"] for row in plan["speech"]}
    assert len(starts) > 20
    for row, item in zip(plan.to_dict("records"), items, strict=True):
        name, start = row["speech"][0]["path"], row["speech"][0]["start"]
        if name == "b_late.wav":
            assert row["noise"][0]["start"] == start + 321
            assert row["pair_place"] == 0
        if name == "d_room.wav":
            assert not item.noisy[30_000:].any()
            assert row["pair_gain"] < 0
    # Any part of the plan can be drawn alone.
    alone = draw_plan(recipe, load_sources(recipe, folder), first=17, count=1).iloc[0]
    assert alone["speech"] == plan.iloc[17]["speech"]
    assert alone["pair_place"] == plan.iloc[17]["pair_place"]


@pytest.mark.parametrize("container, audio_format", [("folder", "wav"), ("tar", "flac")])
def test_a_corpus_of_pairs_is_complete_and_right(folder, tmp_path, container, audio_format):
    recipe = recipe_of(
        container=container, audio_format=audio_format,
        degradations=[{"kind": "random_filter", "to": "mixture", "target": True, "parameters": {"r1": 0.1}}],
    )  # fmt: skip
    sources = load_sources(recipe, folder)
    with cluster.client(0) as client:
        report = run_recipe(recipe, sources, tmp_path / "corpus", places(folder), client=client)
        corpus = open_corpus(tmp_path / "corpus")
        assert verify_corpus(corpus, client=client).empty
    assert (report.rendered, len(report.quarantined)) == (4, 0)
    assert corpus.items["seconds"].tolist() == [3.0, 2.5, 3.0, 1.2]
    assert corpus.items["noise_paths"].tolist()[1] == ["noisy/b_late.wav"]
    assert len(corpus.stem(3, "noisy")) == 1.2 * RATE
    assert corpus_overview(corpus).items == 4
    overview = plan_overview([essentials(corpus.plan)], recipe)
    assert overview.hours == pytest.approx(9.7 / 3600)
    assert [histogram.name for histogram in overview.histograms] == ["noise class"]
    if container == "folder":
        damaged = read_table(tmp_path / "corpus/shards/00000/items.parquet", kind="items")
        assert damaged["snr_db"].isna().all()


def test_verify_finds_a_wrong_noise(folder, tmp_path, monkeypatch):
    recipe = recipe_of()
    with cluster.client(0) as client:
        run_recipe(recipe, load_sources(recipe, folder), tmp_path / "corpus", places(folder), client=client)
        file = tmp_path / "corpus/shards/00000/audio/000001.noise.wav"
        x, _ = read(file, channel=0)
        write(file, 0.9 * x, RATE)
        monkeypatch.setattr("percepkit.synth.verify.checksum", lambda content: AnySum())
        problems = verify_corpus(open_corpus(tmp_path / "corpus"), client=client)
    assert problems["item"].tolist() == [1, 1]
    assert "noisy differs from speech + noise" in problems["problem"][0]
    assert "SNR of the written stems is +0.92 dB off" in problems["problem"][1]


class AnySum(str):
    """A checksum that equals every other."""

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


def test_loaders_know_pairs(folder, tmp_path):
    recipe = recipe_of()
    (folder / "recipe.yaml").write_text(yaml_text(recipe))
    assert load_recipe(folder / "recipe.yaml") == recipe
    assert "snr_db" not in yaml_text(recipe)
    rendered = SynthDataset(folder / "recipe.yaml", places(folder), targets=["erb_gains"])
    with cluster.client(0) as client:
        run_recipe(recipe, load_sources(recipe, folder), tmp_path / "corpus", places(folder), client=client)
    stored = CorpusDataset(tmp_path / "corpus", targets=["erb_gains"])
    for index in range(4):
        one, other = rendered[index], stored[index]
        for name in ("noisy", "clean", "erb_gains"):
            np.testing.assert_array_equal(one[name], other[name])
    rendered.set_epoch(2)
    assert rendered[0]["item"] == 8


def test_the_preview_says_what_a_pair_is(folder):
    recipe = recipe_of()
    stages = StageRenderer(recipe, places(folder))
    for row in draw_plan(recipe, load_sources(recipe, folder)).to_dict("records")[::3]:
        item, shown = stages(row)
        facts = {fact.label: fact for fact in describe(row, recipe, item)}
        assert [stage.stem for stage in shown if stage.stem] == ["noisy", "clean"]
        if row["noise_kind"] == "additive":
            assert facts["Noise"].drawn.endswith("in the pair's noisy recording, added to the clean one")
            assert facts["SNR"].realised == "10.00 dB"
        else:
            assert facts["SNR"].details[0].startswith("not defined for a re-recording; clean over difference ")


def test_what_cannot_be_is_refused(folder, tmp_path):
    with pytest.raises(ValueError, match=r"`pairs` are mixed already: drop snr_db, clipping to speech"):
        recipe_of(snr_db=3, degradations=[{"kind": "clipping", "to": "speech", "parameters": {"sdr_db": 10}}])
    with pytest.raises(
        ValueError, match=r"`noise`, `snr_db` missing: a recipe mixes speech and noise, or has `pairs`"
    ):
        recipe_of(pairs=None, speech={"manifest": "speech.parquet"})
    with pytest.raises(ValueError, match=r"5 of 4 pairs in .*pairs\.order is each"):
        load_sources(recipe_of(items=5), folder)
    pairs = read_pairs(folder / "pairs.parquet")
    write_pairs(pairs.assign(split=["train", "train", "test", None], speaker="anna"), tmp_path / "pairs.parquet")
    with pytest.raises(
        ValueError, match=r"its splits leak: speaker anna is in test \(1 files\) and train \(2 files\)"
    ):
        load_sources(recipe_of(), tmp_path)
    write_pairs(pairs.assign(split="test"), tmp_path / "pairs.parquet")
    with pytest.raises(ValueError, match=r"no pairs of split 'train'.*it has: test"):
        load_sources(recipe_of(), tmp_path)
    write_pairs(pairs.assign(status="unaligned", reason="no"), tmp_path / "pairs.parquet")
    with pytest.raises(ValueError, match=r"no usable pair"):
        load_sources(recipe_of(), tmp_path)
    assert len(load_sources(recipe_of(pairs={"manifest": "pairs.parquet", "align": False}), tmp_path).table) == 4


def test_pairs_too_short_to_draw_from_are_told_of_and_left_out(folder, tmp_path):
    pairs = read_pairs(folder / "pairs.parquet")
    late = pairs["noisy_path"] == "b_late.wav"
    write_pairs(pairs.assign(delay_seconds=pairs["delay_seconds"].mask(late, 2.3)), tmp_path / "pairs.parquet")
    sources = load_sources(recipe_of(items=3), tmp_path)
    assert sources.dropped == ("pairs.manifest: 1 of 4 pairs are both heard for less than 0.25 s",)
    assert sources.table["noisy_path"].tolist() == ["a_mix.wav", "c_drift.wav", "d_room.wav"]


def test_a_source_that_has_gone_is_quarantined(folder, tmp_path):
    recipe = recipe_of()
    (tmp_path / "noisy").mkdir()
    roots = {"clean": folder / "clean", "noisy": tmp_path / "noisy"}
    with cluster.client(0) as client:
        report = run_recipe(recipe, load_sources(recipe, folder), tmp_path / "corpus", roots, client=client,
                            max_failures=1)  # fmt: skip
    assert report.quarantined["status"].tolist() == ["missing"] * 4


def test_real_pairs_of_both_kinds(shared, tmp_path):
    reference = shared / "reference"
    roots = {
        "clean": reference / "vbd" / "clean",
        "noisy": reference / "vbd" / "noisy",
        "daps": reference / "daps",
    }
    by = ("{name}_clean.*", "{name}_ipad_*")
    with cluster.client(0) as client:
        tables = {n: scan(p, kind="speech", root_name=n, pattern="{speaker}_*", client=client)
                  for n, p in roots.items()}  # fmt: skip
        for name, pairs in (
            ("vbd", match_pairs(tables["clean"], tables["noisy"])),
            ("daps", match_pairs(tables["daps"], tables["daps"], by=by)),
        ):
            write_pairs(measure_pairs(pairs, roots, client=client), tmp_path / f"{name}.parquet")
        recipe = recipe_of(items=5, item_seconds=20, pairs={"manifest": "vbd.parquet", "order": "each"})
        run_recipe(recipe, load_sources(recipe, tmp_path), tmp_path / "vbd", roots, client=client)
        corpus = open_corpus(tmp_path / "vbd")
        assert verify_corpus(corpus, client=client).empty
    pairs = read_pairs(tmp_path / "vbd.parquet")
    np.testing.assert_allclose(corpus.items["snr_realised_db"], pairs["sdr_db"], atol=0.01)
    assert corpus.items["speaker"].tolist() == ["p232", "p232", "p232", "p257", "p257"]
    recipe = recipe_of(items=3, sample_rate=44_100, pairs={"manifest": "daps.parquet"}, targets=[])
    sources = load_sources(recipe, tmp_path)
    for row in draw_plan(recipe, sources).to_dict("records"):
        item = Renderer(recipe, roots)(row)
        assert row["pair_gain"] < 0  # the device turns the polarity
        assert item.measured["mixture_sdr_db"] > -8  # 30 dB less without alignment
