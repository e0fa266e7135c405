"""The commands of ``percepkit eval`` that read scores and compare: compare, profile, items, card."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from percepkit.cli.options import (
    CorpusArgument,
    ScoredArgument,
    ScoresArgument,
    console,
    progress_bar,
    split_names,
)

if TYPE_CHECKING:
    import pandas as pd

    from percepkit.eval.tables import Sheet

__all__ = ["card_command", "compare_command", "items_command", "print_delays", "print_tables", "profile_command"]

READABLE = 100  # characters in a line where nobody says how many there are room for

Policy = Annotated[
    str,
    typer.Option(
        help="For missing scores: `common` averages items that all have, `floor` counts the worst value, "
        "`fail` gives no mean."
    ),
]
Clusters = Annotated[
    str | None,
    typer.Option(
        help="What results shall carry over to, columns with commas between them; default: speaker,noise,room as "
        "far as known. `speech` is the recording, `item` takes every item by itself."
    ),
]
By = Annotated[str, typer.Option(help="Condition columns with commas between them: snr_db, noise_class, ...")]
Csv = Annotated[Path | None, typer.Option("--csv", help="Write the numbers, unrounded, to this file.")]
Latex = Annotated[Path | None, typer.Option("--latex", help="Write the table to this file.")]
Markdown = Annotated[Path | None, typer.Option("--markdown", help="Write the table to this file.")]


def compare_command(
    scores: ScoresArgument,
    corpus: ScoredArgument,
    a: Annotated[str, typer.Argument(help="A denoiser.", metavar="A")],
    b: Annotated[str, typer.Argument(help="Another one, or `noisy`.", metavar="B")],
    by: By = "",
    metrics: Annotated[str, typer.Option(help="Names with commas between them; default: all scored.")] = "",
    policy: Policy = "common",
    clusters: Clusters = None,
    margin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=VALUE",
            help="Difference below which two are equivalent; default: 0.05 MOS, 0.5 dB, 0.01 of STOI.",
        ),
    ] = None,
    csv: Csv = None,
    latex: Latex = None,
    markdown: Markdown = None,
) -> None:
    """Compare two denoisers on the same items: differences, intervals, tests, and the verdict in words.

    The tests flip signs of whole clusters (speakers, noises, rooms) and need eight of each; p-values are Holm's
    over the whole table. Over a numeric condition, the area between the two curves is given, and where they cross.

    Example: `percepkit eval compare corpus-scores.parquet out/corpus wiener omlsa --by snr_db --csv compare.csv`
    """
    from pandas.api.types import is_numeric_dtype

    from percepkit.eval.comparison import compare
    from percepkit.eval.crossing import crossovers, curve_areas
    from percepkit.eval.policies import warn_of_ranks
    from percepkit.eval.summary import area_lines, comparison_sheet, crossover_lines

    table, items = _read(scores, corpus)
    columns, wanted, units = split_names(by), split_names(metrics), _clusters(clusters)
    compared = compare(
        table, items, a, b, metrics=wanted, by=columns, clusters=units, policy=policy, margins=_margins(margin)
    )
    sheet = comparison_sheet(compared, a, b, by=columns)
    if len(columns) == 1 and columns[0] in items and is_numeric_dtype(items[columns[0]]):
        crossings = crossovers(
            table, items, a, b, metrics=wanted, column=columns[0], clusters=units, policy=policy
        )
        areas = curve_areas(table, items, a, b, metrics=wanted, column=columns[0], clusters=units, policy=policy)
        sheet.notes.extend([*area_lines(areas, a, b, columns[0]), *crossover_lines(crossings, columns[0])])
    pair = table[table["denoiser"].isin([a, b]) & table["metric"].isin(compared["metric"])]
    _show([sheet], compared, {"csv": csv, "latex": latex, "markdown": markdown})
    _warn(warn_of_ranks(pair))


def profile_command(
    scores: ScoresArgument,
    corpus: CorpusArgument,
    unseen: Annotated[
        str, typer.Option(help="Noise classes that the denoisers were not trained on, with commas between them.")
    ] = "",
    clusters: Clusters = None,
    csv: Csv = None,
    latex: Latex = None,
    markdown: Markdown = None,
) -> None:
    """Tabulate what each denoiser is good at.

    Suppression of stationary, non-stationary and transient noise and of music (told by listening to the noise of
    each item), voice distortion, low SNR, unseen noise, share of the oracle gap, share of items made worse.

    Example: `percepkit eval profile corpus-scores.parquet out/corpus --unseen siren,babble`
    """
    from percepkit.eval.profile import noise_characters, profile
    from percepkit.eval.summary import profile_sheet
    from percepkit.synth.corpus import open_corpus

    table, items = _read(scores, corpus)
    with progress_bar("noises", "items") as progress:
        numbers = sorted(map(int, table["item"].unique()))
        characters = noise_characters(open_corpus(corpus), numbers, progress=progress)
    found = profile(table, items, characters, unseen=split_names(unseen), clusters=_clusters(clusters))
    _show([profile_sheet(found)], found, {"csv": csv, "latex": latex, "markdown": markdown})


def items_command(
    scores: ScoresArgument,
    corpus: ScoredArgument,
    denoiser: Annotated[str, typer.Argument(help="A denoiser.", metavar="DENOISER")],
    metric: Annotated[str, typer.Option(help="What to rank by.")] = "pesq_wb",
    worse: Annotated[bool, typer.Option("--worse", help="Items made worse than the noisy input.")] = False,
    csv: Csv = None,
) -> None:
    """List the items that a denoiser does worst on (the worst tenth), or those that it makes worse.

    Example: `percepkit eval items corpus-scores.parquet out/corpus wiener --metric stoi --worse`
    """
    from percepkit.eval.summary import item_sheet
    from percepkit.eval.worst import item_scores, made_worse, worst_share

    table, items = _read(scores, corpus)
    listed = item_scores(table, items, denoiser, metric)
    chosen = made_worse(listed) if worse else worst_share(listed)
    _show([item_sheet(chosen, metric)], chosen, {"csv": csv})
    n = int(listed["improvement" if worse else "score"].notna().sum())
    what = "score worse than the noisy input" if worse else "are the worst tenth"
    typer.echo(f"{len(chosen)} of {n} items {what} by {metric}")


def card_command(
    scores: ScoresArgument,
    corpus: CorpusArgument,
    out: Annotated[Path, typer.Option(help="Card to write: .json, or .md to read.")] = Path("card.json"),
    verify: Annotated[
        bool, typer.Option("--verify", help="Check the card at --out: digests, and some scores computed again.")
    ] = False,
    items: Annotated[int, typer.Option(min=1, help="Items that --verify scores again.")] = 3,
    against: Annotated[
        Path | None, typer.Option(help="Another card (.json); say what the two evaluations differ in.")
    ] = None,
) -> None:
    """Write down what was scored, with which versions, on which data; or check such a card.

    Example: `percepkit eval card corpus-scores.parquet out/corpus --out card.json`, later with `--verify`
    """
    from percepkit.eval.card import (
        card_differences,
        card_text,
        make_card,
        read_card,
        verify_card,
        write_card,
    )

    other = None if against is None else read_card(against)
    if not verify:
        card = make_card(scores, corpus)
        write_card(card, out)
        typer.echo(card_text(card) if out.suffix == ".md" else f"digest: {card['digest']}")
        typer.echo(f"card: {out}")
        for line in [] if other is None else card_differences(card, other) or ["the two cards are the same"]:
            typer.echo(line)
        return
    with progress_bar("verify", "items") as progress:
        findings, n_cells = verify_card(read_card(out), scores, corpus, n_items=items, progress=progress)
    for line in findings:
        typer.echo(line)
    if findings:
        raise typer.Exit(1)
    typer.echo(f"{out}: all digests hold, and {n_cells} scores computed again are the same")


def print_tables(
    scores_path: Path,
    corpus: Path,
    by: Sequence[str] = (),
    *,
    policy: str = "common",
    clusters: str | None = None,
    form: str | None = None,
    out: Path | None = None,
) -> None:
    """Print the means of a score table, one table per condition, and what is missing; or write them."""
    import pandas as pd
    from pandas.api.types import is_numeric_dtype

    from percepkit.engine.tables import write_text
    from percepkit.eval.balance import balanced_summary, is_unbalanced
    from percepkit.eval.clusters import known_dimensions
    from percepkit.eval.crossing import sure_crossovers
    from percepkit.eval.flags import warn_of_offset
    from percepkit.eval.policies import warn_of_ranks
    from percepkit.eval.published import check_published
    from percepkit.eval.statistics import summarise
    from percepkit.eval.summary import balanced_sheet, crossover_sheet, failure_line, summary_sheets, winner_sheet
    from percepkit.eval.tables import sheets_text
    from percepkit.eval.winners import contestants, winners

    scores, items = _read(scores_path, corpus)
    units = _clusters(clusters)
    if units is None:
        units = known_dimensions(items)
    summary = summarise(scores, items, by, clusters=units, policy=policy)
    sheets = summary_sheets(summary, by=by)
    summary.insert(len(summary.columns), "balanced_over", "")
    scored = items[items["item"].isin(scores["item"])]
    over = list(by) or ["noise_class"] * is_unbalanced(scored, "noise_class")
    if over:
        balanced = balanced_summary(scores, items, over, clusters=units, policy=policy)
        if balanced["conditions"].max() > 1:
            sheets.append(balanced_sheet(balanced, over))
            kept = balanced.drop(columns=["conditions", "fewest", "most"]).assign(balanced_over=", ".join(over))
            summary = pd.concat([summary, kept], ignore_index=True)
    if by and len(contestants(list(scores["denoiser"].unique()))) > 1:
        best = winners(scores, items, by, clusters=units, policy=policy)
        sheets += [winner_sheet(best, by)] if len(best) else []
    if len(by) == 1 and is_numeric_dtype(items[by[0]]):
        crossed = sure_crossovers(
            scores, items, sorted(map(str, scores["denoiser"].unique())), column=by[0], clusters=units
        )
        sheets += [crossover_sheet(crossed, by[0])] if len(crossed) else []
    if form is not None:
        text = sheets_text(sheets, summary, form=form)
        if out is None:
            typer.echo(text, nl=False)
        else:
            write_text(out, text)
        return
    if out is not None:
        raise ValueError("--out: say --format markdown, latex or csv too")
    _show(sheets, summary, {})
    resampled = f"over {', '.join(f'{name}s' for name in units)}" if units else "over items"
    typer.echo(f"mean [95 % interval {resampled}], below it the improvement over noisy; ↑ higher is better")
    typer.echo(failure_line(scores))
    gate = check_published(scores, items)
    for text in gate.inside if gate else ():
        typer.echo(f"VoiceBank-DEMAND, noisy: {text}")
    _warn([*(gate.lines() if gate else ()), *warn_of_ranks(scores), *warn_of_offset(scores)])


def print_delays(scores_path: Path) -> None:
    """Print what delay outputs had that are not known to be aligned: the most frequent one of each."""
    from percepkit.eval.score import read_scores

    scores = read_scores(scores_path)
    noted = scores[(scores["status"] == "ok") & (scores["reason"] != "")].drop_duplicates(["item", "denoiser"])
    for denoiser, notes in noted.groupby("denoiser")["reason"]:
        counts = notes.value_counts()
        more = f"; otherwise in {len(notes) - counts.iloc[0]} more" if len(counts) > 1 else ""
        typer.echo(f"{denoiser}: {counts.index[0]}, in {counts.iloc[0]} items{more}")


def _read(scores: Path, corpus: Path) -> "tuple[pd.DataFrame, pd.DataFrame]":
    from percepkit.eval.paired_files import open_material
    from percepkit.eval.score import read_scores

    return read_scores(scores), open_material(corpus).items


def _show(sheets: "Sequence[Sheet]", numbers: "pd.DataFrame", files: dict[str, Path | None]) -> None:
    from percepkit.engine.tables import write_text
    from percepkit.eval.tables import sheets_text, split_sheet, terminal_table

    screen = console()
    for sheet in sheets:
        for part in split_sheet(sheet, screen.width if screen.is_terminal else READABLE):
            screen.print(terminal_table(part))
        for note in sheet.notes:
            screen.print(note, markup=False, highlight=False, soft_wrap=True)
    for form, path in files.items():
        if path is not None:
            write_text(path, sheets_text(sheets, numbers, form=form))
            typer.echo(f"{form}: {path}")


def _warn(lines: Sequence[str]) -> None:
    for line in lines:
        typer.secho(f"warning: {line}", fg="yellow", err=True)


def _clusters(text: str | None) -> list[str] | None:
    if text is None:
        return None
    return [name for name in split_names(text) if name != "item"]


def _margins(values: Sequence[str] | None) -> dict[str, float]:
    margins = {}
    for value in values or []:
        metric, separator, number = value.partition("=")
        try:
            margins[metric] = float(number)
        except ValueError:
            separator = ""
        if not (metric and separator):
            raise ValueError(f"--margin {value}: expected METRIC=VALUE with a number")
    return margins
