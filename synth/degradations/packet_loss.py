"""Lost packets in bursts that are never longer than asked, with simple concealment."""

import math
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.optimize import brentq

from percepkit.dsp.draws import uniform, words
from percepkit.synth.degradations._interface import Degradation, Degraded, Parameters, check_signal

__all__ = ["DEGRADATION", "Concealment", "PacketLoss", "apply", "lost_packets"]

Concealment = Literal["zeros", "repeat"]

# ITU-T G.711 Appendix I, I.2.7: a concealed stretch keeps its level for 10 ms and is gone after 60 ms.
HOLD_SECONDS, MUTE_SECONDS = 0.01, 0.06


class PacketLoss(Parameters):
    """Share of lost packets, the lengths of the bursts, and what fills them.

    Bursts are parted by at least one packet that arrives: a ``loss_rate`` over
    ``mean_burst / (mean_burst + 1)`` cannot be reached, and neither can a mean over the maximum.
    """

    loss_rate: float = Field(0.1, ge=0, lt=1, description="share of packets lost in the long run")
    mean_burst: float = Field(2.0, ge=1, le=100, description="mean number of packets lost in a row")
    max_burst: int = Field(10, ge=1, le=1_000, description="no more packets than this are ever lost in a row")
    packet_seconds: float = Field(0.02, ge=0.0025, le=0.12, description="audio in a packet (s)")
    concealment: Concealment = Field("zeros", description="silence, or the last packet again, fading within 60 ms")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.mean_burst > self.max_burst:
            raise ValueError(
                f"a mean burst of {self.mean_burst} packets is longer than the longest, {self.max_burst}; "
                "lower `mean_burst` or raise `max_burst`"
            )
        highest = self.mean_burst / (self.mean_burst + 1)
        if self.loss_rate > highest:
            raise ValueError(
                f"a loss rate of {self.loss_rate} cannot be had with bursts of {self.mean_burst} packets, as a "
                f"packet must arrive between two bursts: the highest is {highest:.4g}; raise `mean_burst`"
            )
        return self


def apply(x: np.ndarray, sample_rate: int, parameters: PacketLoss, key: int) -> Degraded:
    """Lose packets.

    The first packet begins with the signal; the last may be shorter. Which packets are lost depends on
    their number, the parameters and the key only, see `lost_packets`.

    Returns
    -------
    Degraded
        ``lost`` marks the samples of lost packets, concealed or not. Measured: ``loss_rate`` (share of the
        packets), ``longest_burst`` and ``mean_burst`` (packets; no bursts, no mean).

    References
    ----------
    E. N. Gilbert, "Capacity of a burst-noise channel", Bell Syst. Tech. J. 39, 1960.
    ITU-T Recommendation G.711 Appendix I, 1999: the fading of repeated packets.

    Examples
    --------
    >>> degraded = apply(np.ones(16_000, np.float32), 16_000, PacketLoss(loss_rate=0.2), 7)
    >>> degraded.measured["loss_rate"], degraded.measured["longest_burst"]
    (0.02, 1.0)
    """
    check_signal(x, sample_rate)
    length = max(1, round(parameters.packet_seconds * sample_rate))
    lost = lost_packets(-(-len(x) // length), parameters, key)
    mask = np.repeat(lost, length)[: len(x)]
    if parameters.concealment == "zeros":
        y = np.where(mask, np.float32(0), x)
    else:
        y = _repeated(x, sample_rate, lost, length)
    return Degraded(y, _measure(lost), lost=mask)


def lost_packets(n_packets: int, parameters: PacketLoss, key: int) -> np.ndarray:
    """Draw which packets are lost, from a two-state model whose bursts have a true maximum.

    A packet after a lost one is lost with probability q, unless ``max_burst`` are lost already; one after an
    arrived one is lost with probability p. A burst of the maximum M thus has the mean
    b = (1 - q^M) / (1 - q), and the loss rate is r = b p / (1 + b p): both are solved for p and q, so that
    cutting bursts short changes neither. The first packet is drawn from the stationary state.

    Returns
    -------
    bool array, shape (n_packets,)

    Examples
    --------
    >>> lost = lost_packets(100_000, PacketLoss(loss_rate=0.3, mean_burst=4, max_burst=5), 1)
    >>> bool(abs(lost.mean() - 0.3) < 0.01)
    True
    """
    rate, mean, longest = parameters.loss_rate, parameters.mean_burst, parameters.max_burst
    if rate == 0 or n_packets == 0:
        return np.zeros(n_packets, bool)
    enter = rate / (mean * (1 - rate))
    stay = _probability_of_staying(mean, longest)
    # Of the two first draws, one is the state, the other how long the burst under way has lasted.
    state, age = uniform(words(key, 0, 1))[0, :2]
    starts_lost = bool(state < rate)
    # A run of each kind has at least one packet, so that n_packets runs are more than enough.
    draws = uniform(words(key, 1, n_packets // 2 + 1))
    arrived = _geometric(draws[:, 0], 1 - enter)
    bursts = np.minimum(_geometric(draws[:, 1], stay), longest)
    if starts_lost:
        bursts[0] = min(bursts[0], longest + 1 - _age(age, stay, longest))
    runs = np.stack([bursts, arrived] if starts_lost else [arrived, bursts], axis=1).ravel()
    kinds = np.arange(len(runs)) % 2 == (0 if starts_lost else 1)
    runs = np.minimum(runs, n_packets).astype(np.int64)
    needed = int(np.searchsorted(np.cumsum(runs), n_packets)) + 1
    return np.repeat(kinds[:needed], runs[:needed])[:n_packets]


def _probability_of_staying(mean: float, longest: int) -> float:
    """Solve (1 - q^M) / (1 - q) = 1 + q + ... + q^(M-1) = mean for q in [0, 1]."""
    if mean == 1 or mean == longest:
        return float(mean > 1)
    powers = np.arange(longest)
    return float(brentq(lambda q: float(np.sum(q**powers)) - mean, 0.0, 1.0, xtol=1e-15))


def _geometric(draws: np.ndarray, stay: float) -> np.ndarray:
    """Length of a run, from 1, that goes on with probability ``stay``, by inversion; inf if it never ends."""
    if stay <= 0:
        return np.ones(len(draws))
    if stay >= 1:
        return np.full(len(draws), np.inf)
    return 1 + np.floor(np.log(draws) / math.log(stay))


def _age(draw: float, stay: float, longest: int) -> int:
    """How many packets a burst has lost, the present one included, at a random moment within bursts.

    That it has lost at least k has probability q^(k-1) at its start; age k is met in proportion to it.
    """
    reached = np.cumsum(stay ** np.arange(longest))
    return 1 + int(np.searchsorted(reached, draw * reached[-1]))


def _repeated(x: np.ndarray, sample_rate: int, lost: np.ndarray, length: int) -> np.ndarray:
    """Fill each burst with the packet before it, again and again, fading."""
    numbers = np.arange(len(lost))
    last = np.maximum.accumulate(np.where(lost, -1, numbers))
    source = (np.maximum(last, 0)[:, None] * length + np.arange(length)).ravel()[: len(x)]
    since = ((numbers - last - 1)[:, None] * length + np.arange(length)).ravel()[: len(x)] / sample_rate
    gain = np.clip((MUTE_SECONDS - since) / (MUTE_SECONDS - HOLD_SECONDS), 0, 1)
    gain[np.repeat(last < 0, length)[: len(x)]] = 0.0  # nothing arrived yet that could be repeated
    return np.where(np.repeat(lost, length)[: len(x)], x[source] * gain.astype(np.float32), x)


def _measure(lost: np.ndarray) -> dict[str, float]:
    edges = np.flatnonzero(np.diff(lost, prepend=False, append=False))
    bursts = edges[1::2] - edges[::2]
    measured = {
        "loss_rate": float(lost.mean()) if len(lost) else 0.0,
        "longest_burst": float(bursts.max(initial=0)),
    }
    return measured | ({"mean_burst": float(bursts.mean())} if len(bursts) else {})


DEGRADATION = Degradation(
    name="packet_loss",
    summary="packets lost in bursts (Gilbert-Elliott) with a true longest burst; silence or repetition",
    source="Gilbert 1960; URGENT 2024 (20 ms packets, 5 to 25 % lost)",
    parameters=PacketLoss,
    linear=True,
    apply=apply,
    examples=(
        {"loss_rate": 0.2, "mean_burst": 3.0, "max_burst": 8},
        {"loss_rate": 0.1, "concealment": "repeat"},
    ),
)
