"""Word error rate against the clean reference: known changes of words, repeatability, and typed reasons."""

import numpy as np
import pytest

from percepkit.audio.files import read
from percepkit.eval.metrics import Panel, score_all, wer_clean
from percepkit.manifests.demo import demo_folder

for package in ("pocketsphinx", "jiwer"):
    pytest.importorskip(package, reason="the recogniser is not installed (extra learned)")

RATE = 16_000


def voice(name):
    return read(demo_folder() / "speech" / name, channel=0)[0].astype(np.float64)


SPEECH = voice("slt/01.flac")  # the ferry leaves at seven, so pack your bags tonight


@pytest.fixture(scope="module")
def heard():
    return wer_clean.prepare(SPEECH, RATE)


def score(heard, estimate):
    return wer_clean.score(heard, estimate)["wer_clean"]


def test_an_easy_sentence_is_understood(heard):
    assert heard.words == "the ferry leaves at seven so pack your bags tonight"
    assert score(heard, SPEECH) == 0


def test_words_that_are_missing_or_wrong_are_counted(heard, monkeypatch):
    monkeypatch.setattr(wer_clean, "_recognise", lambda signal, rate: "the ferry leaves at eleven so pack bags")
    assert score(heard, SPEECH) == 3 / 10


def test_half_a_sentence_has_half_the_words(heard):
    half = SPEECH * (np.arange(len(SPEECH)) < len(SPEECH) / 2)
    assert 0.3 <= score(heard, half) <= 0.7


def test_noise_costs_words_and_level_and_polarity_cost_none(heard):
    noise = np.random.default_rng(0).standard_normal(len(SPEECH)) * np.std(SPEECH)
    noisy = [score(heard, SPEECH + gain * noise) for gain in (0.03, 3.0)]
    assert noisy[0] < 0.5 < noisy[1]
    assert score(heard, -0.01 * SPEECH) == 0


def test_nothing_is_left_of_what_was_heard_before(heard):
    """The recogniser adapts to a speaker; a score must not depend on which item came before it."""
    unclear = voice("rupert/03.flac")
    first = wer_clean._recognise(unclear, RATE)
    wer_clean._recognise(voice("kal/01.flac")[:RATE], RATE)
    assert wer_clean._recognise(unclear, RATE) == first


def test_the_reference_is_heard_once_for_all_estimates(monkeypatch):
    heard = []
    monkeypatch.setattr(wer_clean, "_recognise", lambda signal, rate: heard.append(signal) or "so pack your bags")
    panel = Panel(["wer_clean"], SPEECH, RATE)
    for gain in (0.5, 0.25):
        assert panel.score(gain * SPEECH)["wer_clean"].value == 0
    assert [signal.max() / SPEECH.max() for signal in heard] == [1, 0.5, 0.25]


@pytest.mark.parametrize(
    "reference, estimate, rate, status",
    [
        (0.01 * np.random.default_rng(2).standard_normal(RATE // 4), SPEECH[: RATE // 4], RATE, "no_utterances"),
        (0 * SPEECH, SPEECH, RATE, "silent_reference"),
        (SPEECH, 0 * SPEECH, RATE, "silent_estimate"),
        (SPEECH, SPEECH, 8_000, "rate_mismatch"),
    ],
)
def test_what_cannot_be_scored_has_a_reason(reference, estimate, rate, status):
    assert score_all(["wer_clean"], reference, estimate, rate)["wer_clean"].status == status
