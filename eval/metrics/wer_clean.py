"""Word error rate against what the same recogniser hears in the clean reference.

References
----------
D. Huggins-Daines et al., "PocketSphinx: a free, real-time continuous speech recognition system for hand-held
devices", ICASSP 2006.
"""

import math
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any

import numpy as np

from percepkit.audio.resampling import resample
from percepkit.eval.metrics._extra import version_with
from percepkit.eval.metrics._interface import MetricSpec, Unscorable, checked_estimate, checked_reference

__all__ = ["SPEC", "Heard", "prepare", "score"]

SPEC = MetricSpec(
    names=("wer_clean",),
    version=version_with("2", "pocketsphinx", "jiwer"),
    summary="Words that a recogniser of American English adds, drops or mistakes in the estimate, over the words "
    "that it hears in the reference; no transcript is needed, and none is used.",
    source="word error rate by jiwer of what PocketSphinx hears",
    unit={"wer_clean": "1"},
    range={"wer_clean": (0.0, math.inf)},
    better="lower",
    invariances=frozenset({"gain", "polarity"}),
    packages=("pocketsphinx", "jiwer"),
)

_RATE = 16_000
_PEAK = 0.5  # of full scale
_MOST_STATES = 3_000  # followed at once, not 30,000: two to four times as fast in noise, with hardly another word


@dataclass(frozen=True)
class Heard:
    """What was heard in the reference."""

    words: str
    n_samples: int
    sample_rate: int


def prepare(reference: np.ndarray, sample_rate: int) -> Heard:
    """Recognise the reference.

    Raises
    ------
    Unscorable
        ``rate_mismatch`` below 16 kHz, ``no_utterances`` if no word is heard.
    """
    if sample_rate < _RATE:
        raise Unscorable("rate_mismatch", f"the recogniser hears 16000 Hz, got {sample_rate} Hz")
    words = _recognise(checked_reference(reference), sample_rate)
    if not words:
        raise Unscorable("no_utterances", "the recogniser hears no word in the reference")
    return Heard(words, len(reference), sample_rate)


def score(state: Heard, estimate: np.ndarray) -> dict[str, float]:
    """Recognise the estimate and count the words that differ; more words than there were may be wrong."""
    from jiwer import wer

    words = _recognise(checked_estimate(estimate, state.n_samples), state.sample_rate)
    return {"wer_clean": float(wer(state.words, words))}


_lock = Lock()  # one recogniser per process takes one signal at a time


@cache
def _recogniser() -> Any:
    from pocketsphinx import Decoder

    return Decoder(samprate=float(_RATE), cmn="batch", maxhmmpf=_MOST_STATES, loglevel="FATAL")


def _recognise(signal: np.ndarray, sample_rate: int) -> str:
    signal = resample(signal / np.abs(signal).max(), sample_rate, _RATE)
    pcm = np.round(signal * (_PEAK * 32767)).astype(np.int16).tobytes()
    with _lock:
        recogniser = _recogniser()
        recogniser.reinit_feat()  # it adapts to what it hears; every signal meets it fresh
        recogniser.start_utt()
        recogniser.process_raw(pcm, full_utt=True)
        recogniser.end_utt()
        found = recogniser.hyp()
    return str(found.hypstr) if found else ""
