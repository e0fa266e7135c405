"""Studies of trained networks on a small fixed budget: objectives and losses, size, look-ahead, weights of 8 bits.

Without folders, prints the results that lie beside this script. With them, what is missing is trained first:
`python studies.py CORPUS OUT`, where CORPUS are the recordings and OUT the manifests and rooms of
`_train_networks.py`; small corpora by its recipes, runs and networks go into OUT/studies. One core; rows are
written as they come, and those that are there are not computed again. On one kind of CPU all columns but the times
come out the same.

Ratio: improvement of PESQ over the noisy input, to the largest of its study.
"""

import _one_core  # noqa: F401, I001 - before NumPy

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import percepkit.baselines.dnn
from percepkit.baselines.registry import load
from percepkit.dsp.percepnet import Settings
from percepkit.engine.cluster import client
from percepkit.engine.tables import write_text
from percepkit.eval.cost import measure_here
from percepkit.eval.metrics import score_all
from percepkit.synth.corpus import Corpus, open_corpus
from percepkit.synth.recipe import load_recipe
from percepkit.synth.run import run_recipe
from percepkit.synth.sources import load_sources

RESULTS = Path(__file__).with_name("studies.csv")
SAMPLE_RATE = 16_000
CONFIGS = Path(percepkit.baselines.dnn.__file__).parent / "configs"
ITEMS = {"train": 500, "valid": 24, "test": 60}
ANALYSIS = Settings(look_ahead_frames=2)  # of the comb filter, as PercepNet's features look ahead
TARGETS = ("erb_gains", "comb_strengths", "comb_attenuation", "vad")
METRICS = {"pesq_wb": 4, "estoi": 5, "si_sdr": 3}  # and the digits that are written
COST_SECONDS = 3.0


@dataclass(frozen=True)
class Network:
    """A model with what it sees, and how it is trained."""

    model: str
    features: str
    options: dict[str, Any]
    epochs: int
    learning_rate: float
    batch_size: int = 8
    sequence_seconds: float = 2


@dataclass(frozen=True)
class Cell:
    """A row to be made; those that differ in `study` and `int8` alone are one training."""

    study: str
    network: str
    objective: str
    loss: str
    look_ahead_frames: int = 0
    int8: bool = False
    seed: int = 1

    @property
    def run(self) -> str:
        """Name of its training."""
        return f"{self.network}_{self.objective}_{self.loss}_{self.look_ahead_frames}_{self.seed}"


def _percepnet(width: int, entry: int, second: int, epochs: int, learning_rate: float) -> Network:
    options = {"width": width, "entry_width": entry, "second_width": second}
    return Network("percepnet", "percepnet", options, epochs, learning_rate)


NETWORKS = {
    # Three GRUs, on the features and gains of bands, and on the magnitudes of bins.
    "gru-bands": Network("rnnoise", "rnnoise", {}, 8, 3e-3),
    "gru-bins": Network("rnnoise", "log-magnitude", {"widths": [24, 48, 96]}, 6, 3e-3),
    "crn-16": Network("crn", "compressed-complex", {"channels": 16, "hidden": 24}, 2, 3e-3, 4),
    "wavenet-16": Network(
        "wavenet", "waveform", {"channels": 16, "stacks": 1, "layers": 9, "postnet_layers": 0}, 1, 2e-3, 4, 1
    ),
    "percepnet-50k": _percepnet(36, 32, 24, 4, 3e-3),
    "percepnet-200k": _percepnet(76, 48, 32, 4, 2e-3),
    "percepnet-1M": _percepnet(176, 64, 64, 4, 1.5e-3),
    "percepnet-8M": _percepnet(512, 128, 128, 4, 1e-3),
}
COMBED = ("gains-strengths", "percepnet-2021")
GAINS, FUSION, MAGNITUDE = ("gru-bands", "gains"), ("gru-bins", "fusion"), ("gru-bins", "magnitude")
COMPLEX = ("crn-16", "fusion-complex")
BANDS = (*GAINS, "percepnet-2020")


def cells() -> Iterator[Cell]:
    """Everything that is studied, the most telling first."""
    yield from (Cell("look-ahead", *BANDS, frames) for frames in range(4))
    yield from _rounded(BANDS)
    yield from (Cell("size", f"percepnet-{size}", *COMBED) for size in ("50k", "200k"))
    yield Cell("matrix", *BANDS)
    yield from (Cell("matrix", *pair, "mse") for pair in (FUSION, MAGNITUDE, GAINS, COMPLEX))
    yield from _rounded((*COMPLEX, "mse"))
    yield from (Cell("matrix", *pair, "si-sdr") for pair in (FUSION, GAINS))
    yield from (Cell("matrix", "gru-bins", name, "mse") for name in ("irm", "psm"))
    yield from _rounded((*FUSION, "mse"))
    yield Cell("matrix", *FUSION, "pmsqe")
    yield Cell("size", "percepnet-1M", *COMBED)
    yield from _rounded(("percepnet-1M", *COMBED))
    yield Cell("size", "percepnet-8M", *COMBED)
    yield Cell("matrix", "crn-16", "complex", "mse")
    yield from (Cell("seed", *BANDS, seed=seed) for seed in (1, 2, 3))
    yield Cell("matrix", "wavenet-16", "waveform", "si-sdr")
    yield Cell("matrix", *COMPLEX, "si-sdr")
    yield Cell("matrix", "crn-16", "cirm", "mse")
    yield Cell("matrix", *GAINS, "pmsqe")
    yield from (Cell("matrix", "gru-bins", name, "mse") for name in ("ibm", "smm"))
    yield from (Cell("matrix", *GAINS, loss) for loss in ("percepnet-2021", "log-mse"))
    yield from (Cell("matrix", *pair, "multi-resolution-stft") for pair in (GAINS, FUSION, COMPLEX))
    yield Cell("matrix", *COMPLEX, "pmsqe")
    yield from (Cell("matrix", "gru-bins", name, "log-mse") for name in ("irm", "psm", "magnitude", "fusion"))
    yield from (Cell("matrix", *MAGNITUDE, loss) for loss in ("si-sdr", "multi-resolution-stft", "pmsqe"))
    yield from (Cell("matrix", "wavenet-16", "waveform", loss) for loss in ("multi-resolution-stft", "mse"))
    yield from (Cell("matrix", *pair, "estoi") for pair in (GAINS, FUSION, MAGNITUDE, COMPLEX))


def _rounded(trained: tuple[str, str, str]) -> Iterator[Cell]:
    yield from (Cell("int8", *trained, int8=int8) for int8 in (False, True))


def settings(cell: Cell) -> dict[str, Any]:
    """Configuration of `percepkit train` for a cell, its paths relative to the folder of the corpora."""
    network = NETWORKS[cell.network]
    ahead = {"look_ahead_frames": cell.look_ahead_frames} if cell.look_ahead_frames else {}
    features = {"look_ahead_frames": 2} if network.features == "percepnet" else {}
    return {
        "name": cell.run,
        "seed": cell.seed,
        "sample_rate": SAMPLE_RATE,
        "features": {"name": network.features, "options": features},
        "model": {"name": network.model, "options": network.options | ahead},
        "objective": cell.objective,
        "loss": cell.loss,
        "data": {"corpus": "train", "valid_corpus": "valid"},
        "metrics": [],
        "epochs": network.epochs,
        "batch_size": network.batch_size,
        "sequence_seconds": network.sequence_seconds,
        "optimiser": {"name": "adamw", "learning_rate": network.learning_rate, "weight_decay": 1e-4},
        "schedule": {"name": "cosine", "warmup_steps": 20, "final_share": 0.02},
        "clip_norm": 3,
        "ema_decay": 0.99,
    }


def render(recordings: Path, out: Path) -> None:
    """Corpora in ``out``/studies: the first items of those that the shipped networks are trained and judged on."""
    for part, items in ITEMS.items():
        recipe = load_recipe(CONFIGS / f"{part}_16k.yaml")
        recipe = recipe.model_copy(update={"items": items, "targets": TARGETS, "analysis": ANALYSIS})
        rooms = out / ("rooms_test" if part == "test" else "rooms_16k")
        roots = {"speech": recordings / "speech", "noise": recordings / "noise", "rooms": rooms}
        with client(workers=0) as here:
            run_recipe(recipe, load_sources(recipe, out), out / "studies" / part, roots, client=here)


def train(cell: Cell, work: Path) -> tuple[Path, dict[str, float]]:
    """Folder of the training that a cell needs, made if it is missing, and what it took."""
    import torch

    from percepkit.baselines.dnn import sources
    from percepkit.baselines.dnn import train as trainer
    from percepkit.baselines.dnn.config import TrainConfig

    torch.set_num_threads(1)
    run, config = work / "runs" / cell.run, TrainConfig.model_validate(settings(cell))
    with client(workers=0) as here:
        items, valid_items = sources.open_data(config, work, work / "cache", {}, client=here)
    sources.write_facts(config, work, run)
    trainer.train(config, run, items, valid_items, device="cpu", resume=True)
    log = pd.read_csv(run / "log.csv")
    return run, {
        "epochs": len(log),
        "steps": int(log["step"].iloc[-1]),
        "audio_hours": round(float(log["audio_hours"].sum()), 3),
        "train_minutes": round(float(log["seconds"].sum()) / 60, 2),
        "waiting_share": round(float((log["seconds"] * log["waiting_share"]).sum() / log["seconds"].sum()), 4),
    }


@cache
def test_items(folder: Path) -> tuple[Corpus, list[int], pd.DataFrame]:
    """The corpus that is judged on, its items, and the scores of the noisy signals."""
    corpus = open_corpus(folder)
    items = [int(item) for item in corpus.items.loc[corpus.items["status"] == "ok", "item"]]
    return corpus, items, pd.DataFrame([_scores(corpus, item, corpus.stem(item, "noisy")) for item in items])


def _scores(corpus: Corpus, item: int, estimate: np.ndarray) -> dict[str, float]:
    outcomes = score_all(list(METRICS), corpus.stem(item, "clean"), estimate, SAMPLE_RATE)
    return {name: outcome.value if outcome.status == "ok" else np.nan for name, outcome in outcomes.items()}


def judge(cell: Cell, run: Path, work: Path) -> dict[str, float]:
    """Scores on the items of the test corpus, means over those that can be scored, and the cost."""
    from percepkit.baselines.dnn.export_run import export_run

    file = work / "networks" / f"{cell.run}{'_int8' if cell.int8 else ''}.onnx"
    export_run(run, file, quantise=cell.int8)
    denoiser = load(str(file))
    corpus, items, noisy = test_items(work / "test")
    found = pd.DataFrame([_scores(corpus, i, denoiser(corpus.stem(i, "noisy"), SAMPLE_RATE)) for i in items])
    gains = found - noisy
    found = found.where(gains.notna())  # noisy items without noise have no SI-SDR, enhanced ones may have
    cost = measure_here(str(file), SAMPLE_RATE, COST_SECONDS)
    return {
        "weights": int(denoiser.parameters),
        "latency_ms": round(cost["latency_ms"], 1),
        "core_percent": round(100 * cost["rtf"], 2),
        "items": int(gains["pesq_wb"].notna().sum()),
        **{name: round(float(found[name].mean()), digits) for name, digits in METRICS.items()},
        **{f"{name}_gain": round(float(gains[name].mean()), digits) for name, digits in METRICS.items()},
        "pesq_wb_gain_error": round(float(gains["pesq_wb"].sem()), 4),
    }


def complete(work: Path, results: Path, studies: list[str]) -> None:
    """Make the rows that are missing; what another study has made is taken from there."""
    rows = pd.read_csv(results).to_dict("records") if results.exists() else []
    keys = list(asdict(next(cells())))
    made = {tuple(row[key] for key in keys): row for row in rows}
    judged = {key[1:]: row for key, row in made.items()}
    for cell in cells():
        key = tuple(asdict(cell).values())
        if key in made or (studies and cell.study not in studies):
            continue
        if key[1:] not in judged:
            run, budget = train(replace(cell, int8=False), work)
            judged[key[1:]] = asdict(cell) | budget | judge(cell, run, work)
        rows.append(judged[key[1:]] | {"study": cell.study})
        write_text(results, pd.DataFrame(rows).to_csv(index=False, lineterminator="\n"))
        score = f"PESQ {rows[-1]['pesq_wb_gain']:+.3f}, SI-SDR {rows[-1]['si_sdr_gain']:+.2f} dB"
        print(f"{cell.study:11} {cell.run}{' int8' * cell.int8}: {score}", flush=True)


def show(table: pd.DataFrame) -> None:
    """Print a row for each result."""
    table = table.assign(ratio=table["pesq_wb_gain"] / table.groupby("study")["pesq_wb_gain"].transform("max"))
    columns = [
        "study", "network", "objective", "loss", "look_ahead_frames", "int8", "seed", "weights", "audio_hours",
        "pesq_wb", "estoi", "si_sdr", "core_percent", "ratio",
    ]  # fmt: skip
    print(table[columns].to_string(index=False, float_format="{:.3g}".format))


def main() -> None:
    """Train what is missing, if there is a folder to do so, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*", metavar="CORPUS OUT")
    parser.add_argument("--results", type=Path, default=RESULTS, help="table that is read and added to")
    parser.add_argument("--studies", default="", help="names with commas between them; default: all")
    arguments = parser.parse_args()
    if len(arguments.folders) not in (0, 2):
        parser.error("give both folders, CORPUS and OUT, or none")
    if arguments.folders:
        recordings, out = (folder.absolute() for folder in arguments.folders)
        render(recordings, out)
        complete(out / "studies", arguments.results, [name for name in arguments.studies.split(",") if name])
    show(pd.read_csv(arguments.results))


if __name__ == "__main__":
    main()
