"""The composite measures: their coefficients, their limits, and which PESQ they take."""

import numpy as np
import pytest

from percepkit.eval.metrics import _itu_pesq, composite, linear_prediction, score_all

NAMES = ["csig", "cbak", "covl"]


@pytest.fixture
def signals(voice):
    clean, _ = voice(16_000, 1.5)
    return clean, clean + 0.02 * np.random.default_rng(0).standard_normal(len(clean))


def test_values_are_the_sums_of_the_paper(signals):
    found = {n: o.value for n, o in score_all([*NAMES, "pesq_wb", "wss", "ssnr"], *signals, 16_000).items()}
    llr = linear_prediction.mean_llr(linear_prediction.prepare(signals[0], 16_000), signals[1])
    parts = np.array([1, llr, found["pesq_wb"], found["wss"], found["ssnr"]])
    expected = np.clip(
        [
            parts @ [3.093, -1.029, 0.603, -0.009, 0],
            parts @ [1.634, 0, 0.478, -0.007, 0.063],
            parts @ [1.594, -0.512, 0.805, -0.007, 0],
        ],
        1,
        5,
    )
    np.testing.assert_allclose([found[name] for name in NAMES], expected, atol=1e-12)


def test_clean_speech_has_the_highest_opinions(signals):
    clean = signals[0]
    assert [o.value for o in score_all(NAMES, clean, clean, 16_000).values()] == [5, 5, 5]


def test_raw_narrowband_score_at_8_khz(signals, monkeypatch):
    modes = []

    def mos_lqo(reference, estimate, mode):
        modes.append((mode, reference.pesq_rate))
        return 2.0

    monkeypatch.setattr(composite._itu_pesq, "mos_lqo", mos_lqo)
    at_8 = score_all(["covl"], *(x[::2] for x in signals), 8_000)["covl"].value
    monkeypatch.setattr(composite._itu_pesq, "raw_of_mos_lqo", lambda value: value)
    without = score_all(["covl"], *(x[::2] for x in signals), 8_000)["covl"].value
    monkeypatch.undo()
    assert modes == [("nb", 8_000)] * 2
    assert at_8 - without == pytest.approx(0.805 * (_itu_pesq.raw_of_mos_lqo(2.0) - 2.0))


@pytest.mark.parametrize(
    "rate, status", [(8_000, "ok"), (11_025, "rate_mismatch"), (16_000, "ok"), (48_000, "ok")]
)
def test_rates(signals, rate, status):
    clean, noisy = (x.repeat(max(1, rate // 16_000)) for x in signals)
    assert score_all(["cbak"], clean, noisy, rate)["cbak"].status == status


def test_what_pesq_cannot_score_has_no_opinion_either():
    clean, noise = np.random.default_rng(0).standard_normal((2, 3_000))
    outcomes = score_all([*NAMES, "llr"], clean, clean + noise, 16_000)
    assert [outcome.status for outcome in outcomes.values()] == ["too_short"] * 3 + ["ok"]
