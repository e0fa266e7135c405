"""Checking a rendered corpus against its plan, its checksums and its own arithmetic."""

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from percepkit.audio.files import read_bytes
from percepkit.audio.resampling import resample
from percepkit.dsp.level import rms_dbfs
from percepkit.dsp.snr import realised_snr_db
from percepkit.engine.shards import map_shards
from percepkit.engine.tables import read_table
from percepkit.synth.corpus import Corpus, Shard, open_corpus, shard_folder, shards_of
from percepkit.synth.run import PLANNED, checksum, target_checksum
from percepkit.synth.store import open_reader, stem_name

__all__ = ["verify_corpus"]

SNR_TOLERANCE_DB = 0.05
RESAMPLED_STEPS = 3  # the rounding of two stems, filtered, and that of the noisy signal
QUIETEST_STEM_DBFS = -70.0  # below it, the rounding to 16 bits moves the SNR


def verify_corpus(
    corpus: Corpus, *, client: Any, progress: Callable[[int, int], None] | None = None
) -> pd.DataFrame:
    """Re-read a corpus and list everything that is not as it should be.

    Checked are: every shard is committed and holds the planned items; every file is there and has its checksum;
    noisy = speech + noise to within one step of 16 bits; the SNR of the written stems; the length of every target
    and the checksum of each item's part of it.

    Returns
    -------
    DataFrame
        Columns shard, item, problem; empty when all is well.
    """
    shards = shards_of(corpus.plan)
    problems = []
    results = map_shards(_verify_shard, shards, client=client, payload=corpus.folder.absolute())
    for done, (_, found) in enumerate(results, start=1):
        problems += found
        if progress:
            progress(done, len(shards))
    table = pd.DataFrame(problems, columns=["shard", "item", "problem"])
    return table.sort_values(["shard", "item"], ignore_index=True)


def _verify_shard(work: Shard, folder: Path) -> list[tuple[int, int, str]]:
    corpus, shard = open_corpus(folder), work.number
    place = shard_folder(folder, shard)
    if not (place / "items.parquet").is_file():
        return [(shard, -1, "not rendered; resume with `percepkit synth run`")]
    try:
        items = read_table(place / "items.parquet", kind="items")
    except ValueError:
        return [(shard, -1, "items.parquet is damaged; remove the shard's folder and run again, which resumes")]
    problems = []
    if not items[list(PLANNED)].equals(work.rows[list(PLANNED)].reset_index(drop=True)):
        problems.append((shard, -1, "its items are not the planned ones"))
    for row in items[items["status"] == "ok"].to_dict("records"):
        problems += [(shard, row["item"], text) for text in _verify_item(corpus, row)]
    for name in corpus.recipe.targets:
        check = _verify_target if corpus.recipe.container == "folder" else _verify_packed_target
        problems += [(shard, item, text) for item, text in check(place, name, items)]
    return problems


def _verify_item(corpus: Corpus, row: dict[Any, Any]) -> list[str]:
    problems, audio = [], {}
    for stem in corpus.recipe.stems:
        name = stem_name(row["item_id"], stem, corpus.recipe.audio_format)
        try:
            content = corpus.reader(row["shard"]).audio(name)
        except KeyError:
            problems.append(f"{name} is missing")
        except (OSError, tarfile.TarError):
            problems.append(f"{name} cannot be read")
        else:
            audio[stem] = content
            if checksum(content) != row[f"checksum_{stem}"]:
                problems.append(f"{name} has changed since it was written")
    if problems:
        return problems
    audio.setdefault("speech", audio["clean"])
    noisy, speech, noise = (
        read_bytes(audio[name], name)[0].astype(np.float64) for name in ("noisy", "speech", "noise")
    )
    if np.isfinite(row["mixture_sdr_db"]):  # degraded after the stems were added
        return problems
    lowered = corpus.recipe.input_rate is not None
    mix = resample(speech + noise, corpus.sample_rate, corpus.recipe.rate_of("noisy"))
    steps = np.abs(noisy - mix).max() * 32768
    if steps > (RESAMPLED_STEPS if lowered else 1):
        problems.append(f"noisy differs from speech + noise by {steps:.0f} steps of 16 bits")
    if min(rms_dbfs(speech), rms_dbfs(noise)) > QUIETEST_STEM_DBFS:
        written = realised_snr_db(speech, noise, corpus.sample_rate, kind=row["snr_kind"])
        planned = np.isfinite(row["snr_db"]) and not len(row["layers"]) and "mixture" not in row["degradations"]
        error = written - row["snr_db" if planned else "snr_total_db"]
        if abs(error) > SNR_TOLERANCE_DB:
            problems.append(f"SNR of the written stems is {error:+.2f} dB off")
    return problems


def _verify_packed_target(place: Path, name: str, items: pd.DataFrame) -> list[tuple[int, str]]:
    problems = []
    reader = open_reader(place)
    for row in items[items["status"] == "ok"].to_dict("records"):
        try:
            table = reader.target(row["item_id"], name, row["frame_offset"], row["n_frames"])
        except (KeyError, OSError, ValueError, EOFError, tarfile.TarError):
            problems.append((row["item"], f"{name} is missing or damaged"))
            continue
        if target_checksum(*table) != row[f"checksum_{name}"]:
            problems.append((row["item"], f"{name} has changed since it was written"))
    return problems


def _verify_target(place: Path, name: str, items: pd.DataFrame) -> list[tuple[int, str]]:
    folder = place / "targets"
    frames = int(items["n_frames"].sum())
    if not frames:  # a shard without a rendered item has no target files
        return []
    arrays = []
    for file in (folder / f"{name}.npy", folder / f"{name}.valid.npy"):
        try:
            arrays.append(np.load(file, mmap_mode="r"))
        except FileNotFoundError:
            return [(-1, f"{file.name} is missing")]
        except (ValueError, EOFError, OSError):
            return [(-1, f"{file.name} is damaged")]
        if len(arrays[-1]) != frames:
            return [(-1, f"{file.name} holds {len(arrays[-1])} frames, expected {frames}")]
    problems = []
    for row in items[items["status"] == "ok"].to_dict("records"):
        part = slice(row["frame_offset"], row["frame_offset"] + row["n_frames"])
        if target_checksum(*(array[part] for array in arrays)) != row[f"checksum_{name}"]:
            problems.append((row["item"], f"{name} has changed since it was written"))
    return problems
