"""Building banks: equal bytes however built, a table of what was drawn, rooms that fail."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

import percepkit.manifests
from percepkit.audio import files
from percepkit.cli.rooms import rooms
from percepkit.dsp import rir
from percepkit.engine.cluster import client
from percepkit.manifests.table import read_manifest
from percepkit.synth import rooms as synth_rooms
from percepkit.synth.room_bank import RoomBank
from percepkit.synth.room_geometry import draw_geometry
from percepkit.synth.rooms import build_bank
from percepkit.synth.yaml_model import yaml_text

NEEDED = {"rooms": 3, "sample_rate": 16000, "seed": 5, "rt60_seconds": {"uniform": [0.15, 0.3]}}


def bank(**changes):
    return RoomBank.model_validate(NEEDED | changes)


RICH = {
    "method": "hybrid",
    "shape": "polygon",
    "rt60_seconds": None,
    "materials": {"walls": ["brickwork", "carpet_hairy"], "floor": ["carpet_hairy"], "ceiling": ["gypsum_board"]},
    "rooms": 2,
    "length_m": {"uniform": [3, 5]},
}


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.flac"))}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bank")
    progress = []
    with client(0) as serial:
        manifest = build_bank(bank(), folder, client=serial, progress=lambda *step: progress.append(step))
    assert progress == [(1, 3), (2, 3), (3, 3)]
    return folder, manifest


def test_manifest_of_a_bank(built):
    folder, manifest = built
    table = read_manifest(manifest)
    assert list(table["path"]) == [f"room{room:04d}_s{source}.flac" for room in range(3) for source in range(2)]
    assert list(table["group"]) == ["room0000", "room0000", "room0001", "room0001", "room0002", "room0002"]
    assert set(table["kind"]) == {"rir"}
    assert set(table["status"]) == {"ok"}
    for row in table.itertuples():
        h, sample_rate = files.read(folder / row.path, channel=0)
        assert row.rt60 == pytest.approx(rir.rt60_seconds(h, sample_rate))
        assert row.drr == pytest.approx(rir.drr_db(h, sample_rate))
        assert row.c50 > row.drr
    assert table.groupby("group")["peak"].max().to_numpy() == pytest.approx([0.5] * 3, abs=1e-6)


def test_workers_give_the_same_bytes(built, tmp_path):
    with client(0) as serial:
        build_bank(bank(**RICH), tmp_path / "serial", client=serial)
    with client(2) as parallel:
        build_bank(bank(), tmp_path / "images", client=parallel)
        build_bank(bank(**RICH), tmp_path / "rays", client=parallel)
    assert digests(tmp_path / "images") == digests(built[0])
    assert digests(tmp_path / "rays") == digests(tmp_path / "serial")
    tables = [(tmp_path / name / "rooms.csv").read_bytes() for name in ("rays", "serial")]
    assert tables[0] == tables[1]


def test_a_bank_is_resumed_and_repaired(built, tmp_path, monkeypatch):
    for path in built[0].glob("*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "room0001_s1.flac").unlink()
    damaged = tmp_path / "room0002_s0.flac"
    damaged.write_bytes(damaged.read_bytes()[:-3000])
    simulated = []
    simulate = synth_rooms.simulate_room
    monkeypatch.setattr(synth_rooms, "simulate_room", lambda *given: simulated.append(given) or simulate(*given))
    with client(0) as serial:
        build_bank(bank(), tmp_path, client=serial)
    assert digests(tmp_path) == digests(built[0])
    assert len(simulated) == 2


def test_another_bank_does_not_mix_with_this_one(built):
    with client(0) as serial, pytest.raises(ValueError, match="holds another bank"):
        build_bank(bank(seed=6), built[0], client=serial)


def test_files_of_others_in_the_folder_stay_out_of_the_manifest(built):
    folder, manifest = built
    files.write(folder / "clap.wav", np.array([1.0, 0.5]), 16000)
    with client(0) as serial:
        build_bank(bank(), folder, client=serial)
    assert len(read_manifest(manifest)) == 6


def test_command_builds_the_demo_bank(tmp_path):
    recipes = Path(percepkit.manifests.__file__).parent / "recipes"
    app = typer.Typer()
    app.command()(rooms)
    arguments = [str(recipes / "demo_rooms.yaml"), "--out", str(tmp_path / "rooms"), "--workers", "0"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "8 responses of 4 rooms" in result.output
    rt60 = read_manifest(tmp_path / "rooms" / "rooms.parquet")["rt60"]
    assert rt60.between(0.18, 0.5).all()


def test_the_table_says_what_was_drawn_and_measured(built):
    folder, manifest = built
    table, measured = pd.read_csv(folder / "rooms.csv"), read_manifest(manifest)
    assert list(table.columns) == list(synth_rooms.COLUMNS)
    assert list(table["path"]) == list(measured["path"])
    assert set(table["status"]) == {"ok"}
    for row in table.itertuples():
        drawn = draw_geometry(bank(), row.room)
        assert row.asked_rt60 == pytest.approx(drawn.rt60_seconds, abs=1e-4)
        assert row.volume_m3 == pytest.approx(row.length_m * row.width_m * row.height_m, rel=1e-3)
        places = [np.array(place.split(), dtype=float) for place in (row.microphone_m, row.source_m)]
        np.testing.assert_allclose(places, [drawn.microphone_m, drawn.sources_m[row.source]], atol=1e-3)
        assert row.distance_m == pytest.approx(np.linalg.norm(places[0] - places[1]), abs=2e-3)
    for column in ("rt60", "drr", "c50"):
        assert table[column].to_numpy() == pytest.approx(measured[column].to_numpy(), abs=1e-4)


@pytest.fixture
def one_fails(monkeypatch):
    """The second room cannot be simulated; how often is counted."""
    simulate, calls = synth_rooms.simulate_room, []

    def simulate_or_fail(drawn, sample_rate):
        calls.append(drawn.key)
        if drawn.key == draw_geometry(bank(), 1).key:
            raise ValueError("too dull,\nby far")
        return simulate(drawn, sample_rate)

    monkeypatch.setattr(synth_rooms, "simulate_room", simulate_or_fail)
    return calls


def test_a_room_that_fails_is_reported_and_the_others_are_there(one_fails, built, tmp_path):
    with client(0) as serial:
        manifest = build_bank(bank(), tmp_path, client=serial)
        table = pd.read_csv(tmp_path / "rooms.csv")
        build_bank(bank(), tmp_path, client=serial)
    assert list(table["status"]) == ["ok", "ok", "failed", "failed", "ok", "ok"]
    assert set(table["reason"].dropna()) == {"too dull, by far"}
    assert table["rt60"].notna().tolist() == [True, True, False, False, True, True]
    assert set(read_manifest(manifest)["group"]) == {"room0000", "room0002"}
    assert len(one_fails) == 4  # the room that failed is tried again, no other is
    kept = {name: digest for name, digest in digests(built[0]).items() if "room0001" not in name}
    assert digests(tmp_path) == kept


def test_a_room_without_a_place_for_its_sources_is_reported(tmp_path):
    narrow = bank(length_m={"choice": [3, 5]}, width_m=2, height_m=2, distance_m={"uniform": [1.2, 1.3]}, rooms=4)
    narrow = narrow.model_copy(update={"wall_distance_m": 0.95})  # more than the model lets through
    with client(0) as serial:
        build_bank(narrow, tmp_path, client=serial)
    table = pd.read_csv(tmp_path / "rooms.csv")
    assert set(table["status"]) == {"ok", "failed"}
    assert table.loc[table["status"] == "failed", "reason"].str.contains("has no place for a source").all()


def test_a_bank_of_failures_is_an_error(tmp_path, monkeypatch):
    def fail(*_):
        raise AssertionError

    monkeypatch.setattr(synth_rooms, "simulate_room", fail)
    with client(0) as serial, pytest.raises(ValueError, match="none of the 3 rooms could be simulated: Assertion"):
        build_bank(bank(), tmp_path, client=serial)


def test_command_names_the_rooms_that_failed(one_fails, tmp_path):
    (tmp_path / "bank.yaml").write_text(yaml_text(bank()))
    app = typer.Typer()
    app.command()(rooms)
    arguments = [str(tmp_path / "bank.yaml"), "--out", str(tmp_path / "rooms"), "--workers", "0"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "4 responses of 2 rooms" in result.output
    assert "1 rooms failed" in result.output
    assert "room 1: too dull, by far" in result.output
    assert all(name in result.output for name in ("RT60, s", "DRR, dB", "C50, dB"))
