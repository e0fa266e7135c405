"""From a training run to files that others can use: the network as ONNX, its card for programs and for people."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from percepkit.baselines.dnn.card import Card, read_card, write_card
from percepkit.baselines.dnn.checkpoints import BEST, read_checkpoint
from percepkit.baselines.dnn.config import TrainConfig, load_config
from percepkit.baselines.dnn.export import Exported, export
from percepkit.baselines.dnn.model_card import card_text
from percepkit.baselines.dnn.run_log import COLUMNS, LOG
from percepkit.baselines.dnn.runtime import load_network
from percepkit.baselines.dnn.sources import FACTS
from percepkit.baselines.dnn.system import System
from percepkit.baselines.dnn.train import CONFIG, EXAMPLE
from percepkit.engine.tables import write_text

__all__ = ["export_run"]


def export_run(run: Path, out: Path, *, quantise: bool) -> Exported:
    """Write the best network of a run as ONNX, and beside it its card as JSON and Markdown.

    Parameters
    ----------
    run : Path
        Folder of `percepkit.baselines.dnn.train.train`.
    out : Path
        NAME.onnx; NAME becomes the denoiser's name.
    quantise : bool
        Round the weights of matrix products to 8 bits.

    Raises
    ------
    ValueError
        If the folder holds no run, the name does not end in .onnx, or the exported file differs from the network.
    """
    if out.suffix != ".onnx":
        raise ValueError(f"{out}: expected a name that ends in .onnx")
    best = read_checkpoint(run / BEST)
    config = load_config(run / CONFIG)
    system = System(config)
    system.model.load_state_dict(best["model"])
    card = Card(
        name=out.stem,
        summary=config.summary or f"{config.model.name}, {config.objective}, trained as {config.name}.",
        paper=config.paper,
        sample_rate=config.sample_rate,
        features=config.features.name,
        objective=config.objective,
        model=config.model.name,
        features_options=config.features.options,
        model_options=config.model.options,
        about={},
    )
    exported = export(system.model, card, out.parent, np.load(run / EXAMPLE), quantise=quantise)
    written = read_card(exported.path.with_suffix(".json"))  # with what only the network knows
    about = _about(run, config, best, exported) | {"bits": 8 if quantise else 32}
    card = Card(**{**vars(written), "about": about})
    write_card(card, out.with_suffix(".json"))
    write_text(out.with_suffix(".md"), card_text(load_network(out)))
    return exported


def _about(run: Path, config: TrainConfig, best: dict[str, Any], exported: Exported) -> dict[str, Any]:
    row = best["row"]
    rows = [line.split(",") for line in (run / LOG).read_text().splitlines()]
    curves = {name: [float(value) for value in column] for name, *column in zip(*rows, strict=True)}
    facts = run / FACTS
    return {
        "config": config.model_dump(mode="json"),
        "data": json.loads(facts.read_text()) if facts.is_file() else {},
        "seed": config.seed,
        "epoch": int(row["epoch"]),
        "hours_trained": round(sum(curves["audio_hours"][: int(row["epoch"])]), 3),
        "scores": {name: value for name, value in row.items() if _is_score(name)},
        "scores_noisy": best["noisy"],
        "curves": {name: values for name, values in curves.items() if name == "train_loss" or _is_score(name)},
        "onnx_difference": exported.difference,
        "versions": {name: version(name) for name in ("percepkit", "torch", "onnx", "onnxruntime")},
        "limits": config.limits,
    }


def _is_score(name: str) -> bool:
    return name == "valid_loss" or name not in COLUMNS
