"""The anchors: where the ceiling is finite, and that silence never gets a number."""

import numpy as np
import pytest

from percepkit.baselines.registry import load
from percepkit.eval.metrics import installed, score_all

RATE = 16_000
#: Ceilings of the metrics that have one; the rest is infinite for a perfect estimate.
CEILINGS = {
    "pesq_wb": 4.644, "pesq_nb": 4.549, "pesq_nb_raw": 4.5, "stoi": 1, "estoi": 1, "ssnr": 35, "ssnr_active": 35,
    "fwsegsnr": 35, "csig": 5, "cbak": 5, "covl": 5, "llr": 0, "wss": 0, "cepstral_distance": 0, "lsd": 0,
    "gain_error_db": 0, "delay_ms": 0, "inverted": 0, "clipped_share": 0, "muted_share": 0,
}  # fmt: skip
ENDLESS = {"sdr", "sdr_512", "si_sdr", "si_snr", "si_sir", "si_sar"}


@pytest.fixture(scope="module")
def item(voice):
    clean, _ = voice(RATE, 2.0)
    clean = clean * np.clip(np.sin(2 * np.pi * 1.5 * np.arange(len(clean)) / RATE), 0.01, 1)
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(clean))
    return {"clean": clean, "noise": noise, "noisy": clean + noise}


def test_clean_scored_as_a_denoiser_gives_the_ceilings(item):
    enhanced = load("clean").for_item(item, RATE)(item["noisy"], RATE)
    outcomes = score_all(installed(), item["clean"], enhanced, RATE, noise=item["noise"])
    known = {name for name in CEILINGS if name in outcomes}
    values = {name: outcomes[name].value for name in known}
    assert values == pytest.approx({name: CEILINGS[name] for name in known}, abs=2e-3)
    assert {outcomes[name].status for name in ENDLESS} == {"infinite"}


def test_silence_has_no_number(item):
    enhanced = load("silence")(item["noisy"], RATE)
    outcomes = score_all(installed(), item["clean"], enhanced, RATE, noise=item["noise"])
    assert {outcomes[name].status for name in (*CEILINGS, *ENDLESS)} == {"silent_estimate"}
