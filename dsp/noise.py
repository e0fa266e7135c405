"""Generated noises by name, with the parameters each takes, and babble made of voices.

A generated noise is a row of a plan: kind, key and parameters. `generate` turns the row into samples;
parameters that the row leaves out are drawn from its key.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from percepkit.dsp import coloured, events, tonal
from percepkit.dsp.draws import key_of, uniform
from percepkit.dsp.wind import gusty_wind

__all__ = ["KINDS", "PARAMETERS", "Parameter", "babble", "draw_parameters", "generate", "parse_noise"]

FADE_SECONDS = 0.05  # where a voice of the babble joins its own start


@dataclass(frozen=True)
class Parameter:
    """Range of a parameter: what is drawn and what is accepted.

    Attributes
    ----------
    low, high : float
        Ends of the range; values are drawn uniformly, or uniformly in the logarithm with ``log``.
    log : bool
    ends_only : bool
        Only the two ends exist (50 or 60 Hz mains).
    """

    low: float
    high: float
    log: bool = False
    ends_only: bool = False

    def draw(self, share: float) -> float:
        """Value at a uniform draw in (0, 1)."""
        if self.ends_only:
            return self.low if share < 0.5 else self.high
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + (self.high - self.low) * share

    def check(self, kind: str, name: str, value: float) -> float:
        """Return the value, or raise ValueError when it is outside the range."""
        if self.ends_only and value not in (self.low, self.high):
            raise ValueError(f"{kind}: {name} is {self.low:g} or {self.high:g}, not {value!r}")
        if not self.low <= value <= self.high:
            raise ValueError(f"{kind}: {name} lies between {self.low:g} and {self.high:g}, not {value!r}")
        return float(value)


#: The generated kinds that need no voices: name -> (n_samples, sample_rate, key, **parameters) -> samples.
KINDS: Mapping[str, Callable[..., np.ndarray]] = MappingProxyType(
    {
        "white": coloured.white,
        "pink": coloured.pink,
        "brown": coloured.brown,
        "speech_shaped": coloured.speech_shaped,
        "hum": tonal.hum,
        "fan": tonal.fan,
        "siren": tonal.siren,
        "car": tonal.car,
        "wind": gusty_wind,
        "rain": events.rain,
        "keyboard": events.keyboard,
    }
)

#: The parameters of every kind, all optional in `generate`.
PARAMETERS: Mapping[str, Mapping[str, Parameter]] = MappingProxyType(
    {
        "white": {},
        "pink": {},
        "brown": {},
        "speech_shaped": {},
        "hum": {"frequency_hz": Parameter(50, 60, ends_only=True), "decay_db": Parameter(3, 12)},
        "fan": {
            "blade_hz": Parameter(40, 240, log=True),
            "tone_db": Parameter(-15, 0),
            "cutoff_hz": Parameter(250, 1_500, log=True),
        },
        "siren": {
            "low_hz": Parameter(400, 750),
            "high_hz": Parameter(1_000, 1_700),
            "period_seconds": Parameter(0.3, 6, log=True),
        },
        "car": {"engine_hz": Parameter(25, 120, log=True), "tone_db": Parameter(-12, 3)},
        "wind": {
            "corner_hz": Parameter(50, 500, log=True),
            "gust_db": Parameter(0, 9),
            "gust_hz": Parameter(0.2, 2, log=True),
        },
        "rain": {"rate_hz": Parameter(5, 80, log=True), "drops_db": Parameter(-10, 3)},
        "keyboard": {"rate_hz": Parameter(2, 10, log=True)},
    }
)


def draw_parameters(kind: str, key: int) -> dict[str, float]:
    """Draw every parameter of a kind from a key, each from a sub-key of its own name.

    Raises
    ------
    ValueError
        For an unknown kind.

    Examples
    --------
    >>> sorted(draw_parameters("siren", 5))
    ['high_hz', 'low_hz', 'period_seconds']
    """
    if kind not in KINDS:
        raise ValueError(f"unknown generated noise {kind!r}: use one of {', '.join(KINDS)}, or babble")
    drawn = {}
    for name, parameter in PARAMETERS[kind].items():
        raw = np.random.Philox(key=key_of(str(key), "parameter", name)).random_raw(1)
        drawn[name] = parameter.draw(float(uniform(raw)[0]))
    return drawn


def parse_noise(text: str) -> tuple[str, dict[str, float]]:
    """Kind and parameters of a generated noise as people write it: ``hum`` or ``hum(frequency_hz=50)``.

    Raises
    ------
    ValueError
        For an unknown kind or parameter, or a value that is no number or outside its range.

    Examples
    --------
    >>> parse_noise("siren(low_hz=500, high_hz=1200)")
    ('siren', {'low_hz': 500.0, 'high_hz': 1200.0})
    """
    kind, bracket, rest = text.partition("(")
    if kind != "babble":
        draw_parameters(kind, 0)
    if not bracket:
        return kind, {}
    values = {}
    for assignment in rest.removesuffix(")").split(","):
        name, _, value = (part.strip() for part in assignment.partition("="))
        known = PARAMETERS.get(kind, {})
        if not rest.endswith(")") or name not in known:
            raise ValueError(f"{text!r}: write {kind}(name=value, ...); names: {', '.join(known) or 'none'}")
        try:
            values[name] = known[name].check(kind, name, float(value))
        except ValueError as error:
            raise ValueError(f"{text!r}: {error}") from None
    return kind, values


def generate(kind: str, n_samples: int, sample_rate: int, key: int, parameters: Mapping[str, float]) -> np.ndarray:
    """Generate a noise by name.

    Parameters
    ----------
    kind : str
        A name in `KINDS`.
    n_samples, sample_rate : int
        Length (at least 1) and rate, 8 to 96 kHz.
    key : int
        128-bit key, see `percepkit.dsp.draws.key_of`; the noise is a function of it and the parameters.
    parameters : mapping
        Values of some or all of ``PARAMETERS[kind]``; the others are drawn by `draw_parameters`.

    Returns
    -------
    float64 array, shape (n_samples,)
        Noise of RMS 1.

    Raises
    ------
    ValueError
        For an unknown kind or parameter, or a value outside its range; the message lists what is valid.

    Examples
    --------
    >>> generate("hum", 16_000, 16_000, 1, {"frequency_hz": 60}).shape
    (16000,)
    """
    settled = draw_parameters(kind, key)
    for name, value in parameters.items():
        if name not in settled:
            valid = ", ".join(settled) or "none"
            raise ValueError(f"{kind} has no parameter {name!r}; its parameters: {valid}")
        settled[name] = PARAMETERS[kind][name].check(kind, name, value)
    return KINDS[kind](n_samples, sample_rate, key, **settled)


def _looped(voice: np.ndarray, n_samples: int, start: int, fade: int) -> np.ndarray:
    """Read a voice round and round from ``start``; its last ``fade`` samples blend into its first."""
    angle = np.pi / 2 * (np.arange(fade) + 0.5) / fade if fade else np.zeros(0)
    loop = voice[: voice.size - fade].copy()
    loop[:fade] = np.sin(angle) * voice[:fade] + np.cos(angle) * voice[voice.size - fade :]
    return np.take(loop, np.arange(start, start + n_samples), mode="wrap")


def babble(voices: Sequence[np.ndarray], n_samples: int, sample_rate: int, key: int) -> np.ndarray:
    """Mix voices, equally loud, into babble.

    Each voice is brought to the same RMS and read from a drawn place on, round and round: its end fades
    into its start with constant power, without a seam. A voice shorter than ``n_samples`` repeats.

    Parameters
    ----------
    voices : sequence of float arrays, shape (any length,)
        Speech of different talkers at ``sample_rate``, none of them the talker to be heard.
    n_samples, sample_rate, key : int
        As `generate`.

    Returns
    -------
    float64 array, shape (n_samples,)
        Babble of RMS 1.

    Raises
    ------
    ValueError
        Without voices, or when one is empty, silent, not finite or not mono.

    Examples
    --------
    >>> voices = [np.sin(np.arange(9_000) / k) for k in (9, 14)]
    >>> float(np.mean(babble(voices, 20_000, 16_000, 1) ** 2).round(9))
    1.0
    """
    coloured.check_request(n_samples, sample_rate)
    if len(voices) == 0:
        raise ValueError("babble needs at least one voice")
    starts = uniform(np.random.Philox(key=key_of(str(key), "starts")).random_raw(len(voices)))
    mix = np.zeros(n_samples)
    for number, voice in enumerate(voices):
        voice = np.asarray(voice, dtype=np.float64)
        if voice.ndim != 1 or not np.isfinite(voice).all() or not voice.any():
            raise ValueError(f"voice {number} of the babble is not mono, or empty, silent or not finite")
        fade = min(round(FADE_SECONDS * sample_rate), voice.size // 2)
        start = int(starts[number] * (voice.size - fade))
        mix += _looped(coloured.unit_rms(voice), n_samples, start, fade)
    return coloured.unit_rms(mix)
