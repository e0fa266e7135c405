"""Rendering a whole corpus: shard by shard on Dask, each committed at once, resumable after any kill."""

import filecmp
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import xxhash

from percepkit.audio.files import AudioError, encode
from percepkit.engine.shards import commit_folder, map_shards, sweep_attempts
from percepkit.engine.tables import ensure_writable, read_table, write_table, write_text
from percepkit.synth.corpus import shard_folder
from percepkit.synth.pair_sources import PairSources
from percepkit.synth.plan import PLAN_TYPES, TEXT, draw_plan, plan_chunks, plan_rows
from percepkit.synth.recipe import Recipe
from percepkit.synth.render import Renderer
from percepkit.synth.rendered import Rendered
from percepkit.synth.sources import Sources, check_roots
from percepkit.synth.store import FolderWriter, TarWriter, stem_name
from percepkit.synth.targets import TARGETS
from percepkit.synth.yaml_model import yaml_text

__all__ = ["RunReport", "checksum", "run_recipe", "target_checksum"]

MEASURED = ("snr_realised_db", "snr_total_db", "level_realised_dbfs", "speech_dbfs", "noise_dbfs", "peak",
            "guard_db", "mixture_sdr_db", "rt60_realised", "drr_realised", "c50_realised")  # fmt: skip
PLANNED = ("item", "item_id", "shard", "speaker", "noise_class", "noise_kind", "generated", "room", "rt60", "drr",
           "c50", "snr_db", "snr_kind", "level_dbfs", "degradations")  # fmt: skip
#: Types of the columns of items that hold lists.
ITEM_TYPES = {
    "speech_paths": pa.list_(pa.string()),
    "noise_paths": pa.list_(pa.string()),
    "layers": pa.list_(pa.struct({
        "name": pa.string(), "noise_class": pa.string(), "noise_kind": pa.string(), "generated": pa.string(),
        "snr_db": pa.float64(), "snr_realised_db": pa.float64(), "paths": pa.list_(pa.string()),
    })),
}  # fmt: skip


@dataclass(frozen=True)
class RunReport:
    """What a run did.

    Attributes
    ----------
    items, rendered, reused : int
        Items of the corpus, rendered by this run, and found committed from before.
    quarantined : DataFrame
        Items that could not be rendered: item, status, reason.
    """

    items: int
    rendered: int
    reused: int
    quarantined: pd.DataFrame


@dataclass(frozen=True, eq=False)  # told apart by identity: a worker keeps one, and a renderer for it
class _Job:
    recipe: Recipe
    sources: Sources | PairSources
    roots: tuple[tuple[str, Path], ...]
    corpus: Path


def run_recipe(
    recipe: Recipe,
    sources: Sources | PairSources,
    corpus: Path,
    roots: Mapping[str, Path],
    *,
    client: Any,
    max_failures: float = 0.01,
    retry_quarantined: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> RunReport:
    """Render a recipe into a folder, or finish what an earlier run has begun there.

    Parameters
    ----------
    recipe : Recipe
    sources : Sources
        Of `percepkit.synth.sources.load_sources`.
    corpus : Path
        Folder of the corpus; made where it is missing.
    roots : mapping of root name to folder
        Where the files of each manifest lie.
    client
        Of `percepkit.engine.cluster.client`.
    max_failures : float in [0, 1]
        Share of items that may be quarantined before the run stops.
    retry_quarantined : bool
        Render shards again that hold quarantined items.
    progress : callable, optional
        Called with items done and items in all.

    Raises
    ------
    ValueError
        If a root is missing, the folder holds another corpus, or too many items failed.
    OSError
        If the folder cannot be written; what is committed stays, and the run can be resumed.
    """
    check_roots(sources, roots)
    _open_folder(corpus, recipe, sources)
    shards = range(-(-recipe.items // recipe.items_per_shard))
    done = _committed(corpus, shards, retry_quarantined=retry_quarantined)
    failures = [failed for _, failed in done.values()]
    rendered, reused = 0, sum(items for items, _ in done.values())
    allowed = max_failures * recipe.items
    places = tuple((name, Path(root).absolute()) for name, root in roots.items())
    job = _Job(recipe, sources, places, corpus.absolute())
    todo = (shard for shard in shards if shard not in done)
    if progress:
        progress(reused, recipe.items)
    n_failed = sum(map(len, failures))
    for _, (items, failed) in map_shards(_render_shard, todo, client=client, payload=job):
        rendered += items
        n_failed += len(failed)
        if len(failed):
            failures.append(failed)
        if progress:
            progress(reused + rendered, recipe.items)
        if n_failed > allowed:
            break
    quarantined = pd.concat(failures, ignore_index=True) if failures else pd.DataFrame(columns=["status"])
    _check_failures(quarantined, allowed, recipe.items)
    sweep_attempts(corpus / "shards")  # of workers that died during this run
    return RunReport(recipe.items, rendered, reused, quarantined)


def _open_folder(corpus: Path, recipe: Recipe, sources: Sources | PairSources) -> None:
    """Write recipe and plan, or check that the folder was begun with the same ones."""

    def write_plan(path: Path) -> None:
        write_table(plan_chunks(recipe, sources), path, kind="plan", types=PLAN_TYPES)

    ensure_writable(corpus, folder=True)
    corpus.mkdir(parents=True, exist_ok=True)
    recipe_file, plan_file = corpus / "recipe.yaml", corpus / "plan.parquet"
    if recipe_file.is_file():
        fresh = corpus / ".plan.parquet"
        write_plan(fresh)
        same = plan_file.is_file() and filecmp.cmp(fresh, plan_file, shallow=False)
        fresh.unlink()
        if recipe_file.read_text(encoding="utf-8") != yaml_text(recipe) or not same:
            raise ValueError(
                f"{corpus}: holds a corpus of another recipe or other manifests; choose another folder"
            )
        sweep_attempts(corpus / "shards")
        return
    if any(corpus.iterdir()):
        raise ValueError(f"{corpus}: is not empty and not a corpus; choose a new or empty folder")
    (corpus / "shards").mkdir()
    write_plan(plan_file)
    write_text(recipe_file, yaml_text(recipe))


def _committed(corpus: Path, shards: range, *, retry_quarantined: bool) -> dict[int, tuple[int, pd.DataFrame]]:
    """Of each committed shard its number of items and those that failed."""
    done = {}
    for shard in shards:
        folder = shard_folder(corpus, shard)
        if not (folder / "items.parquet").is_file():
            continue
        table = read_table(folder / "items.parquet", kind="items")[["item", "status", "reason"]]
        failed = table[table["status"] != "ok"]
        if retry_quarantined and len(failed):
            shutil.rmtree(folder)
        else:
            done[shard] = len(table), failed
    return done


def _check_failures(failed: pd.DataFrame, allowed: float, items: int) -> None:
    if len(failed) > allowed:
        first = failed.iloc[0]
        raise ValueError(
            f"{len(failed)} of {items} items could not be rendered, more than --max-failures allows; "
            f"the first is item {first['item']}: {first['reason']}"
        )


@lru_cache(maxsize=1)
def _renderer(job: _Job) -> Renderer:
    """One renderer for all shards of a run that come to this worker: it keeps the spectra of the rooms."""
    return Renderer(job.recipe, dict(job.roots))


def _render_shard(shard: int, job: _Job) -> tuple[int, pd.DataFrame]:
    """Draw, render and commit one shard; returns its number of items and the quarantined ones."""
    final = shard_folder(job.corpus, shard)
    size = job.recipe.items_per_shard
    count = min(size, job.recipe.items - shard * size)
    try:
        with commit_folder(final) as folder:
            items = _fill(folder, draw_plan(job.recipe, job.sources, first=shard * size, count=count), job)
    except OSError as error:  # a source that cannot be read is an AudioError
        reason = error.strerror or error
        raise OSError(f"{final} cannot be written ({reason}); make room and run again, which resumes") from error
    return count, items.loc[items["status"] != "ok", ["item", "status", "reason"]]


def _fill(folder: Path, plan: pd.DataFrame, job: _Job) -> pd.DataFrame:
    """Render the items of a shard into its folder; returns their table, which is written last."""
    renderer = _renderer(job)
    writer = (TarWriter if job.recipe.container == "tar" else FolderWriter)(folder)
    rows, offset = [], 0
    for planned in plan_rows(plan):
        row = {name: planned[name] for name in PLANNED} | _provenance(planned, job.recipe)
        row |= {"status": "ok", "n_frames": 0, "frame_offset": offset, "layers": []}
        try:
            item = renderer(planned)
        except AudioError as error:
            rows.append(row | {"status": error.status, "reason": str(error)})
            continue
        targets = {str(name): TARGETS[name](item) for name in job.recipe.targets}
        audio = _encode_stems(item, row["item_id"], job.recipe)
        writer.add(row["item_id"], audio, targets)
        sums = [checksum(content) for content in audio.values()] + [target_checksum(*t) for t in targets.values()]
        row |= dict(zip(_checksums(job.recipe), sums, strict=True))
        row["n_frames"] = max((len(valid) for _, valid in targets.values()), default=0)
        rows.append(row | item.measured | {"layers": item.layers})
        offset += row["n_frames"]
    writer.close()
    items = _items_table(rows, job.recipe)
    write_table(items, folder / "items.parquet", kind="items", types=ITEM_TYPES)
    return items


def _items_table(rows: list[dict[str, Any]], recipe: Recipe) -> pd.DataFrame:
    """One schema for every shard, whatever is missing in it."""
    columns: dict[str, Any] = {name: [row.get(name) for row in rows] for name in _columns(recipe)}
    for name, values in columns.items():
        if name in TEXT or name.startswith(("status", "reason", "checksum_")):
            columns[name] = pd.array(values, dtype="string")
        elif name in MEASURED:
            columns[name] = np.array(values, np.float64)
    return pd.DataFrame(columns)


def _checksums(recipe: Recipe) -> list[str]:
    return [f"checksum_{name}" for name in (*recipe.stems, *recipe.targets)]


def _columns(recipe: Recipe) -> list[str]:
    return [*PLANNED, "status", "reason", "sample_rate", "seconds", *MEASURED, "speech_paths", "noise_paths",
            "layers", "n_frames", "frame_offset", *_checksums(recipe)]  # fmt: skip


def _provenance(planned: Mapping[Any, Any], recipe: Recipe) -> dict[str, object]:
    def paths(role: str) -> list[str]:
        return [f"{segment['root_name']}/{segment['path']}" for segment in planned[role]]

    whole = recipe.pairs is not None and recipe.pairs.order == "each"
    n_samples = planned["speech"][0]["length"] if whole else recipe.n_samples
    return {"sample_rate": recipe.sample_rate, "seconds": n_samples / recipe.sample_rate,
            "speech_paths": paths("speech"), "noise_paths": paths("noise")}  # fmt: skip


def _encode_stems(item: Rendered, item_id: str, recipe: Recipe) -> dict[str, bytes]:
    names = {stem: stem_name(item_id, stem, recipe.audio_format) for stem in recipe.stems}
    return {name: encode(name, item.stem(stem), recipe.rate_of(stem))[0] for stem, name in names.items()}


def checksum(content: bytes) -> str:
    """XXH3 of a file's bytes, 128 bits, as `xxh128sum` prints it."""
    return xxhash.xxh3_128_hexdigest(content)


def target_checksum(values: np.ndarray, valid: np.ndarray) -> str:
    """XXH3 of an item's rows of a target: its values, then its validity."""
    return checksum(values.tobytes() + valid.tobytes())
