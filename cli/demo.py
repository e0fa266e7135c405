"""``percepkit demo``: the whole road on the embedded corpus."""

import shutil
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from percepkit.cli.options import Workers, connect, progress_bar

__all__ = ["demo"]


def demo(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Everything the demo makes.")] = Path("out/demo"),
    items: Annotated[int | None, typer.Option(min=1, help="Fewer or more items than the recipe's 60.")] = None,
    workers: Workers = None,
) -> None:
    """Walk the whole road on a small built-in corpus, in under three minutes.

    Scans eight synthetic voices, simulates four rooms, plans and renders noisy speech with its oracle targets,
    scores the baselines and oracles, prints the table and writes a report to open in a browser.

    Example: `percepkit demo --out out/demo`
    """
    from percepkit.baselines import registry
    from percepkit.cli.comparison import print_tables
    from percepkit.cli.synth import print_overview, print_run
    from percepkit.engine.tables import ensure_writable
    from percepkit.eval import metrics
    from percepkit.eval.report.page import write_report
    from percepkit.eval.score import score_corpus
    from percepkit.manifests.demo import demo_folder
    from percepkit.synth.overview import essentials, plan_overview
    from percepkit.synth.plan import plan_chunks
    from percepkit.synth.recipe import load_recipe
    from percepkit.synth.run import run_recipe
    from percepkit.synth.sources import load_sources

    ensure_writable(out, folder=True)
    started = time.perf_counter()
    corpus, scores, report = out / "corpus", out / "scores.parquet", out / "report.html"
    recipe_file = out / "demo.yaml"
    with connect(workers, None) as cluster:
        _gather_sources(out, cluster)
        recipe = load_recipe(recipe_file)
        if items is not None:
            recipe = recipe.model_copy(update={"items": items})
        sources = load_sources(recipe, out)
        print_overview(plan_overview(map(essentials, plan_chunks(recipe, sources)), recipe))
        roots = {"speech": demo_folder() / "speech", "rooms": out / "rooms"}
        with progress_bar("rendering", "items") as progress:
            run = run_recipe(recipe, sources, corpus, roots, client=cluster, progress=progress)
        print_run(run, corpus)
        with progress_bar("scoring", "items") as progress:
            score_corpus(
                corpus, registry.default_names(), metrics.HEADLINE, scores, client=cluster, progress=progress
            )
    with progress_bar("report", "steps") as progress:
        write_report(scores, corpus, report, title="percepkit demo", players=12, progress=progress)
    print_tables(scores, corpus)
    seconds = time.perf_counter() - started
    Console(highlight=False).print(f"{seconds:.0f} s; open {report} in a browser", soft_wrap=True)


def _gather_sources(out: Path, cluster: Any) -> None:
    """Copy the demo's recipes, scan its voices and simulate its rooms."""
    from percepkit.manifests.demo import demo_folder
    from percepkit.manifests.scan import scan
    from percepkit.manifests.table import write_manifest
    from percepkit.synth.room_bank import load_bank
    from percepkit.synth.rooms import build_bank

    recipes = demo_folder().parent / "recipes"
    out.mkdir(parents=True, exist_ok=True)
    for name in ("demo.yaml", "demo_rooms.yaml"):
        shutil.copyfile(recipes / name, out / name)
    with progress_bar("scanning voices", "files") as progress:
        manifest = scan(
            demo_folder() / "speech", kind="speech", root_name="speech", pattern="{speaker}/*",
            client=cluster, progress=progress,
        )  # fmt: skip
    write_manifest(manifest, out / "speech.parquet")
    with progress_bar("simulating rooms", "rooms") as progress:
        build_bank(load_bank(out / "demo_rooms.yaml"), out / "rooms", client=cluster, progress=progress)
