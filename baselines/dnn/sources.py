"""The data that a configuration names, opened, and what is to be told of them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from percepkit.baselines.dnn.config import TrainConfig
from percepkit.baselines.dnn.data import CachedItems, Items, RecipeItems, cache_corpus, open_recipe
from percepkit.baselines.dnn.system import System
from percepkit.engine.tables import write_text
from percepkit.synth.corpus import open_corpus
from percepkit.synth.recipe import load_recipe

if TYPE_CHECKING:
    from distributed import Client

    from percepkit.engine.cluster import Serial

__all__ = ["CACHE", "FACTS", "open_data", "write_facts"]

CACHE = "cache"  # beside the folders of runs, which share it
FACTS = "data.json"


def open_data(
    config: TrainConfig,
    base: Path,
    cache: Path,
    roots: Mapping[str, Path],
    *,
    client: "Client | Serial",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Items, CachedItems]:
    """Items for training and validation; those of rendered corpora are computed first, where they are not yet.

    Parameters
    ----------
    config : TrainConfig
    base : Path
        Folder that the configuration's paths are relative to.
    cache : Path
        Where computed tables are kept.
    roots : mapping of root name to folder
        Of the sources of a recipe that is rendered on the fly.
    client : distributed.Client or Serial
        Computes the tables.
    progress : callable, optional
        Called with parts of a corpus done and in all.

    Raises
    ------
    ValueError
        As `percepkit.baselines.dnn.data.cache_corpus` and `percepkit.baselines.dnn.data.open_recipe`.
    """
    system, data = System(config), config.data
    prepare = system.preparation(listen=False)
    items: CachedItems | RecipeItems
    if data.corpus is not None:
        items = cache_corpus(
            base / data.corpus, prepare, system.objective, cache, client=client, progress=progress
        )
    else:
        items = open_recipe(base / str(data.recipe), roots, prepare, system.objective)
    valid_items = cache_corpus(
        base / data.valid_corpus,
        system.preparation(listen=True),
        system.objective,
        cache,
        client=client,
        limit=data.valid_items,
        progress=progress,
    )
    return items, valid_items


def write_facts(config: TrainConfig, base: Path, run: Path) -> None:
    """Write ``data.json`` into the folder of a run: what it is trained and validated on, for the network's card.

    Recipes are told whole; of a rendered corpus also its hours, and how many talkers and which noises it holds.
    """
    data = config.data
    if data.corpus is not None:
        train = _corpus_facts(base / data.corpus)
    else:
        recipe = load_recipe(base / str(data.recipe))
        hours = recipe.items * recipe.item_seconds / 3600
        train = {"on_the_fly": True, "hours_an_epoch": round(hours, 3), "recipe": recipe.model_dump(mode="json")}
    facts = {"train": train, "valid": _corpus_facts(base / data.valid_corpus)}
    write_text(run / FACTS, json.dumps(facts, indent=2) + "\n")


def _corpus_facts(folder: Path) -> dict[str, Any]:
    corpus = open_corpus(folder)
    items = corpus.items[corpus.items["status"] == "ok"]
    return {
        "items": len(items),
        "hours": round(float(items["seconds"].sum()) / 3600, 3),
        "labelled_speakers": _distinct(items, "speaker"),
        "speech_files": int(items["speech_paths"].explode().dropna().nunique()),
        "noise_files": int(items["noise_paths"].explode().dropna().nunique()),
        "noise_classes": sorted(str(name) for name in items["noise_class"].dropna().unique()),
        "rooms": _distinct(items, "room"),
        "recipe": corpus.recipe.model_dump(mode="json"),
    }


def _distinct(items: pd.DataFrame, column: str) -> int:
    return int(items[column].replace("", None).dropna().nunique())
