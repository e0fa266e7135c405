"""``percepkit eval``: score denoisers on a corpus, print tables, write the report."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from percepkit.cli import comparison, judging
from percepkit.cli.options import (
    Align,
    CorpusArgument,
    Limit,
    Metrics,
    Reuse,
    Scheduler,
    ScoredArgument,
    ScoresArgument,
    Workers,
    connect,
    console,
    print_taken_over,
    progress_bar,
    split_names,
    wanted_metrics,
)

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help="Score denoisers on a corpus, print tables, write the report.",
)


@app.command("run")
def run_command(
    corpus: CorpusArgument,
    denoisers: Annotated[
        str,
        typer.Option(
            help="Names with commas between them, as `percepkit baselines` lists them; of your own `NAME.onnx`, "
            "`module:function`, `cmd:PROGRAM {in} {out}`, `onnx:FILE`, or `folder:PATH/{item_id}.wav`. "
            "Default: a few classics, the four oracles of the ladder, the anchors clean and silence, and plugins. "
            "The noisy input is always scored."
        ),
    ] = "",
    metrics: Metrics = "",
    out: Annotated[
        Path | None, typer.Option(help="Score table to write. Default: CORPUS-scores.parquet in this folder.")
    ] = None,
    limit: Limit = None,
    align: Align = False,
    reuse: Reuse = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Score denoisers on every item of a corpus and print the means.

    A run that was stopped goes on where it was when it is started again with the same output. What the output
    holds already is not computed again: the same sound, denoiser and version of the metric.

    Example: `percepkit eval run out/corpus --denoisers wiener,my_package:denoise --metrics pesq_wb,stoi`
    """
    from percepkit.baselines import registry
    from percepkit.eval import metrics as metric_floor
    from percepkit.eval.score import NOISY, score_corpus
    from percepkit.synth.corpus import open_corpus

    chosen, wanted = split_names(denoisers) or registry.default_names(), wanted_metrics(metrics)
    open_corpus(corpus)  # what is misspelt ends here, before a cluster and a progress bar are started
    for name in chosen:
        if name != NOISY:
            registry.load(name)
    for name in wanted:
        metric_floor.load_installed(name)
    out = out or Path(f"{corpus.resolve().name}-scores.parquet")
    with connect(workers, scheduler) as connected, progress_bar("scoring", "items") as progress:
        result = score_corpus(
            corpus,
            chosen,
            wanted,
            out,
            client=connected,
            limit=limit,
            align=align,
            reuse=reuse or (),
            progress=progress,
        )
    print_taken_over(result)
    for status, count in sorted(result.skipped.items()):
        typer.echo(f"{count} items of the corpus were left out: {status}")
    comparison.print_tables(out, corpus)
    comparison.print_delays(out)
    typer.echo(f"scores: {out}")


@app.command("table")
def table_command(
    scores: ScoresArgument,
    corpus: ScoredArgument,
    by: Annotated[
        str,
        typer.Option(help="Condition columns with commas between them: snr_db, noise_class, rt60, ..."),
    ] = "",
    policy: comparison.Policy = "common",
    clusters: comparison.Clusters = None,
    form: Annotated[
        str | None,
        typer.Option("--format", help="`markdown`, `latex` or `csv`; default: for the terminal."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File for --format; default: the terminal.")] = None,
) -> None:
    """Print means with 95 % intervals, and the improvement over the noisy input below each.

    By one numeric condition, the pairs of denoisers are listed whose order turns round over it.

    Example: `percepkit eval table corpus-scores.parquet out/corpus --by snr_db --format latex --out table.tex`
    """
    comparison.print_tables(scores, corpus, split_names(by), policy=policy, clusters=clusters, form=form, out=out)


app.command("compare")(comparison.compare_command)
app.command("profile")(comparison.profile_command)
app.command("items")(comparison.items_command)
app.command("card")(comparison.card_command)


@app.command("metrics")
def metrics_command() -> None:
    """List the metrics: unit, range, which direction is better, and what they need.

    Example: `percepkit eval metrics`
    """
    from percepkit.eval import metrics as metric_floor

    table = Table(Column("metric", no_wrap=True), Column("range", max_width=12), "better", "needs")
    table.add_column("what it is", overflow="fold")
    for name in metric_floor.names():
        spec = metric_floor.load(name).SPEC
        low, high = spec.range[name]
        unit = "" if spec.unit[name] == "1" else f" {spec.unit[name]}"
        summary = f"{spec.summary} {spec.source[0].upper()}{spec.source[1:]}. Version {spec.version}."
        table.add_row(name, f"{low:g} to {high:g}{unit}", spec.better, spec.needs, summary)
    console().print(table)


@app.command("report")
def report_command(
    scores: ScoresArgument,
    corpus: ScoredArgument,
    out: Annotated[Path, typer.Option(help="Page to write, everything in one file.")] = Path("report.html"),
    title: Annotated[str | None, typer.Option(help="Heading of the page. Default: the corpus' name.")] = None,
    players: Annotated[int, typer.Option(min=0, max=40, help="Items to listen to, as far as 25 MB go.")] = 24,
    costs: Annotated[
        Path | None,
        typer.Option(
            help="Draw quality against cost: the table of `percepkit eval cost`, or CSV with a column denoiser "
            "and some of rtf, latency_ms, macs_per_second, parameters and peak_mb."
        ),
    ] = None,
) -> None:
    """Write the report: tables, plots by condition, spectrograms and players in one HTML file.

    Example: `percepkit eval report corpus-scores.parquet out/corpus --out report.html`
    """
    from percepkit.eval.report.page import write_report

    with progress_bar("report", "steps") as progress:
        write_report(
            scores,
            corpus,
            out,
            title=title or corpus.resolve().name,
            players=players,
            costs=costs,
            progress=progress,
        )
    typer.echo(f"report: {out}")


app.command("files")(judging.files)
app.command("cost")(judging.cost)
