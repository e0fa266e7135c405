"""Banks of simulated rooms, rendered once and used by many recipes.

A bank is a folder of FLAC files ``room0000_s0.flac`` (where the talker stands), ``room0000_s1.flac`` (where
the noise comes from) and so on, with a manifest in which the positions of one room share a group, and a table
``rooms.csv`` of what was drawn and measured.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from percepkit.audio import files
from percepkit.engine.shards import map_shards, sweep_attempts
from percepkit.engine.tables import ensure_writable, write_text
from percepkit.manifests.scan import scan
from percepkit.manifests.table import write_manifest
from percepkit.synth.room_bank import RoomBank, load_bank
from percepkit.synth.room_geometry import Geometry, draw_geometry
from percepkit.synth.simulation import simulate_room
from percepkit.synth.yaml_model import yaml_text

if TYPE_CHECKING:
    from distributed import Client

    from percepkit.engine.cluster import Serial

__all__ = ["COLUMNS", "build_bank"]

MANIFEST = "rooms.parquet"
TABLE = "rooms.csv"

#: Columns of ``rooms.csv``, one row a response: lengths in m (z is the height), times in s, ratios in dB.
COLUMNS = (
    "path", "room", "source", "status", "reason", "method", "shape", "length_m", "width_m", "height_m",
    "volume_m3", "floor_plan_m", "walls", "floor", "ceiling", "microphone_m", "source_m", "distance_m", "in_sight",
    "asked_rt60", "rt60", "drr", "c50",
)  # fmt: skip


def build_bank(
    bank: RoomBank,
    folder: Path,
    *,
    client: "Client | Serial",
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Simulate the rooms of a bank; rooms that the folder holds already are kept.

    The same bank gives the same bytes of audio, whatever the number of workers and however often the work
    was interrupted. A room that cannot be simulated as asked has no files: its rows of ``rooms.csv`` have the
    status ``failed`` and say why.

    Parameters
    ----------
    bank : RoomBank
    folder : Path
        Where the FLAC files (PCM_24), ``bank.yaml``, ``rooms.csv`` and the manifest go.
    client : distributed.Client or Serial
        From `percepkit.engine.cluster.client`.
    progress : callable, optional
        Called with the number of rooms done and of all rooms.

    Returns
    -------
    Path
        The manifest, ``rooms.parquet``; its measured columns (RT60, DRR, C50) are of the files as written.

    Raises
    ------
    ValueError
        If the folder holds another bank or cannot be written, or if no room at all could be simulated.
    """
    ensure_writable(folder, folder=True)
    sweep_attempts(folder)
    _claim(bank, folder)
    failures: dict[int, str] = {}
    finished = map_shards(_write_room, range(bank.rooms), client=client, payload=(bank, folder.resolve()))
    for done, (room, failure) in enumerate(finished, 1):
        if failure is not None:
            failures[room] = failure
        if progress is not None:
            progress(done, bank.rooms)
    if len(failures) == bank.rooms:
        raise ValueError(f"none of the {bank.rooms} rooms could be simulated: {failures[0]}")
    manifest = _write_bank_manifest(bank, folder, client, failures)
    _write_room_table(bank, folder, manifest, failures)
    return folder / MANIFEST


def _claim(bank: RoomBank, folder: Path) -> None:
    note = folder / "bank.yaml"
    if not note.exists():
        write_text(note, yaml_text(bank))
    elif load_bank(note) != bank:
        raise ValueError(f"{folder} holds another bank of rooms (its bank.yaml differs); choose another folder")


def _names(bank: RoomBank, room: int) -> list[str]:
    return [f"room{room:04d}_s{source}.flac" for source in range(bank.sources_per_room)]


def _write_room(room: int, payload: tuple[RoomBank, Path]) -> str | None:
    """Write the files of a room, or say why there are none."""
    bank, folder = payload
    paths = [folder / name for name in _names(bank, room)]
    if all(_is_whole(path, bank.sample_rate) for path in paths):
        return None
    try:
        responses = simulate_room(draw_geometry(bank, room), bank.sample_rate)
    except (ValueError, ArithmeticError, RuntimeError, AssertionError) as error:  # the last two: the simulator's
        return " ".join(str(error).split()) or type(error).__name__
    for path, h in zip(paths, responses, strict=True):
        files.write(path, h, bank.sample_rate, subtype="PCM_24")
    return None


def _is_whole(path: Path, sample_rate: int) -> bool:
    try:
        return files.read(path, channel=0)[1] == sample_rate
    except files.AudioError:
        return False


def _write_bank_manifest(
    bank: RoomBank, folder: Path, client: "Client | Serial", failures: dict[int, str]
) -> pd.DataFrame:
    names = {name for room in range(bank.rooms) if room not in failures for name in _names(bank, room)}
    table = scan(folder, kind="rir", root_name="rooms", pattern="{group}_s*", client=client)
    table = table[table["path"].isin(names)]
    write_manifest(table, folder / MANIFEST)
    return table


def _write_room_table(bank: RoomBank, folder: Path, manifest: pd.DataFrame, failures: dict[int, str]) -> None:
    measured = manifest.set_index("path")[["rt60", "drr", "c50"]].round(4).to_dict("index")
    rows: list[dict[str, Any]] = []
    for room in range(bank.rooms):
        try:
            drawn = draw_geometry(bank, room)
        except ValueError:
            drawn = None
        reason = failures.get(room)
        for source, path in enumerate(_names(bank, room)):
            row = {"path": path, "room": room, "source": source, "status": "failed" if reason else "ok"}
            row |= {"reason": reason, "method": bank.method} | measured.get(path, {})
            rows.append(row if drawn is None else row | _drawn(drawn, source))
    write_text(folder / TABLE, pd.DataFrame(rows).reindex(columns=list(COLUMNS)).to_csv(index=False))


def _drawn(room: Geometry, source: int) -> dict[str, Any]:
    walls, floor, ceiling = [], None, None
    if room.materials is not None:
        *walls, floor, ceiling = room.materials
    return {
        "shape": room.shape,
        **dict(zip(("length_m", "width_m", "height_m"), room.size_m.round(3).tolist(), strict=True)),
        "volume_m3": round(room.volume_m3, 3),
        "floor_plan_m": ", ".join(map(_place, room.corners_m)),
        "walls": ", ".join(walls) or None,
        "floor": floor,
        "ceiling": ceiling,
        "microphone_m": _place(room.microphone_m),
        "source_m": _place(room.sources_m[source]),
        "distance_m": round(float(np.linalg.norm(room.sources_m[source] - room.microphone_m)), 3),
        "in_sight": bool(room.sees[source]),
        "asked_rt60": None if math.isnan(room.rt60_seconds) else round(room.rt60_seconds, 4),
    }


def _place(point: np.ndarray) -> str:
    return " ".join(f"{value:.3f}" for value in point)
