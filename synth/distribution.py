"""How recipes write a random quantity: a plain number, a range, a list of choices or a bell curve.

A distribution draws nothing itself: it turns uniform numbers, which the plan draws by counter, into values.
"""

import math
import sys
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator
from scipy.special import ndtri

__all__ = ["Distribution"]

FORMS = "a plain number, {uniform: [low, high]}, {choice: [a, b, ...]} or {normal: [mean, deviation]}"
WRITTEN = ("uniform", "choice", "normal")


class Distribution(BaseModel):
    """A random number as a recipe writes it.

    Written as a plain number ``5``, ``{uniform: [-5, 20]}``, ``{choice: [0, 5, 10]}`` (all equally likely)
    or ``{normal: [-26, 5]}`` (mean and standard deviation), and saved in the same form.

    Raises
    ------
    ValueError
        (as pydantic's ValidationError) for any other form; the message lists the valid ones.

    Examples
    --------
    >>> Distribution.model_validate({"uniform": [-5, 20]}).sample(np.array([0.0001, 0.5]))
    array([-4.9975,  7.5   ])
    >>> Distribution.model_validate(3).bounds()
    (3.0, 3.0)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: str = Field(pattern="^(number|uniform|choice|normal)$")
    numbers: tuple[float, ...]

    @model_validator(mode="before")
    @classmethod
    def _from_recipe(cls, value: Any) -> Any:
        if isinstance(value, cls):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            form, numbers = "number", [value]
        elif isinstance(value, dict) and len(value) == 1 and next(iter(value)) in WRITTEN:
            form, numbers = next(iter(value.items()))
        else:
            raise ValueError(f"expected {FORMS}, found {value!r}")
        if not isinstance(numbers, list | tuple) or not numbers:
            raise ValueError(f"expected {FORMS}, found {value!r}")
        if form in ("uniform", "normal") and len(numbers) != 2:
            raise ValueError(f"expected {FORMS}, found {value!r}")
        if not all(_is_finite_number(x) for x in numbers):
            raise ValueError(f"expected finite numbers in {value!r}; the forms are {FORMS}")
        return {"form": form, "numbers": tuple(float(x) for x in numbers)}

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.form == "uniform" and self.numbers[0] > self.numbers[1]:
            raise ValueError(f"expected uniform: [low, high] with low <= high, found {list(self.numbers)}")
        if self.form == "normal" and self.numbers[1] < 0:
            raise ValueError(f"expected normal: [mean, deviation >= 0], found {list(self.numbers)}")
        return self

    @model_serializer
    def _to_recipe(self) -> float | dict[str, list[float]]:
        return self.numbers[0] if self.form == "number" else {self.form: list(self.numbers)}

    def sample(self, u: np.ndarray) -> np.ndarray:
        """Turn uniform draws into draws of this distribution.

        Parameters
        ----------
        u : float array, any shape
            Uniform draws in the open interval (0, 1), see `percepkit.dsp.draws.uniform`.

        Returns
        -------
        float64 array of the same shape
        """
        u = np.asarray(u, dtype=np.float64)
        values = np.array(self.numbers)
        if self.form == "uniform":
            return values[0] + (values[1] - values[0]) * u
        if self.form == "normal":
            return values[0] + values[1] * ndtri(u)
        return values[(u * len(values)).astype(np.intp)]

    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value that can be drawn (infinite for a normal distribution).

        Examples
        --------
        >>> Distribution.model_validate({"choice": [10, 0, 5]}).bounds()
        (0.0, 10.0)
        """
        if self.form == "normal" and self.numbers[1] > 0:
            return -math.inf, math.inf
        values = self.numbers[:1] if self.form == "normal" else self.numbers
        return min(values), max(values)


def _is_finite_number(x: object) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool) and abs(x) <= sys.float_info.max
