"""Room banks: geometry inside its limits, the reverberation asked for, equal bytes however built."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import typer
import yaml
from pydantic import ValidationError
from typer.testing import CliRunner

import percepkit.manifests
from percepkit.audio import files
from percepkit.cli.rooms import rooms
from percepkit.dsp import rir
from percepkit.engine.cluster import client
from percepkit.manifests.table import read_manifest
from percepkit.synth import rooms as synth_rooms
from percepkit.synth.room_bank import RoomBank, load_bank
from percepkit.synth.room_geometry import draw_geometry
from percepkit.synth.rooms import build_bank
from percepkit.synth.simulation import simulate_room
from percepkit.synth.yaml_model import yaml_text

NEEDED = {"rooms": 3, "sample_rate": 16000, "seed": 5, "rt60_seconds": {"uniform": [0.15, 0.3]}}


def bank(**changes):
    return RoomBank.model_validate(NEEDED | changes)


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.flac"))}


def test_rooms_keep_to_what_was_asked():
    asked = bank(rooms=200, sources_per_room=3, wall_distance_m=0.7)
    for room in range(200):
        drawn = draw_geometry(asked, room)
        assert np.all(drawn.size_m >= [3, 3, 2.4])
        assert np.all(drawn.size_m <= [8, 6, 3.5])
        for position in (drawn.microphone_m, *drawn.sources_m):
            assert np.all(position >= 0.7)
            assert np.all(position <= drawn.size_m - 0.7)
        distances = np.linalg.norm(drawn.sources_m - drawn.microphone_m, axis=1)
        assert np.all((distances >= 0.5) & (distances <= 3))
        assert 0.15 <= drawn.rt60_seconds <= 0.3
        assert len({tuple(source) for source in drawn.sources_m}) == 3


def test_a_room_depends_on_seed_and_number_only():
    same = draw_geometry(bank(rooms=900), 2), draw_geometry(bank(rooms=3), 2)
    np.testing.assert_array_equal(same[0].sources_m, same[1].sources_m)
    other_seed, other_room = draw_geometry(bank(seed=6), 2), draw_geometry(bank(), 1)
    assert len({tuple(drawn.size_m) for drawn in (same[0], other_seed, other_room)}) == 3


def test_rooms_reverberate_as_long_as_asked():
    asked = bank(rt60_seconds={"uniform": [0.2, 0.45]})
    errors = []
    for room in range(8):
        drawn = draw_geometry(asked, room)
        for h in simulate_room(drawn, 16000):
            errors.append(rir.rt60_seconds(h, 16000) / drawn.rt60_seconds - 1)
    assert np.median(np.abs(errors)) < 0.05
    assert np.max(np.abs(errors)) < 0.2


def test_delays_and_levels_of_the_positions_follow_their_distances():
    drawn = draw_geometry(bank(), 0)
    responses = simulate_room(drawn, 48000)
    distances = np.linalg.norm(drawn.sources_m - drawn.microphone_m, axis=1)
    paths = [rir.direct_path(h, 48000) for h in responses]
    for (delay, _), distance in zip(paths, distances, strict=True):
        assert delay == pytest.approx(distance / 343 * 48000 + 40, abs=0.05)  # the simulator adds 40 samples
    assert paths[0][1] / paths[1][1] == pytest.approx(distances[1] / distances[0], rel=0.03)
    assert max(np.abs(h).max() for h in responses) == pytest.approx(0.5)


def test_the_simulators_own_settings_are_left_alone():
    import pyroomacoustics as pra

    before = {name: pra.constants.get(name) for name in ("num_threads", "rir_hpf_enable", "c")}
    simulate_room(draw_geometry(bank(), 0), 16000)
    assert before == {name: pra.constants.get(name) for name in before}


def test_nothing_sounds_before_the_direct_path():
    for h in simulate_room(draw_geometry(bank(), 1), 16000):
        delay, _ = rir.direct_path(h, 16000)
        assert np.abs(h[: int(delay) - 40]).max() == 0
        assert abs(rir.onset(h) - delay) < 10


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
    with client(2) as parallel:
        build_bank(bank(), tmp_path, client=parallel)
    assert digests(tmp_path) == digests(built[0])


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


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"reverb": 1}, "unknown key `reverb`; known: format_version, rooms"),
        ({"rooms": 0}, "`rooms`: .*greater than or equal to 1"),
        (
            {"rt60_seconds": {"uniform": [0.1, 2]}},
            "rt60_seconds: expected values from 0.1 to 1, found 0.1 to 2",
        ),
        ({"rt60_seconds": {"normal": [0.4, 0.1]}}, "found -inf to inf"),
        ({"rt60_seconds": "long"}, "`rt60_seconds`: expected a plain number"),
        ({"length_m": 1}, "length_m: expected values from 1.2 to 30"),
        ({"distance_m": 4}, "distance_m: 4 m and more does not fit"),
    ],
)
def test_faulty_banks_name_the_file_and_the_key(tmp_path, changes, message):
    path = tmp_path / "bank.yaml"
    path.write_text(yaml.safe_dump(NEEDED | changes))
    with pytest.raises(ValueError, match=message) as caught:
        load_bank(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text, message", [("[1, 2]", "found list"), ("a: [", "not a YAML file")])
def test_files_that_are_no_bank(tmp_path, text, message):
    path = tmp_path / "bank.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_bank(path)
    with pytest.raises(ValueError, match="no such room bank"):
        load_bank(tmp_path / "other.yaml")


def test_a_bank_is_saved_as_it_was_read(tmp_path):
    path = tmp_path / "bank.yaml"
    path.write_text(yaml_text(bank(distance_m=1.5)))
    assert load_bank(path) == bank(distance_m=1.5)
    with pytest.raises(ValidationError, match="seed"):
        RoomBank.model_validate({key: NEEDED[key] for key in NEEDED if key != "seed"})


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


def test_a_source_that_fits_nowhere_names_the_room():
    narrow = bank(length_m=1.3, width_m=1.3, height_m=30, distance_m={"uniform": [14.2, 14.3]})
    with pytest.raises(ValueError, match=r"room 0 \(1.3 x 1.3 x 30.0 m\) has no place"):
        draw_geometry(narrow, 0)
