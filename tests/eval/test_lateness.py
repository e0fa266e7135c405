"""Delays of other people's outputs: measured, noted with the scores, and undone on request."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from percepkit.baselines.denoiser import Spec
from percepkit.baselines.recorded_folder import MissingRecording
from percepkit.engine.child import ChildCrashed, ChildTimeout
from percepkit.engine.cluster import client
from percepkit.eval import score
from percepkit.eval.lateness import delay_of, realigned
from percepkit.eval.score import read_scores, score_corpus

RATE = 16_000


def signals(seed):
    generator = np.random.default_rng(seed)
    speech = 0.1 * np.repeat(generator.uniform(0, 1, 20), RATE // 20) * generator.standard_normal(RATE)
    return speech, speech + 0.05 * generator.standard_normal(RATE)


@pytest.mark.parametrize("delay", [0, 3, 256, -40])
def test_delay_is_measured_and_undone(delay):
    noisy = signals(0)[1]
    late = np.roll(noisy, delay)
    assert delay_of(noisy, late, RATE) == delay
    moved, note = realigned(noisy, late, RATE, align=True)
    inside = slice(300, -300)
    np.testing.assert_allclose(moved[inside], noisy[inside], atol=1e-12)
    assert note == (
        f"{'late' if delay > 0 else 'early'} by {abs(delay)} samples ({abs(delay) / 16:.1f} ms), moved back"
        if delay
        else ""
    )


def test_fraction_of_a_sample_is_undone():
    noisy = np.convolve(signals(0)[1], np.hanning(9) / 4, "same")  # an oversampled signal, so that it can be moved
    spectrum = np.fft.rfft(noisy)
    late = np.fft.irfft(spectrum * np.exp(-2j * np.pi * np.arange(len(spectrum)) / len(noisy) * 7.5), len(noisy))
    moved, _ = realigned(noisy, late, RATE, align=True)
    inside = slice(300, -300)
    error_db = 10 * np.log10(np.sum((moved - noisy)[inside] ** 2) / np.sum(noisy[inside] ** 2))
    assert error_db < -40


@pytest.mark.parametrize("enhanced", [np.zeros(RATE), np.full(RATE, np.nan), np.ones(5)])
def test_what_cannot_be_compared_is_left(enhanced):
    noisy = signals(0)[1]
    moved, note = realigned(noisy, enhanced, RATE, align=True)
    assert moved is enhanced
    assert note == "no clear delay against the input"


def test_unrelated_output_has_no_delay():
    assert delay_of(signals(0)[1], signals(1)[1], RATE) is None


class Late:
    """Half of the noise taken off with the help of the seed, 160 samples late."""

    spec = Spec(name="late", summary="Late.", aligned=False)

    def __call__(self, noisy, sample_rate):
        return np.concatenate([np.zeros(160), 0.5 * noisy[:-160]])


class Broken:
    """Fails in the ways of programs."""

    spec = Spec(name="broken", summary="Broken.", aligned=False)

    def __init__(self, error):
        self.error = error

    def __call__(self, noisy, sample_rate):
        raise self.error


class FakeCorpus:
    sample_rate = RATE
    items = pd.DataFrame({"item": [0, 1], "shard": 0, "status": "ok", "item_id": ["a", "b"]})

    def stem(self, item, name):
        return signals(item)[name == "noisy"].astype(np.float32)


@pytest.fixture
def scored(monkeypatch, tmp_path):
    denoisers = {
        "late": Late(),
        "slow": Broken(ChildTimeout("10 s")),
        "dead": Broken(ChildCrashed("by SIGSEGV", "SIGSEGV")),
        "failed": Broken(ChildCrashed("exit code 1")),
        "absent": Broken(MissingRecording("x.wav")),
    }
    opened = SimpleNamespace(load=lambda name: denoisers[name])
    monkeypatch.setattr(score, "open_corpus", lambda folder: FakeCorpus())
    monkeypatch.setattr(score, "registry", opened)
    monkeypatch.setattr(score, "fingerprint_of", str)

    def run(**options):
        with client(0) as serial:
            path = score_corpus(
                "corpus", denoisers, ["si_sdr"], tmp_path / "s.parquet", client=serial, **options
            ).path
        return read_scores(path).set_index(["denoiser", "item"])

    return run


def test_delay_is_noted_and_compensated_on_request(scored):
    plain, aligned = scored(), scored(align=True)
    assert plain.loc[("late", 0), "reason"] == "late by 160 samples (10.0 ms), left so"
    assert plain.loc[("late", 0), "value"] < -20
    assert aligned.loc[("late", 0), "reason"] == "late by 160 samples (10.0 ms), moved back"
    loss_db = aligned.loc[("noisy", 0), "value"] - aligned.loc[("late", 0), "value"]
    assert 0 <= loss_db < 0.5  # the last 160 samples are gone
    assert plain.loc[("noisy", 0), "reason"] == ""


def test_programs_fail_with_a_status_of_their_own(scored):
    status = scored()["status"].xs(0, level="item").to_dict()
    assert status == {
        "noisy": "ok",
        "late": "ok",
        "slow": "timeout",
        "dead": "crashed",
        "failed": "denoiser_failed",
        "absent": "no_estimate",
    }
