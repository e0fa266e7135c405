"""The command ``percepkit``: its sub-commands, and errors as one line instead of a traceback."""

import sys

import typer
from rich.console import Console

from percepkit import __version__
from percepkit.cli import enhance, eval, manifest, synth, train
from percepkit.cli.demo import demo

__all__ = ["app", "main"]

app = typer.Typer(
    help="Make training corpora for speech denoisers, compute oracle targets, and judge denoisers.",
    epilog="Start with `percepkit demo`: the whole road on a small built-in corpus, in under three minutes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",  # of all commands: line breaks of docstrings go, what stands in brackets stays
)
app.add_typer(manifest.app, name="manifest")
app.add_typer(synth.app, name="synth")
app.add_typer(eval.app, name="eval")
app.add_typer(train.app, name="train")
app.command()(enhance.enhance)
app.command()(enhance.baselines)
app.command()(demo)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
    traceback: bool = typer.Option(False, "--traceback", help="Show the whole traceback of an error."),
) -> None:
    """Options of every command; `main` looks for --traceback itself."""


def main() -> None:
    """Run the command line; errors of input and of the disk end as one line and exit code 2."""
    try:
        app()
    except (ValueError, OSError) as error:
        if "--traceback" in sys.argv:
            raise
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"error: {error}", style="red", markup=False)
        sys.exit(2)
