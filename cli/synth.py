"""``percepkit synth``: plan, run and verify corpora, and build banks of rooms."""

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from percepkit.cli.options import Roots, Scheduler, Workers, connect, parse_roots, printable, progress_bar
from percepkit.cli.rooms import rooms

if TYPE_CHECKING:  # libraries are loaded by the command that runs, so that --help is quick
    from collections.abc import Iterator

    import pandas as pd

    from percepkit.synth.overview import Overview
    from percepkit.synth.pair_sources import PairSources
    from percepkit.synth.recipe import Recipe
    from percepkit.synth.run import RunReport
    from percepkit.synth.sources import Sources

__all__ = ["app", "print_overview", "print_run"]

app = typer.Typer(help="Render corpora: plan, listen, run, verify; build rooms.", no_args_is_help=True)
app.command()(rooms)

RecipeFile = Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="What the corpus shall hold.")]


@app.command()
def plan(
    recipe_file: RecipeFile,
    out: Annotated[Path | None, typer.Option(help="Write the draws of every item to this Parquet file.")] = None,
) -> None:
    """Show hours, disk space and conditions of a recipe before anything is rendered.

    Example: `percepkit synth plan train.yaml --out plan.parquet`
    """
    from percepkit.engine.tables import ensure_writable, write_table
    from percepkit.synth.overview import essentials, plan_overview
    from percepkit.synth.plan import PLAN_TYPES, plan_chunks

    if out is not None:
        ensure_writable(out)
    recipe, sources = _load(recipe_file)
    kept: list[pd.DataFrame] = []

    def chunks() -> "Iterator[pd.DataFrame]":
        for chunk in plan_chunks(recipe, sources):
            kept.append(essentials(chunk))
            yield chunk

    if out is None:
        deque(chunks(), maxlen=0)
    else:
        write_table(chunks(), out, kind="plan", types=PLAN_TYPES)
    print_overview(plan_overview(kept, recipe))


def _load(recipe_file: Path) -> "tuple[Recipe, Sources | PairSources]":
    """Read a recipe and what it draws from, and say what was left out."""
    from percepkit.synth.recipe import load_recipe
    from percepkit.synth.sources import load_sources

    recipe = load_recipe(recipe_file)
    sources = load_sources(recipe, recipe_file.parent)
    for sentence in sources.dropped:
        typer.echo(printable(sentence))
    return recipe, sources


def print_overview(overview: "Overview") -> None:
    """Print size and histograms of a plan."""
    console = Console(highlight=False)
    speakers = f", {overview.speakers} labelled speakers" if overview.speakers else ""
    console.print(
        f"{overview.items} items, {overview.hours:.2f} hours{speakers}, about {overview.disk_bytes / 1e9:.2f} GB"
    )
    for histogram in overview.histograms:
        table = Table(title=histogram.name, title_justify="left", box=None, show_header=False, padding=(0, 1))
        for label, count in zip(histogram.labels, histogram.counts, strict=True):
            bar = "█" * round(30 * count / max(histogram.counts))
            table.add_row(label, str(count), bar)
        console.print(table)


@app.command()
def run(
    recipe_file: RecipeFile,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The corpus; an unfinished one is resumed.")],
    root: Roots = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    max_failures: Annotated[float, typer.Option(min=0, max=1, help="Share of items that may fail.")] = 0.01,
    retry_quarantined: Annotated[
        bool, typer.Option("--retry-quarantined", help="Render shards with failed items again.")
    ] = False,
) -> None:
    """Render a recipe into a corpus: audio, targets, and what was measured on every item.

    Run it again after a kill or a full disk: only what is missing is rendered.

    Example: `percepkit synth run train.yaml --out corpus --root speech=/data/speech --root noise=/data/noise`
    """
    from percepkit.synth.run import run_recipe

    recipe, sources = _load(recipe_file)
    with connect(workers, scheduler) as client, progress_bar("rendering", "items") as progress:
        report = run_recipe(
            recipe, sources, out, parse_roots(root),
            client=client, max_failures=max_failures, retry_quarantined=retry_quarantined, progress=progress,
        )  # fmt: skip
    print_run(report, out)


def print_run(report: "RunReport", corpus: Path) -> None:
    """Print what a run did and which items it could not render."""
    console = Console(highlight=False)
    reused = f", {report.reused} were there" if report.reused else ""
    console.print(f"{corpus}: {report.items} items, {report.rendered} rendered{reused}, "
                  f"{len(report.quarantined)} quarantined", soft_wrap=True)  # fmt: skip
    for row in report.quarantined.head(20).itertuples():
        console.print(f"  item {row.item}: {row.status}: {row.reason}", markup=False, soft_wrap=True)
    if len(report.quarantined) > 20:
        console.print(f"  and {len(report.quarantined) - 20} more (status and reason in items.parquet)")


@app.command()
def render(
    recipe_file: RecipeFile,
    items: Annotated[list[int], typer.Argument(min=0, metavar="ITEM", help="Numbers of the items, from 0.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the stems are written.")],
    root: Roots = None,
) -> None:
    """Render single items of a recipe, and print what is planned and measured: to listen before a long run.

    Example: `percepkit synth render train.yaml 0 17 4211 --out listen --root speech=/data/speech`
    """
    from percepkit.audio.files import write
    from percepkit.engine.tables import ensure_writable
    from percepkit.synth.plan import draw_plan, plan_rows
    from percepkit.synth.recipe import load_recipe
    from percepkit.synth.render import Renderer
    from percepkit.synth.sources import load_sources
    from percepkit.synth.store import stem_name

    recipe = load_recipe(recipe_file)
    sources = load_sources(recipe, recipe_file.parent)
    ensure_writable(out, folder=True)
    renderer = Renderer(recipe, parse_roots(root))
    console = Console(highlight=False)
    for number in items:
        [row] = plan_rows(draw_plan(recipe, sources, first=number, count=1))
        item = renderer(row)
        out.mkdir(parents=True, exist_ok=True)
        for stem in recipe.stems:
            name = stem_name(row["item_id"], stem, recipe.audio_format)
            write(out / name, item.stem(stem), recipe.rate_of(stem))
        console.print(f"item {number}: {', '.join(recipe.stems)} in {out}", soft_wrap=True)
        facts = {"speaker": row["speaker"], "noise": row["noise_class"], "room": row["room"]}
        facts |= {name: f"{value:.2f}" for name, value in item.measured.items() if value == value}
        facts |= {f"layer {layer['name']}": f"{layer['snr_realised_db']:.2f} dB" for layer in item.layers}
        for name, value in facts.items():
            if isinstance(value, str):
                console.print(f"  {name}: {value}", markup=False, soft_wrap=True)


@app.command()
def preview(
    recipe_file: RecipeFile,
    numbers: Annotated[
        list[int] | None,
        typer.Argument(min=0, metavar="ITEM", help="Numbers of the items; the first by default."),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the page and the sounds are written.")],
    root: Roots = None,
    items: Annotated[int, typer.Option(min=1, help="How many, where none is named.")] = 6,
) -> None:
    """Look at a few items of a recipe before a long run: one page with players and pictures of each stage.

    The page shows what was drawn, the speech as cut, degraded and in its room, every noise, the mixture and the
    targets. It works offline; the stems lie beside it as WAV files.

    Example: `percepkit synth preview train.yaml --out preview --root speech=/data/speech --root noise=/data/noise`
    """
    from percepkit.synth.preview.page import write_preview
    from percepkit.synth.recipe import load_recipe
    from percepkit.synth.sources import load_sources

    recipe = load_recipe(recipe_file)
    sources = load_sources(recipe, recipe_file.parent)
    chosen = list(dict.fromkeys(numbers or range(min(items, recipe.items))))
    with progress_bar("rendering", "items") as progress:
        shown = write_preview(recipe, sources, parse_roots(root), out, numbers=chosen, progress=progress)
    console = Console(highlight=False)
    for item in shown:
        if item.status != "ok":
            console.print(f"item {item.item}: {item.status}: {item.reason}", markup=False, soft_wrap=True)
    console.print(f"{len(shown)} items; open {out / 'index.html'} in a browser", markup=False, soft_wrap=True)


@app.command()
def stats(
    corpus: Annotated[
        Path, typer.Argument(metavar="CORPUS", help="A rendered corpus, complete or still growing.")
    ],
) -> None:
    """Show hours, disk space and measured conditions of a corpus.

    Example: `percepkit synth stats corpus`
    """
    from percepkit.synth.corpus import open_corpus
    from percepkit.synth.overview import corpus_overview

    print_overview(corpus_overview(open_corpus(corpus)))


@app.command()
def verify(
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS", help="A rendered corpus.")],
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Re-read a corpus against its plan and checksums; exit code 1 if anything is not as it should be.

    Example: `percepkit synth verify corpus`
    """
    from percepkit.synth.corpus import open_corpus
    from percepkit.synth.verify import verify_corpus

    opened = open_corpus(corpus)
    with connect(workers, scheduler) as client, progress_bar("verifying", "shards") as progress:
        problems = verify_corpus(opened, client=client, progress=progress)
    console = Console(highlight=False)
    if problems.empty:
        console.print(f"{corpus}: {len(opened.plan)} items, all as planned", soft_wrap=True)
        return
    for row in problems.head(50).itertuples():
        item = f" item {row.item}" if row.item >= 0 else ""
        console.print(f"shard {row.shard:05d}{item}: {row.problem}", markup=False, soft_wrap=True)
    console.print(f"{len(problems)} problems in {corpus}", soft_wrap=True)
    raise typer.Exit(1)
