"""Cards of an evaluation on disk: the same facts give the same card, and any change is found."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from percepkit.audio.files import write
from percepkit.cli.eval import app
from percepkit.engine.cluster import client
from percepkit.engine.tables import read_table, write_table
from percepkit.eval.card import card_differences, card_text, make_card, read_card, verify_card, write_card
from percepkit.eval.score import score_corpus
from percepkit.synth.corpus import shard_folder
from percepkit.synth.recipe import Recipe
from percepkit.synth.store import stem_name
from percepkit.synth.yaml_model import yaml_text

RATE = 16_000


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory):
    """Four items of a second, scored by SI-SDR and STOI."""
    folder = tmp_path_factory.mktemp("card")
    corpus = folder / "corpus"
    recipe = {
        "name": "tiny", "seed": 1, "items": 4, "item_seconds": 1, "sample_rate": RATE, "snr_db": 5,
        "speech": {"manifest": "speech.parquet"}, "noise": {"generated": ["white"]},
    }  # fmt: skip
    rows = []
    for item in range(4):
        generator = np.random.default_rng(item)
        speech, noise = 0.1 * generator.standard_normal(RATE), 0.05 * generator.standard_normal(RATE)
        for name, stem in {"clean": speech, "noise": noise, "noisy": speech + noise}.items():
            path = shard_folder(corpus, 0) / "audio" / stem_name(f"{item:06d}", name, "wav")
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, stem, RATE)
        row = {"item": item, "item_id": f"{item:06d}", "shard": 0, "status": "ok", "seconds": 1.0, "speaker": "a"}
        rows.append(row | {"checksum_clean": f"c{item}", "checksum_noisy": f"n{item}"})
    write_table(pd.DataFrame(rows), shard_folder(corpus, 0) / "items.parquet", kind="items")
    write_table(pd.DataFrame(rows), corpus / "plan.parquet", kind="plan")
    (corpus / "recipe.yaml").write_text(yaml_text(Recipe.model_validate(recipe)))
    with client(0) as serial:
        score_corpus(corpus, ["highpass", "clean"], ["si_sdr", "stoi"], folder / "scores.parquet", client=serial)
    return folder / "scores.parquet", corpus


def test_a_card_says_what_was_scored(evaluation):
    card = make_card(*evaluation)
    assert card == make_card(*evaluation)
    assert (card["corpus"]["name"], card["corpus"]["items"]) == ("tiny", 4)
    assert [entry["name"] for entry in card["denoisers"]] == ["clean", "highpass", "noisy"]
    assert [entry["name"] for entry in card["metrics"]] == ["si_sdr", "stoi"]
    assert card["metrics"][0]["lowest"] is None
    assert card["scores"]["rows"] == 24
    assert card["scores"]["statuses"]["infinite"] == 4  # the clean speech by SI-SDR
    assert sum(card["scores"]["statuses"].values()) == 24


def test_a_card_survives_the_disk_and_verifies(evaluation, tmp_path):
    card = make_card(*evaluation)
    write_card(card, tmp_path / "card.json")
    assert read_card(tmp_path / "card.json") == card
    assert verify_card(card, *evaluation, n_items=2) == ([], 12)
    write_card(card, tmp_path / "card.md")
    assert (tmp_path / "card.md").read_text() == card_text(card)
    assert "- digest: " + card["digest"] in card_text(card)
    with pytest.raises(ValueError, match=r"expected a name that ends in .json or .md"):
        write_card(card, tmp_path / "card.txt")


def test_times_are_no_facts(evaluation, tmp_path):
    scores = read_table(evaluation[0], kind="scores")
    write_table(scores.assign(seconds=9.9), tmp_path / "s.parquet", kind="scores")
    assert make_card(tmp_path / "s.parquet", evaluation[1]) == make_card(*evaluation)


def test_changed_scores_are_found(evaluation, tmp_path):
    scores = read_table(evaluation[0], kind="scores")
    better = (scores["denoiser"] == "highpass") & (scores["metric"] == "si_sdr")
    scores.loc[better, "value"] += 0.001
    write_table(scores, tmp_path / "s.parquet", kind="scores")
    findings, n_cells = verify_card(make_card(*evaluation), tmp_path / "s.parquet", evaluation[1], n_items=1)
    assert findings[0].startswith("scores differ: the card's digest is")
    assert "highpass, si_sdr" in findings[1]
    assert (len(findings), n_cells) == (2, 6)


def test_other_versions_and_code_are_found(evaluation):
    card = json.loads(json.dumps(make_card(*evaluation)))
    card["metrics"][0]["version"] = "0"
    card["denoisers"][1]["digest"] = "ffff"
    findings, _ = verify_card(card, *evaluation, n_items=1)
    assert findings == [
        "the code of highpass is not the one that was scored",
        "metric si_sdr has the version 1, the scores are of 0",
    ]


def test_two_cards_tell_what_differs(evaluation, tmp_path):
    scores, corpus = evaluation
    card = make_card(scores, corpus)
    assert card_differences(card, card) == []
    other = json.loads(json.dumps(card))
    other["metrics"][0]["version"] = "0"
    other["versions"]["numpy"] = "1.0"
    del other["denoisers"][1]
    lines = card_differences(card, other)
    assert "metrics, si_sdr, version: 1 in the first card, 0 in the second" in lines
    assert f"versions, numpy: {np.__version__} in the first card, 1.0 in the second" in lines
    digest = card["denoisers"][1]["digest"]
    assert f"denoisers, highpass, digest: {digest} in the first card, nothing in the second" in lines
    assert {line.split(",")[0] for line in lines} == {"metrics", "versions", "denoisers"}


def test_the_command_compares_with_another_card(evaluation, tmp_path):
    scores, corpus = evaluation
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    table = read_table(scores, kind="scores")
    write_table(table[table["metric"] == "stoi"], tmp_path / "s.parquet", kind="scores")

    def run(table, out, *options):
        arguments = ["card", str(table), str(corpus), "--out", str(out), *map(str, options)]
        return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout

    run(scores, first)
    assert "the two cards are the same" in run(scores, second, "--against", first)
    text = run(tmp_path / "s.parquet", second, "--against", first)
    assert "metrics, si_sdr, unit: nothing in the first card, dB in the second" in text
    assert "scores, rows: 12 in the first card, 24 in the second" in text


@pytest.mark.parametrize("edit", [lambda card: card["corpus"].update(seed=7), lambda card: card.pop("digest")])
def test_an_edited_card_is_refused(evaluation, tmp_path, edit):
    card = make_card(*evaluation)
    edit(card)
    (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match=r"card.json: .*(digest does not hold|expected a card)"):
        read_card(tmp_path / "card.json")
