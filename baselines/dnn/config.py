"""What is trained on what: a YAML file that decides a run, checked before anything is computed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from percepkit.baselines.dnn import losses, models
from percepkit.baselines.dnn.features import FEATURES
from percepkit.baselines.dnn.features import make as make_features
from percepkit.baselines.dnn.objectives import OBJECTIVES
from percepkit.synth.yaml_model import load_yaml

__all__ = ["LOSS", "Data", "Optimiser", "Part", "Schedule", "Stopping", "TrainConfig", "load_config"]

LOSS = "loss"  # the name of the validation loss among the metrics
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Section):
    """Features or a model: written as its name, or with options as ``{name: crn, options: {channels: 16}}``."""

    name: str
    options: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


class Optimiser(_Section):
    """Adam, or AdamW, whose weight decay is decoupled from the slopes."""

    name: Literal["adam", "adamw"] = "adam"
    learning_rate: Positive = 1e-3
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.999)
    weight_decay: Annotated[float, Field(ge=0)] = 0.0


class Schedule(_Section):
    """Learning rate over the steps n, after a linear rise over ``warmup_steps``.

    ``constant``; ``cosine`` falls to ``final_share`` at the last step of the last epoch; ``inverse`` is divided by
    1 + ``decay`` n, as RNNoise does with 5e-5.
    """

    name: Literal["constant", "cosine", "inverse"] = "constant"
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    final_share: Annotated[float, Field(ge=0, le=1)] = 0.01
    decay: Annotated[float, Field(ge=0)] = 5e-5


class Data(_Section):
    """Where items come from; paths are relative to the file.

    ``corpus`` is a rendered one, whose features and targets are computed once and kept; ``recipe`` is rendered as
    it is trained on, every epoch anew, by ``workers`` processes (0: by the one that trains). ``valid_items``
    limits what is looked at after each epoch to the first items of ``valid_corpus``.
    """

    corpus: str | None = None
    recipe: str | None = None
    valid_corpus: str
    valid_items: Count | None = None
    workers: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.corpus is None) == (self.recipe is None):
            raise ValueError("give either `corpus`, a rendered one, or `recipe`, to be rendered on the fly")
        return self


class Stopping(_Section):
    """End when ``metric`` has not risen (``loss``: fallen) for ``patience`` epochs; the best epoch is kept."""

    metric: str = LOSS
    patience: Count = 10


class TrainConfig(_Section):
    """Everything that decides a run, apart from the data themselves.

    Attributes
    ----------
    name, summary, paper, limits
        For the card of the network.
    loss
        Name of a loss, or of several with their weights.
    metrics
        Scores of the enhanced validation items; what computes them is handed to the trainer.
    sequence_seconds
        Length of the pieces, at drawn places of the items.
    clip_norm
        Largest norm of a step's slopes; longer ones are shortened.
    precision
        Of the network; losses are computed in float32. "bf16" is for GPUs, and for CPUs that multiply in it
        (AVX-512 BF16, AMX): networks of wide matrices, such as percepnet, then take half of the time, others not.
    ema_decay
        Validate and export a running mean of the weights, which keeps this share of itself each step.
    checkpoint_steps
        Steps after which a killed run may go on; the end of an epoch is always one.
    """

    format_version: Literal[1] = 1
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    summary: str = ""
    paper: str = ""
    limits: str = ""
    seed: Annotated[int, Field(ge=0)]
    sample_rate: Annotated[int, Field(ge=8000, le=192_000)]
    features: Part
    model: Part
    objective: str
    loss: Annotated[
        dict[str, Positive],
        Field(min_length=1),
        BeforeValidator(lambda value: {value: 1.0} if isinstance(value, str) else value),
    ]
    data: Data
    metrics: tuple[str, ...] = ("si_sdr",)
    epochs: Count
    batch_size: Count = 16
    sequence_seconds: Annotated[float, Field(ge=0.1, le=600)] = 4.0
    optimiser: Optimiser = Optimiser()
    schedule: Schedule = Schedule()
    clip_norm: Positive | None = 5.0
    precision: Literal["float32", "bf16", "fp16"] = "float32"
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = None
    stopping: Stopping = Stopping()
    checkpoint_steps: Count = 200

    @model_validator(mode="after")
    def _parts_exist(self) -> Self:
        named: Mapping[str, tuple[list[str], list[str]]] = {
            "features": ([self.features.name], list(FEATURES)),
            "model": ([self.model.name], models.names()),
            "objective": ([self.objective], list(OBJECTIVES)),
            "loss": (list(self.loss), losses.names()),
            "stopping.metric": ([self.stopping.metric], [LOSS, *self.metrics]),
        }
        for key, (found, known) in named.items():
            if unknown := sorted(set(found) - set(known)):
                raise ValueError(f"`{key}`: no {', '.join(unknown)}; choose from {', '.join(known)}")
        try:
            make_features(self.features.name, self.sample_rate, **self.features.options)
        except ValueError as error:
            raise ValueError(f"`features`: {error}") from None
        return self


def load_config(path: Path) -> TrainConfig:
    """Read and check a configuration; raises as `percepkit.synth.yaml_model.load_yaml`."""
    return load_yaml(path, TrainConfig, "training configuration")
