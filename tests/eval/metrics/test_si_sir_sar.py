"""SI-SIR and SI-SAR against an own projection by least squares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.eval.metrics import score_all

NAMES = ["si_sir", "si_sar", "si_sdr"]
SPEECH, NOISE, ARTEFACT = np.random.default_rng(0).standard_normal((3, 5_000))


def values(reference, estimate, noise):
    outcomes = score_all(NAMES, reference, estimate, 16_000, noise=noise)
    return {name: outcome.value for name, outcome in outcomes.items()}


@given(
    gains=st.tuples(st.floats(-2, 2), st.floats(0.01, 2), st.floats(0.01, 2)),
    correlation=st.floats(-0.9, 0.9),
    level=st.sampled_from([1e-100, 1.0, 1e100]),
)
def test_values_are_those_of_least_squares(gains, correlation, level):
    noise = NOISE + correlation * SPEECH
    estimate = (1 + gains[0]) * SPEECH + gains[1] * noise + gains[2] * ARTEFACT
    both = np.stack([SPEECH, noise], axis=1)
    span = both @ np.linalg.lstsq(both, estimate)[0]
    target = (estimate @ SPEECH) / (SPEECH @ SPEECH) * SPEECH
    interference, artefacts = span - target, estimate - span
    found = values(SPEECH, level * estimate, noise / level)
    assert found["si_sir"] == pytest.approx(10 * np.log10(np.sum(target**2) / np.sum(interference**2)), abs=1e-6)
    assert found["si_sar"] == pytest.approx(10 * np.log10(np.sum(span**2) / np.sum(artefacts**2)), abs=1e-6)


def test_both_together_are_the_si_sdr():
    estimate = SPEECH + 0.3 * NOISE + 0.1 * ARTEFACT
    found = {name: 10 ** (-value / 10) for name, value in values(SPEECH, estimate, NOISE).items()}
    # 1/SDR = 1/SIR + (1 + 1/SIR) / SAR: the parts are orthogonal.
    assert found["si_sdr"] == pytest.approx(found["si_sir"] + (1 + found["si_sir"]) * found["si_sar"])


def test_parts_that_are_missing_are_infinite_one_by_one():
    noisy = SPEECH + 0.5 * NOISE
    outcomes = score_all(NAMES[:2], SPEECH, noisy, 16_000, noise=NOISE)
    assert [outcome.status for outcome in outcomes.values()] == ["ok", "infinite"]
    outcomes = score_all(NAMES[:2], SPEECH, SPEECH.copy(), 16_000, noise=NOISE)
    assert [outcome.status for outcome in outcomes.values()] == ["infinite", "infinite"]
    orthogonal = NOISE - NOISE @ SPEECH / (SPEECH @ SPEECH) * SPEECH
    outcomes = score_all(NAMES[:2], SPEECH, orthogonal, 16_000, noise=NOISE)
    assert "-inf" in outcomes["si_sir"].reason
