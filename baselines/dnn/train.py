"""Training of a network as a configuration says, with checkpoints from which a killed run goes on exactly.

Everything random follows from the seed and the number of the step, so a checkpoint holds no generator's state:
weights, their optimiser's moments, and where the run stands. On a CPU with one thread, a run that was killed and
resumed ends with the same weights, bit for bit, as one that was not.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from percepkit.baselines.dnn.batches import EpochBatches, train_loader, valid_batches
from percepkit.baselines.dnn.checkpoints import BEST, LAST, read_checkpoint, write_checkpoint
from percepkit.baselines.dnn.config import LOSS, TrainConfig
from percepkit.baselines.dnn.data import CachedItems, Items
from percepkit.baselines.dnn.run_log import open_tensorboard, write_log
from percepkit.baselines.dnn.system import System, samples_of, to_device
from percepkit.dsp.draws import key_of
from percepkit.dsp.stft import hop_length
from percepkit.engine.tables import write_text
from percepkit.synth.yaml_model import yaml_text

__all__ = [
    "CONFIG", "EXAMPLE", "OnStep", "State", "Validate", "check_run", "default_device", "learning_rate", "train",
]  # fmt: skip

CONFIG, EXAMPLE = "config.yaml", "example.npy"
#: Keys that a resumed run may have changed.
CHANGEABLE = {"epochs", "stopping", "checkpoint_steps", "summary", "paper", "limits"}
HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}

#: Scores, higher is better, of pairs of clean and enhanced signals, float32 arrays of shape (n_samples,).
Validate = Callable[[Sequence[tuple[np.ndarray, np.ndarray]]], Mapping[str, float]]


@dataclass
class State:
    """Where a run stands.

    Attributes
    ----------
    epoch, batch, step
        Epochs that are complete, batches of the one at work, and steps in all.
    loss_sum, audio_seconds, seconds, waited, prepared
        Of the epoch at work: sum of the losses; audio that was trained on; time it took, how much of it was spent
        waiting for data, and the time that data took to prepare, in whatever process.
    total_audio_seconds
        Of all epochs.
    best, best_epoch, stale
        Best value of the metric, its epoch, and epochs since.
    history
        A row for each complete epoch.
    noisy
        Scores of the noisy validation items.
    finished
        Why the run has ended; empty while it has not.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    audio_seconds: float = 0.0
    seconds: float = 0.0
    waited: float = 0.0
    prepared: float = 0.0
    total_audio_seconds: float = 0.0
    best: float | None = None
    best_epoch: int = 0
    stale: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    noisy: dict[str, float] = field(default_factory=dict)
    finished: str = ""


#: Called after each step with the state, the number of steps of an epoch, and the step's loss.
OnStep = Callable[[State, int, float], None]


def learning_rate(config: TrainConfig, step: int, n_steps: int) -> float:
    """Learning rate of a step, counted from 0, of ``n_steps``.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from percepkit.baselines.dnn.config import Optimiser, Schedule
    >>> schedule = Schedule(name="cosine", warmup_steps=10, final_share=0)
    >>> cosine = SimpleNamespace(optimiser=Optimiser(learning_rate=1e-3), schedule=schedule)
    >>> [round(learning_rate(cosine, step, 100), 5) for step in (0, 9, 50, 100)]
    [0.0001, 0.00098, 0.0005, 0.0]
    """
    schedule = config.schedule
    share = 1.0
    if schedule.name == "inverse":
        share = 1 / (1 + schedule.decay * step)
    elif schedule.name == "cosine":
        fall = 0.5 * (1 + math.cos(math.pi * min(step / n_steps, 1)))
        share = schedule.final_share + (1 - schedule.final_share) * fall
    if step < schedule.warmup_steps:
        share *= (step + 1) / schedule.warmup_steps
    return config.optimiser.learning_rate * share


def default_device() -> str:
    """A GPU where PyTorch finds one, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def check_run(run: Path, config: TrainConfig, *, resume: bool) -> dict[str, Any] | None:
    """The checkpoint from which a run goes on, None for a new one.

    Raises
    ------
    ValueError
        If the folder holds a run and ``resume`` is false, or one with another configuration.
    """
    if not (run / LAST).exists():
        return None
    if not resume:
        raise ValueError(f"{run}: holds a run already; go on with --resume, or choose another folder")
    found, now = read_checkpoint(run / LAST), config.model_dump(mode="json")
    changed = [key for key in now if key not in CHANGEABLE and now[key] != found["config"].get(key)]
    if changed:
        raise ValueError(
            f"{run}: the run that is to go on had another `{'`, `'.join(changed)}`; choose another folder"
        )
    return found


def train(
    config: TrainConfig,
    run: Path,
    items: Items,
    valid_items: CachedItems,
    *,
    device: str,
    resume: bool = False,
    validate: Validate | None = None,
    on_step: OnStep | None = None,
) -> State:
    """Train a network; the folder then holds checkpoints, the log and its curves.

    Parameters
    ----------
    config : TrainConfig
    run : Path
        Folder of the run: ``config.yaml``, ``last.pt``, ``best.pt``, ``log.csv``, ``curves.png``, and a
        folder ``tensorboard`` where that is installed.
    items : Items
    valid_items : CachedItems
        With signals, see `percepkit.baselines.dnn.system.System.preparation`.
    device : str
        As PyTorch writes it: "cpu", "cuda", "cuda:1".
    resume : bool
        Go on where a run in the folder stopped, if there is one.
    validate : callable, optional
        Computes the metrics of the configuration, after each epoch.
    on_step : callable, optional

    Raises
    ------
    ValueError
        As `check_run`, and if the loss is no longer finite.
    """
    before = check_run(run, config, resume=resume)
    trainer = _Trainer(config, run, items, valid_items, torch.device(device), validate)
    if before is not None:
        trainer.restore(before)
    run.mkdir(parents=True, exist_ok=True)
    write_text(run / CONFIG, yaml_text(config))
    trainer.keep_example()
    return trainer.run_all(on_step)


class _Trainer:
    def __init__(
        self,
        config: TrainConfig,
        run: Path,
        items: Items,
        valid_items: CachedItems,
        device: torch.device,
        validate: Validate | None,
    ) -> None:
        torch.manual_seed(key_of(config.seed, "weights") % 2**63)
        self.config, self.run, self.device = config, run, device
        self.system, self.state = System(config), State()
        self.model = self.system.model.to(device)
        self.valid_items, self.validate = valid_items, validate
        kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
        chosen = config.optimiser
        self.optimiser = kinds[chosen.name](
            self.model.parameters(), lr=chosen.learning_rate, betas=chosen.betas, weight_decay=chosen.weight_decay
        )
        self.half = HALF.get(config.precision)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.half == torch.float16)
        self.average = None
        if config.ema_decay is not None:
            mean = partial(_running_mean, config.ema_decay)
            self.average = torch.optim.swa_utils.AveragedModel(self.model, multi_avg_fn=mean, use_buffers=True)
        self.frame_seconds = hop_length(config.sample_rate) / config.sample_rate
        self.order = EpochBatches(len(items), config.batch_size, config.seed)
        frames = round(config.sequence_seconds / self.frame_seconds)
        workers = config.data.workers if config.data.recipe is not None else 0
        self.loader = train_loader(items, self.order, frames, workers=workers, pin=device.type == "cuda")
        self.n_steps = config.epochs * len(self.order)

    @property
    def judged(self) -> Any:
        """The network that is validated and kept."""
        return self.model if self.average is None else self.average.module

    def restore(self, found: dict[str, Any]) -> None:
        """Go back to a checkpoint."""
        self.model.load_state_dict(found["model"])
        self.optimiser.load_state_dict(found["optimiser"])
        self.scaler.load_state_dict(found["scaler"])
        if self.average is not None:
            self.average.load_state_dict(found["average"])
        self.state = State(**found["state"])
        if self.state.epoch < self.config.epochs and self.state.stale < self.config.stopping.patience:
            self.state.finished = ""  # more was asked for since

    def checkpoint(self) -> None:
        """Write all that `restore` needs."""
        content = {
            "config": self.config.model_dump(mode="json"),
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "state": asdict(self.state),
        }
        write_checkpoint(self.run / LAST, content)

    def keep_example(self) -> None:
        """Keep features of a real signal, on which an exported file is compared with the network."""
        piece = self.valid_items.piece(0, epoch=0, place=0.0, frames=min(self.valid_items.frames(0), 200))
        np.save(self.run / EXAMPLE, piece["features"].astype(np.float32))

    def run_all(self, on_step: OnStep | None) -> State:
        """Train until the epochs are over or the metric no longer improves."""
        board = open_tensorboard(self.run / "tensorboard", self.state.step)
        if self.validate is not None and not self.state.noisy:
            self.state.noisy = dict(self.validate(list(self._noisy_pairs())))
        while not self.state.finished:
            self._epoch(on_step, board)
            self._close_epoch(board)
        if board is not None:
            board.close()
        return self.state

    def _epoch(self, on_step: OnStep | None, board: Any) -> None:
        state, order = self.state, self.order
        order.epoch, order.first = state.epoch, state.batch
        self.model.train()
        asked = time.perf_counter()
        for batch in self.loader:
            came = time.perf_counter()
            loss = self._step(to_device(batch, self.device))
            state.batch, state.step = state.batch + 1, state.step + 1
            state.loss_sum += loss
            state.audio_seconds += float(batch["frames"].sum()) * self.frame_seconds
            state.prepared += float(batch["prepared_seconds"].sum())
            if board is not None:
                board.add_scalar("loss/train", loss, state.step)
            done = time.perf_counter()
            state.waited, state.seconds = state.waited + came - asked, state.seconds + done - asked
            if state.step % self.config.checkpoint_steps == 0 and state.batch < len(order):
                self.checkpoint()
            if on_step:
                on_step(state, len(order), loss)
            asked = time.perf_counter()

    def _step(self, batch: dict[str, torch.Tensor]) -> float:
        state, config = self.state, self.config
        torch.manual_seed(key_of(config.seed, "step", state.step) % 2**63)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(config, state.step, self.n_steps)
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.system.loss(self._outputs(self.model, batch), batch)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ValueError(
                f"{self.run}: the loss is {value} at step {state.step}; lower `optimiser.learning_rate` or "
                "`clip_norm`, or train in float32"
            )
        self.scaler.scale(loss).backward()
        if config.clip_norm is not None:
            self.scaler.unscale_(self.optimiser)
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip_norm)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        if self.average is not None:
            self.average.update_parameters(self.model)
        return value

    def _outputs(self, model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        with torch.autocast(self.device.type, dtype=self.half, enabled=self.half is not None):
            outputs = model(batch["features"].float())
        return outputs.float()

    def _close_epoch(self, board: Any) -> None:
        """Validate, log, keep the best, and begin the next epoch."""
        state = self.state
        row: dict[str, float] = {
            "epoch": state.epoch + 1,
            "step": state.step,
            "learning_rate": self.optimiser.param_groups[0]["lr"],
            "train_loss": state.loss_sum / state.batch,
            **self._validation(),
            "audio_hours": state.audio_seconds / 3600,
            "seconds": state.seconds,
            "waiting_share": state.waited / state.seconds,
            "data_cores": state.prepared / max(state.seconds - state.waited, 1e-9),
        }
        state.history.append(row)
        state.epoch, state.batch, state.loss_sum = state.epoch + 1, 0, 0.0
        state.total_audio_seconds += state.audio_seconds
        state.audio_seconds = state.seconds = state.waited = state.prepared = 0.0
        self._judge(row)
        write_log(self.run, state.history, state.noisy)
        if board is not None:
            for name, value in row.items():
                board.add_scalar(f"epoch/{name}", value, state.step)
        self.checkpoint()

    def _judge(self, row: dict[str, float]) -> None:
        state, stopping = self.state, self.config.stopping
        value = -row["valid_loss"] if stopping.metric == LOSS else row[stopping.metric]
        state.stale += 1
        if state.best is None or value > state.best:
            state.best, state.best_epoch, state.stale = value, state.epoch, 0
            content = {"model": self.judged.state_dict(), "row": row, "noisy": state.noisy}
            write_checkpoint(self.run / BEST, content)
        if state.stale >= stopping.patience:
            state.finished = f"no better {stopping.metric} in {state.stale} epochs"
        elif state.epoch >= self.config.epochs:
            state.finished = f"all {state.epoch} epochs done"

    def _noisy_pairs(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for chosen, batch in valid_batches(self.valid_items, 8):
            yield from self._pairs(chosen, samples_of(batch["clean"]), samples_of(batch["noisy"]))

    def _pairs(
        self, chosen: list[int], first: np.ndarray, second: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        lengths = [self.valid_items.samples[index] for index in chosen]
        yield from ((x[:n], y[:n]) for x, y, n in zip(first, second, lengths, strict=True))

    @torch.no_grad()
    def _validation(self) -> dict[str, float]:
        model, losses = self.judged.eval(), []
        pairs: list[tuple[np.ndarray, np.ndarray]] = []
        for chosen, batch in valid_batches(self.valid_items, min(self.config.batch_size, 8)):
            batch = to_device(batch, self.device)
            outputs = self._outputs(model, batch)
            losses += [float(self.system.loss(outputs, batch))] * len(chosen)
            if self.validate is not None:
                enhanced = self.system.enhance(outputs, batch).cpu().numpy()
                pairs += self._pairs(chosen, samples_of(batch["clean"]), enhanced)
        scores = {} if self.validate is None else dict(self.validate(pairs))
        return {"valid_loss": float(np.mean(losses)), **scores}


def _running_mean(decay: float, means: Any, weights: Any, n_averaged: Any) -> None:
    """Mean over few steps at first, lest the random start be remembered."""
    n = float(n_averaged)
    torch.optim.swa_utils.get_ema_multi_avg_fn(min(decay, (1 + n) / (10 + n)))(means, weights, n_averaged)
