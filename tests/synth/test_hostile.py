"""Hostile sources: the unusual are rendered as they are, the broken named with a reason, and no run stops."""

import numpy as np
import pandas as pd
import pytest
import soundfile
import soxr
from hostile import all_sources, likeness, some_sources, sound

from percepkit.engine import cluster
from percepkit.manifests.scan import scan
from percepkit.manifests.table import read_manifest, write_manifest
from percepkit.synth.corpus import open_corpus
from percepkit.synth.recipe import Recipe
from percepkit.synth.run import run_recipe
from percepkit.synth.sources import load_sources
from percepkit.synth.verify import verify_corpus

RATE = 16_000
STATUSES = {"ok", "missing", "unreadable", "empty", "nonfinite", "silent", "truncated"}
ESCAPES = {"../outside.wav": "manifest's path", "/etc/hostname": "manifest's path", "a/../../outside.wav": "path"}


def write_sources(root, sources):
    for source in sources:
        path = root / source.path
        path.parent.mkdir(parents=True, exist_ok=True)
        source.write(path)


def scan_twice(folder, root, client):
    """Manifests of the folder as speech and as noise, with rows that lead out of it."""
    for kind in ("speech", "noise"):
        table = scan(root, kind=kind, root_name="hostile", client=client)
        good = table[table["status"] == "ok"].iloc[0]
        added = pd.DataFrame([good.to_dict() | {"path": path, "hash": path} for path in ESCAPES])
        write_manifest(
            pd.concat([table, added.astype(table.dtypes)], ignore_index=True), folder / f"{kind}.parquet"
        )
    return read_manifest(folder / "speech.parquet")


def decoded(root, segment):
    """What a segment of a plan holds, decoded whole by the library itself."""
    with (root / segment["path"]).open("rb") as file:
        x, rate = soundfile.read(file, dtype="float32", always_2d=True)
    x = x[segment["start"] : segment["start"] + segment["frames"], segment["channel"]]
    return x if rate == RATE else soxr.resample(x, rate, RATE, quality="HQ")


def same_sound(stem, root, segments):
    """Whether a stem is the sound of its segments, apart from level and the ends."""
    want = np.zeros(len(stem) + RATE)
    for segment in segments:
        part = decoded(root, segment)[: segment["length"]]
        want[segment["at"] : segment["at"] + len(part)] = part
    inner = slice(200, len(stem) - 200)
    return likeness(stem[inner], want[: len(stem)][inner]) > 0.995


def check(tmp_path, sources, items, workers):
    root = tmp_path / "hostile"
    write_sources(root, sources)
    with cluster.client(workers) as client:
        manifest = scan_twice(tmp_path, root, client).set_index("path")
        assert set(manifest["status"]) <= STATUSES
        for source in sources:
            if "/dev/" in str(source.write):
                assert source.path not in manifest.index  # a device is not even listed
                continue
            row = manifest.loc[source.path]
            if source.fate == "ok" or source.later:
                assert row["status"] == "ok", row["reason"]
            elif source.fate == "bad" and row["frames"] is not pd.NA and row["duration"] > 0.1:
                assert row["status"] != "ok", source.path
                assert source.path in row["reason"]
            if source.later:
                source.later(root / source.path)
        recipe = Recipe.model_validate({
            "name": "hostile", "seed": 1, "items": items, "item_seconds": 0.5, "sample_rate": RATE, "snr_db": 0,
            "items_per_shard": 20, "targets": ["erb_gains"], "level_dbfs": -30,
            "speech": {"manifest": "speech.parquet", "pause_seconds": 0}, "noise": {"manifest": "noise.parquet"},
        })  # fmt: skip
        run_sources = load_sources(recipe, tmp_path)
        report = run_recipe(
            recipe, run_sources, tmp_path / "corpus", {"hostile": root}, client=client, max_failures=1.0
        )
        assert report.rendered == items
        corpus = open_corpus(tmp_path / "corpus")
        assert verify_corpus(corpus, client=client).empty
    return corpus, root


def judge(corpus, root, sources):
    """Every item is right, or says why it is not there; returns the paths that were rendered."""
    fate = {source.path: source.fate for source in sources} | dict.fromkeys(ESCAPES, "bad")
    rows, rendered = corpus.plan.set_index("item"), set()
    for item in corpus.items.to_dict("records"):
        row = rows.loc[item["item"]]
        used = {segment["path"] for segment in (*row["speech"], *row["noise"])}
        if item["status"] != "ok":
            guilty = [path for path in used if fate[path] != "ok"]
            assert guilty, item["reason"]
            # Of a link that leads nowhere, the reason names the file that is missing.
            assert any(path in item["reason"] for path in (*guilty, "nowhere.wav")), item["reason"]
            continue
        assert not [path for path in used if fate[path] == "bad"], used
        for stem, segments in (("speech", row["speech"]), ("noise", row["noise"])):
            assert same_sound(corpus.stem(item["item"], stem), root, segments), segments
        rendered |= used
    return rendered


def test_some_hostile_sources(tmp_path):
    sources = some_sources()
    assert len(sources) > 30
    corpus, root = check(tmp_path, sources, 150, 0)
    rendered = judge(corpus, root, sources)
    assert {source.path for source in sources if source.fate == "ok"} <= rendered
    reasons = corpus.items["reason"].dropna()
    for path, words in ESCAPES.items():
        assert reasons[reasons.str.contains(path, regex=False)].str.contains(words).any(), path


@pytest.mark.soak
def test_all_hostile_sources(tmp_path):
    sources = all_sources()
    assert len(sources) >= 200
    corpus, root = check(tmp_path, sources, 1000, 2)
    rendered = judge(corpus, root, sources)
    assert {source.path for source in sources if source.fate == "ok"} <= rendered
    counts = corpus.items["status"].value_counts()
    print(f"{len(sources)} sources, {len(rendered)} rendered; items: {counts.to_dict()}")


def test_valid_sources_hold_the_sound_they_were_written_with(tmp_path):
    """The yardstick of the others: what the library decodes is what was written, at its rate and channel."""
    formats = [source for source in all_sources() if source.path.startswith("formats/")]
    assert len(formats) > 50
    for source in formats:
        path = tmp_path / "x"
        source.write(path)
        with path.open("rb") as file:
            x, rate = soundfile.read(file, always_2d=True)
        want = sound(source.write.args[-1], rate, x.shape[1]).reshape(-1, x.shape[1])
        n = min(len(x), len(want))
        x, want = x[:n, -1], want[:n, -1]
        lags = np.fft.irfft(np.fft.rfft(x, 2 * n) * np.fft.rfft(want, 2 * n).conj())
        coarse = any(coder in source.path for coder in ("GSM610", "OPUS", "VORBIS", "MPEG", "32_"))
        assert lags.max() > (0.6 if coarse else 0.95) * np.sqrt(np.sum(x**2) * np.sum(want**2)), source.path
