import numpy as np
import pandas as pd
import pytest

from percepkit.eval.flags import find_flags, warn_of_offset
from percepkit.eval.metrics import score_all
from percepkit.eval.statistics import summarise

N = 40
ITEMS = pd.DataFrame({"item": range(N)})


def table(**values):
    """Scores of "noisy" and "net" from (value of noisy, value of net) by metric; arrays give one an item."""
    rows = []
    for metric, pair in values.items():
        for name, value in zip(("noisy", "net"), pair, strict=True):
            numbers = np.broadcast_to(value, N)
            rows += [(item, name, metric, number, "ok") for item, number in enumerate(numbers)]
    return pd.DataFrame(rows, columns=["item", "denoiser", "metric", "value", "status"])


def flags_of(**values):
    scores = table(**values)
    return [(flag.sign, flag.text) for flag in find_flags(scores, summarise(scores, ITEMS), ["net"])]


def test_metrics_that_contradict_each_other_are_named():
    assert flags_of(pesq_wb=(1.5, 1.7), stoi=(0.8, 0.7), wss=(30.0, 20.0)) == [
        ("metrics disagree", "better by pesq_wb (+0.2), wss (−10); worse by stoi (−0.1)")
    ]


def test_agreement_small_differences_and_unsure_ones_are_no_flag():
    assert flags_of(pesq_wb=(1.5, 1.7), stoi=(0.8, 0.9)) == []
    assert flags_of(pesq_wb=(1.5, 1.7), stoi=(0.8, 0.795)) == []
    unsure = 0.8 + 0.5 * np.random.default_rng(0).standard_normal(N)
    assert flags_of(pesq_wb=(1.5, 1.7), stoi=(0.82, unsure)) == []


def test_a_metric_that_is_pleased_alone_is_counted():
    pleased = np.arange(N) < 3
    found = flags_of(
        pesq_wb=(1.5, np.where(pleased, 1.7, 1.5)),
        estoi=(0.8, np.where(pleased, 0.7, 0.8)),
        si_sdr=(5.0, np.where(pleased, 1.0, 5.0)),
    )
    assert ("one metric pleased", "on 3 of 40 items pesq_wb rises while estoi and si_sdr fall") in found


@pytest.mark.parametrize(
    "audit, values, words",
    [
        ("gain_error_db", (0.0, 6.0), "6.0 dB louder or softer"),
        ("delay_ms", (0.0, 10.0), "10.0 ms beside"),
        ("inverted", (0.0, 1.0), "on 100 % of the items"),
        ("clipped_share", (0.0, 0.02), "2.00 % of its samples"),
        ("muted_share", (0.0, 0.2), "20.0 % of the speech"),
    ],
)
def test_audits_are_put_into_words(audit, values, words):
    [(sign, text)] = flags_of(**{audit: values})
    assert sign == "odd output"
    assert words in text


def test_what_the_input_has_too_is_not_the_denoisers_doing():
    assert flags_of(delay_ms=(10.0, 10.0), gain_error_db=(6.0, 6.5)) == []


def test_audits_are_no_quality_that_could_disagree():
    assert [sign for sign, _ in flags_of(pesq_wb=(1.5, 1.7), gain_error_db=(0.0, 6.0))] == ["odd output"]


def test_a_dc_offset_parts_si_sdr_and_si_snr():
    both = {"si_sdr": (5.0, 9.0), "si_snr": (5.05, 9.5)}
    [line] = warn_of_offset(table(**both))
    assert line.startswith("si_sdr and si_snr differ on average for net (0.5 dB): these outputs have a DC offset")
    [line] = warn_of_offset(table(si_sdr=(5.0, 9.0), si_snr=(5.4, 9.5)))
    assert "for noisy (0.4 dB), net (0.5 dB): the signals of the corpus have a DC offset" in line
    assert warn_of_offset(table(si_sdr=(5.0, 9.0), si_snr=(5.05, 9.05))) == []
    assert warn_of_offset(table(si_sdr=(5.0, 9.0))) == []


def test_the_offset_of_signals_is_what_is_warned_of():
    generator = np.random.default_rng(0)
    clean = 0.1 * generator.normal(size=16_000)
    found = {}
    for offset in (0.0, 0.05):
        noisy = clean + 0.05 * generator.normal(size=16_000) + offset
        cells = score_all(["si_sdr", "si_snr"], clean, noisy, 16_000)
        value = {metric: cell.value for metric, cell in cells.items()}
        found[offset] = warn_of_offset(table(**{metric: (number, number) for metric, number in value.items()}))
    assert found[0.0] == []
    assert len(found[0.05]) == 1
