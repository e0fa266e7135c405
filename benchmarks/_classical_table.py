"""Score the classical denoisers on recordings and write the tables of docs/baselines.md.

SPEECH, NOISE and MUSIC are folders of recordings. Items of 5.5 s at 16 kHz are mixed from them, as many of each
class of noise at SNRs from -5 to 20 dB, and scored. NOISE's classes stand in a CSV with the columns path and
class; all of MUSIC is music. A run that was stopped goes on where it was. What is in --out is kept: name another
folder for other recordings or items.

    nice python _classical_table.py SPEECH NOISE MUSIC --pairs VBD --out classics --page ../docs/baselines.md
    nice python _classical_table.py SPEECH NOISE MUSIC --grid --items 40 --out grid --page ../docs/baselines.md

Denoisers of other packages are scored where they are installed (the extra ``peers``), with --peers also from a
folder that is searched last, so that all use the same NumPy.
"""

import _one_core  # noqa: F401, I001 - before NumPy

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from _classical_sheets import check_part, class_sheets, drop_sheet, grid_sheets, pair_sheet, snr_sheets, write_part

from percepkit.audio.files import read
from percepkit.baselines import trained
from percepkit.baselines.denoiser import Denoiser
from percepkit.baselines.estimators import ESTIMATORS
from percepkit.baselines.registry import load, names, peers
from percepkit.baselines.suppression import Suppressor
from percepkit.engine import cluster
from percepkit.eval.metrics import score_all
from percepkit.eval.score import NOISY, enhance_item, read_scores, score_corpus
from percepkit.eval.tables import Sheet, to_markdown
from percepkit.manifests.scan import scan
from percepkit.manifests.table import write_manifest
from percepkit.synth.corpus import open_corpus
from percepkit.synth.recipe import Recipe
from percepkit.synth.run import run_recipe
from percepkit.synth.sources import load_sources

METRICS = ("pesq_wb", "stoi", "estoi", "si_sdr")
LAWS = (
    "magnitude-subtraction", "power-subtraction", "spectral-subtraction", "multi-band-subtraction", "wiener",
    "magnitude-wiener", "two-step-wiener", "mmse-stsa", "log-mmse", "omlsa",
)  # fmt: skip
SLOW = ("peer-pra-subspace", "peer-pra-iterative-wiener")  # 8 and 0.7 times as long as the signal


def methods() -> list[str]:
    """All shipped denoisers that see the noisy signal alone, and installed ones of other packages."""
    others = {"silence", *(network.spec.name for network in trained.DENOISERS)}
    blind = [name for name in names() if isinstance(load(name), Denoiser) and load(name).spec.needs == "nothing"]
    ours = [name for name in blind if name not in others]
    return ours + sorted(name for name, peer in peers().items() if peer.installed and name not in SLOW)


def grid() -> list[str]:
    """Every gain law with every noise estimator."""
    assert all(isinstance(load(law), Suppressor) for law in LAWS)
    return [f"{law}+{estimator}" for law in LAWS for estimator in ESTIMATORS]


def recipe(items: int) -> Recipe:
    """As many items of each class and SNR as chance makes of it; pauses of the speech do not count for the SNR."""
    return Recipe.model_validate(
        {
            "name": "classics", "seed": 1, "items": items, "item_seconds": 5.5, "sample_rate": 16_000,
            "items_per_shard": 20, "snr_db": {"choice": [-5, 0, 5, 10, 15, 20]}, "snr_kind": "active",
            "speech": {"manifest": "speech.parquet"}, "noise": {"manifest": ["noise.parquet", "music.parquet"]},
            "targets": [],
        }
    )  # fmt: skip


def prepare(arguments: argparse.Namespace, client: Any) -> Path:
    """Scan what was not scanned before, render what is not rendered, and return the corpus."""
    roots = {"speech": arguments.speech, "noise": arguments.noise, "music": arguments.music}
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, root in roots.items():
        path = arguments.out / f"{name}.parquet"
        if path.exists():
            continue
        metadata = arguments.classes if name == "noise" else None
        table = scan(root, kind=name, root_name=name, metadata=metadata, client=client)
        if name == "speech":  # nobody knows who speaks in the other folders
            folder = table["path"].str.partition("/")[0]
            table["speaker"] = folder.where(folder.isin(arguments.speakers.split(",")), None)
            table = table[~folder.isin(arguments.without.split(","))].reset_index(drop=True)
        if name == "music":
            table["class"] = "music"
        write_manifest(table, path)
    asked = recipe(arguments.items)
    sources = load_sources(asked, arguments.out)
    run_recipe(asked, sources, arguments.out / "corpus", roots, client=client, progress=progress("rendered"))
    return arguments.out / "corpus"


def progress(what: str) -> Callable[[int, int], None]:
    """Print to stderr how far a step is."""
    return lambda done, total: print(f"{what}: {done} of {total} items", file=sys.stderr, flush=True)


def scored(corpus: Path, denoisers: list[str], out: Path, client: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores and items; denoisers that were scored before are not scored again, unless one is new."""
    if not out.exists() or not set(denoisers) <= set(read_scores(out)["denoiser"]):
        score_corpus(corpus, denoisers, METRICS, out, client=client, progress=progress("scored"))
    return read_scores(out), open_corpus(corpus).items


def scores_of_pairs(folder: Path, denoisers: list[str]) -> pd.DataFrame:
    """Scores of the files of FOLDER/noisy against those of the same name in FOLDER/clean, unrounded."""
    rows = []
    for path in sorted((folder / "clean").glob("*.wav")):
        clean, rate = read(path, channel=0)
        noisy, _ = read(folder / "noisy" / path.name, channel=0)
        for name in (NOISY, *denoisers):
            enhanced = noisy if name == NOISY else enhance_item(load(name), {"noisy": noisy}, rate)
            cells = score_all(METRICS, clean, enhanced, rate)
            rows += [(path.stem, name, metric, cell.value) for metric, cell in cells.items()]
    return pd.DataFrame(rows, columns=["item", "denoiser", "metric", "value"])


def main() -> None:
    """Render, score, and write the tables into the page, or print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("speech", "noise", "music"):
        parser.add_argument(name, type=Path, help=f"folder of {name}")
    parser.add_argument("--out", type=Path, required=True, help="folder for manifests, corpus and scores")
    parser.add_argument("--page", type=Path, help="page whose tables are replaced; without it they are printed")
    parser.add_argument("--items", type=int, default=360)
    parser.add_argument("--grid", action="store_true", help="every gain law with every noise estimator instead")
    parser.add_argument("--denoisers", help="names with commas between them instead of all")
    parser.add_argument("--pairs", type=Path, help="folder with clean/ and noisy/, which get a table of their own")
    parser.add_argument("--peers", type=Path, help="folder where denoisers of other packages are installed")
    parser.add_argument("--classes", type=Path, default=Path(__file__).with_name("noise_classes.csv"))
    parser.add_argument("--speakers", default="kathleen", help="folders of SPEECH that hold one speaker each")
    parser.add_argument("--without", default="keywords", help="folders of SPEECH to leave out: single words")
    parser.add_argument("--workers", type=int, default=1, help="processes; 0 for this one")
    arguments = parser.parse_args()
    if arguments.peers:
        sys.path.append(str(arguments.peers.resolve()))
    chosen = arguments.denoisers.split(",") if arguments.denoisers else grid() if arguments.grid else methods()
    parts = ["grid"] if arguments.grid else ["classes", "drops", "stationary"]
    parts += ["pairs"] if arguments.pairs else []
    if arguments.page:  # rather now than after an hour
        for name in parts:
            check_part(arguments.page, name)
    started = time.monotonic()
    with cluster.client(arguments.workers) as client:
        corpus = prepare(arguments, client)
        scores, items = scored(corpus, chosen, arguments.out / "scores.parquet", client)
    makers: dict[str, Callable[[], list[Sheet]]] = {
        "grid": lambda: grid_sheets(scores, items, list(ESTIMATORS)),
        "classes": lambda: class_sheets(scores, items),
        "drops": lambda: [drop_sheet(scores, items)],
        "stationary": lambda: snr_sheets(scores, items),
        "pairs": lambda: [pair_sheet(scores_of_pairs(arguments.pairs, chosen))],
    }
    for name in parts:
        text = "\n".join(map(to_markdown, makers[name]()))
        if arguments.page:
            write_part(arguments.page, name, text)
        else:
            print(text)
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
