import numpy as np
import pytest

from percepkit.baselines.registry import FunctionDenoiser
from percepkit.eval.probes import PROBES, probe_denoiser

RATE = 16_000
T = np.arange(RATE) / RATE
STEMS = {
    "noisy": 0.3 * np.sin(900 * T) + 0.1 * np.cos(5_000 * T),
    "clean": 0.3 * np.sin(900 * T),
    "noise": 0.1 * np.cos(5_000 * T),
}


def probe(function, stems=STEMS):
    return probe_denoiser(FunctionDenoiser(function, "it"), stems, RATE)


def test_passing_on_is_spotless_and_suppresses_nothing():
    assert probe(lambda noisy, sample_rate: noisy) == {
        "clean_in": 100,
        "noise_only": 0,
        "gain": 100,
        "padding": 100,
    }


def test_harm_to_clean_speech_is_measured_with_the_best_gain():
    # 0.5 x + 0.05 n with n orthogonal to x: after the best gain the error is what the projection leaves over.
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(RATE)
    noise -= STEMS["clean"] * np.dot(noise, STEMS["clean"]) / np.dot(STEMS["clean"], STEMS["clean"])
    noise *= 0.1 * np.sqrt(np.mean(STEMS["clean"] ** 2) / np.mean(noise**2))
    found = probe(lambda noisy, sample_rate: 0.5 * (noisy + noise[: len(noisy)]) if len(noisy) == RATE else noisy)
    assert found["clean_in"] == pytest.approx(10 * np.log10(1 + 100), abs=1e-6)


def test_a_gate_by_level_shows_in_the_gain_probe():
    found = probe(lambda noisy, sample_rate: noisy * (np.abs(noisy).max() > 0.1))
    assert found["gain"] == pytest.approx(0)
    assert found["padding"] == 100


def test_mutes_and_hanging_on_padding_are_seen():
    muted = probe(lambda noisy, sample_rate: np.zeros_like(noisy))
    assert muted["noise_only"] == -100
    assert np.isnan([muted["clean_in"], muted["gain"], muted["padding"]]).all()
    hung = probe(lambda noisy, sample_rate: noisy * (1 if noisy[0] else -1))
    assert hung["padding"] == pytest.approx(-10 * np.log10(4))


def test_an_item_without_noise_has_no_noise_to_suppress():
    found = probe(lambda noisy, sample_rate: noisy, STEMS | {"noise": np.zeros(RATE)})
    assert np.isnan(found["noise_only"])


def test_all_probes_are_explained():
    assert set(probe(lambda noisy, sample_rate: noisy)) == set(PROBES)
    assert all(known.low < known.high and known.meaning for known in PROBES.values())
