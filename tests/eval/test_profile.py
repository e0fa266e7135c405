"""Profiles of denoisers whose strengths are made up."""

import numpy as np
import pandas as pd
import pytest

from percepkit.eval.profile import noise_characters, profile

N = 120
KINDS = np.array(["stationary", "transient", "music"])
ITEMS = pd.DataFrame(
    {
        "item": range(N),
        "speaker": [f"s{item % 10}" for item in range(N)],
        "noise_class": [("fan", "knock", "music")[item % 3] for item in range(N)],
        "snr_db": [-5.0 if item < 60 else 10.0 for item in range(N)],
    }
)
CHARACTERS = pd.Series(KINDS[np.arange(N) % 3], index=range(N))


def scores():
    generator = np.random.default_rng(0)
    gain = np.select([CHARACTERS == "stationary", CHARACTERS == "transient"], [6.0, 1.0], -2.0)
    quality = np.where(ITEMS["snr_db"] < 0, 0.1, 0.5)
    noisy = generator.normal(0, 3, N)
    parts = [
        ("si_sdr", "noisy", noisy), ("si_sdr", "x", noisy + gain), ("si_sdr", "oracle-gains", noisy + 10),
        ("pesq_wb", "noisy", noisy), ("pesq_wb", "x", noisy + quality), ("pesq_wb", "oracle-gains", noisy + 1),
        ("csig", "noisy", noisy), ("csig", "x", np.full(N, 3.5)), ("csig", "oracle-gains", np.full(N, 4.0)),
    ]  # fmt: skip
    return pd.concat(
        pd.DataFrame({"item": range(N), "denoiser": name, "metric": metric, "value": value, "status": "ok"})
        for metric, name, value in parts
    )


def test_every_aspect_has_its_known_value():
    found = profile(scores(), ITEMS, CHARACTERS, unseen=["music"]).set_index(["denoiser", "aspect"])
    mine = found.loc["x"]
    assert mine["value"].to_dict() == pytest.approx(
        {
            "suppression, stationary": 6.0,
            "suppression, transient": 1.0,
            "suppression, music": -2.0,
            "voice distortion": 3.5,
            "quality": 0.3,
            "quality, SNR ≤ 0 dB": 0.1,
            "unseen noise": 0.0,
            "made worse": 0.0,
            "oracle gap closed": 0.3,
        }
    )
    assert mine["metric"].to_dict()["suppression, stationary"] == "si_sdr"
    assert mine["n"].to_dict() | {"suppression, music": 40, "quality, SNR ≤ 0 dB": 60} == mine["n"].to_dict()
    assert ("oracle-gains", "oracle gap closed") not in found.index


def test_noise_that_was_not_trained_on():
    table = scores()
    hard = (table["metric"] == "pesq_wb") & (table["denoiser"] == "x") & (table["item"] % 3 != 0)
    table.loc[hard, "value"] -= 0.2 + 0.01 * (table.loc[hard, "item"] % 7)
    items = ITEMS.assign(generated=[f"noise {item % 30}" for item in range(N)], noise_paths=[[]] * N)
    row = (
        profile(table, items, unseen=["knock", "music"])
        .set_index(["denoiser", "aspect"])
        .loc[("x", "unseen noise")]
    )
    assert row["low"] < row["value"] < row["high"] < 0
    assert row["value"] == pytest.approx(-0.23, abs=0.01)


def test_what_the_scores_do_not_tell_is_left_out():
    only = scores().query("metric == 'csig' and denoiser == 'x'")
    assert list(profile(only, ITEMS)["aspect"]) == ["voice distortion"]


class Corpus:
    sample_rate = 16_000
    items = pd.DataFrame({"item": range(4), "noise_class": ["fan", "Music live", "knock", None]})

    def stem(self, item, name):
        noise = np.random.default_rng(item).standard_normal(32_000)
        if item == 3:
            raise ValueError("no stem 'noise'")
        return noise * (np.arange(32_000) % 8000 < 400) if item == 2 else noise


def test_noises_are_heard():
    seen = []
    found = noise_characters(Corpus(), [0, 1, 2, 3], progress=lambda *done: seen.append(done))
    assert found.to_dict() == {0: "stationary", 1: "music", 2: "transient", 3: None}
    assert seen[-1] == (4, 4)
