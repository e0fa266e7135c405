"""What becomes of a cell of a score table: a value, or a status that says why there is none."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["STATUSES", "Outcome", "Unscorable", "failed"]

STATUSES: Mapping[str, str] = {
    "ok": "the value is a finite number",
    "silent_reference": "the reference holds no signal",
    "silent_estimate": "the estimate holds no signal",
    "nonfinite": "a signal holds NaN or an infinity",
    "infinite": "the metric has no finite value, e.g. the SI-SDR of an estimate equal to the reference",
    "too_short": "too little signal for the metric's definition",
    "too_long": "more signal than the metric's definition allows",
    "length_mismatch": "reference and estimate differ in length",
    "rate_mismatch": "the metric is not defined at this sample rate, or the two signals differ in theirs",
    "several_channels": "a file has more than one channel",
    "no_gains": "the denoiser does not show the gains that the metric is computed from",
    "no_estimate": "nothing was enhanced for this reference",
    "unreadable": "a file cannot be read",
    "no_noise": "the metric needs the noise by itself, and there is none",
    "no_room": "the item has no room, or its corpus no stem of the dry speech",
    "silent_noise": "the noise by itself holds no signal",
    "no_alignment": "the estimate has no clear delay against the reference",
    "too_many_utterances": "PESQ's code has no room for the reference's utterances",
    "over_full_scale": "the estimate goes beyond full scale, where the metric is not defined",
    "no_utterances": "PESQ found no utterance, or the recogniser no word, in the reference",
    "backend_error": "the metric's code raised an error",
    "crashed": "the code of the metric or denoiser killed its process",
    "timeout": "the code of the metric or denoiser did not finish in time",
    "denoiser_failed": "the denoiser raised an error, so that there is nothing to score",
}


class Unscorable(ValueError):
    """There is no number for this pair of signals.

    Parameters
    ----------
    status : str
        One of `STATUSES`, except ``"ok"``.
    reason : str
        One line for people.

    Examples
    --------
    >>> Unscorable("too_short", "12 frames, 30 needed").status
    'too_short'
    """

    def __init__(self, status: str, reason: str) -> None:
        if status not in STATUSES or status == "ok":
            raise ValueError(f"unknown status {status!r}; valid ones: {', '.join(STATUSES)}")
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Outcome:
    """One cell of a score table: a finite value, or NaN with the status and reason that explain it."""

    value: float
    status: str = "ok"
    reason: str = ""
    seconds: float = 0.0


def failed(status: str, reason: str, *, seconds: float = 0.0) -> Outcome:
    """Give the outcome of a cell that has no value.

    Examples
    --------
    >>> failed("too_short", "12 frames, 30 needed").value
    nan
    """
    return Outcome(math.nan, status, " ".join(reason.split()), seconds)
