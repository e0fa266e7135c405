"""``percepkit train``: train a network as a configuration says, and export it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from typer.core import TyperGroup

from percepkit.cli.options import Roots, Scheduler, Workers, connect, parse_roots, progress_bar

if TYPE_CHECKING:  # libraries are loaded by the command that runs, so that --help is quick
    import numpy as np

    from percepkit.baselines.dnn.train import OnStep, State

__all__ = ["app"]


class _RunUnlessNamed(TyperGroup):
    """Takes ``train CONFIG.yaml`` for ``train run CONFIG.yaml``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Look the first word up among the commands, else hand all words to ``run``."""
        known = args[0] in self.list_commands(ctx)
        return super().resolve_command(ctx, args if known else ["run", *args])


app = typer.Typer(
    cls=_RunUnlessNamed,
    help="Train networks and export them. `train CONFIG.yaml` is short for `train run CONFIG.yaml`.",
    no_args_is_help=True,
)


@app.command()
def run(
    config_file: Annotated[
        Path,
        typer.Argument(metavar="CONFIG.yaml", help="Network, data and training, as in baselines/dnn/configs."),
    ],
    out: Annotated[Path, typer.Option(metavar="RUN", help="Folder of the run: checkpoints, log, curves.")],
    root: Roots = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run in the folder stopped.")] = False,
    device: Annotated[
        str | None, typer.Option(metavar="cpu|cuda", help="A GPU by default, where PyTorch finds one.")
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Train a network: on a rendered corpus, or on a recipe that is rendered as it is trained on.

    Features and targets of rendered corpora are computed first and kept in a folder `cache` beside the run, where
    other runs find them. A killed run goes on with --resume, exactly: on a CPU with one thread the weights are
    those of a run that nobody killed.

    Example: `percepkit train run crn.yaml --out runs/crn`
    """
    from percepkit.baselines.dnn.config import load_config
    from percepkit.engine.tables import ensure_writable

    config = load_config(config_file)
    validate = _scorer(config.metrics, config.sample_rate)
    ensure_writable(out, folder=True)
    sources, trainer = _torch_module("sources"), _torch_module("train")
    trainer.check_run(out, config, resume=resume)
    base, console = config_file.parent, Console(highlight=False)
    with connect(workers, scheduler) as client, progress_bar("features and targets", "parts") as progress:
        items, valid_items = sources.open_data(
            config, base, out.parent / sources.CACHE, parse_roots(root), client=client, progress=progress
        )
    console.print(f"{len(items)} items, {items.seconds / 3600:.2f} hours an epoch; {len(valid_items)} to validate")
    sources.write_facts(config, base, out)
    with _step_bar(config.epochs) as on_step:
        state = trainer.train(
            config, out, items, valid_items, device=device or trainer.default_device(), resume=resume,
            validate=validate, on_step=on_step,
        )  # fmt: skip
    _print_state(state, console, out)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of `train run`.")],
    out: Annotated[Path, typer.Option(metavar="NAME.onnx", help="The network; its cards are written beside it.")],
    int8: Annotated[bool, typer.Option("--int8", help="Round the weights of matrix products to 8 bits.")] = False,
) -> None:
    """Write the best network of a run as ONNX, which runs without PyTorch, with a card for programs and people.

    Example: `percepkit train export runs/crn --out crn.onnx --int8`
    """
    done = _torch_module("export_run").export_run(folder, out, quantise=int8)
    rounded = f", {done.difference:.2g} with weights of 8 bits" if int8 else ""
    Console(highlight=False).print(
        f"{done.path}: outputs differ from PyTorch's by at most {done.float_difference:.2g}{rounded}",
        soft_wrap=True,
    )


def _torch_module(name: str) -> ModuleType:
    from percepkit.baselines.dnn.needs_torch import import_torch_module

    try:
        return import_torch_module(f"percepkit.baselines.dnn.{name}")
    except ImportError as error:  # one line, as for other input that cannot work
        raise ValueError(str(error)) from error


def _scorer(
    metrics: Sequence[str], sample_rate: int
) -> "Callable[[Sequence[tuple[np.ndarray, np.ndarray]]], Mapping[str, float]]":
    """Means over all items of the metrics; an item that cannot be scored is left out."""
    from percepkit.eval.metrics import load_installed, score_all

    for name in metrics:
        spec = load_installed(name).SPEC
        if spec.better != "higher" or spec.needs not in ("reference", "nothing"):
            raise ValueError(
                "`metrics`: expected metrics whose rise is good, of enhanced and clean or of enhanced alone, "
                f"found {name}"
            )

    def scores(pairs: "Sequence[tuple[np.ndarray, np.ndarray]]") -> dict[str, float]:
        outcomes = [score_all(metrics, clean, enhanced, sample_rate) for clean, enhanced in pairs]
        values = {name: [o[name].value for o in outcomes if o[name].status == "ok"] for name in metrics}
        return {name: sum(found) / len(found) if found else float("-inf") for name, found in values.items()}

    return scores


@contextmanager
def _step_bar(epochs: int) -> "Iterator[OnStep]":
    """Progress bar over the steps of an epoch, with the loss lately and the last scores."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("training", total=None, told="")
        lately: list[float] = []

        def on_step(state: "State", n_batches: int, loss: float) -> None:
            lately.append(loss)
            del lately[:-50]
            told = f"loss {sum(lately) / len(lately):.4g}"
            if state.history:
                last = {name: state.history[-1][name] for name in ("valid_loss", *state.noisy)}
                told += "; last " + ", ".join(f"{name} {value:.3g}" for name, value in last.items())
            label = f"epoch {state.epoch + 1}/{epochs}"
            bar.update(task, description=label, completed=state.batch, total=n_batches, told=told)

        yield on_step


def _print_state(state: "State", console: Console, out: Path) -> None:
    rows = state.history
    seconds = sum(row["seconds"] for row in rows)
    waiting = sum(row["seconds"] * row["waiting_share"] for row in rows) / seconds
    cores = sum(row["data_cores"] for row in rows) / len(rows)
    console.print(f"{out}: {state.finished}; best is epoch {state.best_epoch}", soft_wrap=True)
    for name in ("valid_loss", *state.noisy):
        told = f" (noisy {state.noisy[name]:.4g})" if name in state.noisy else ""
        console.print(f"  {name}: {rows[state.best_epoch - 1][name]:.4g}{told}")
    console.print(
        f"  {state.total_audio_seconds / seconds:.0f} s of audio a second; waiting for data {waiting:.1%} of the "
        f"time; preparing them takes {cores:.2f} cores",
        soft_wrap=True,
    )
