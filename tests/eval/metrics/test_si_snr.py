"""SI-SNR: the SI-SDR without the means."""

import numpy as np
import pytest

from percepkit.eval.metrics import score_all

SPEECH, NOISE = np.random.default_rng(0).standard_normal((2, 4_000))


@pytest.mark.parametrize("offset", [0.0, 0.5, -30.0])
def test_means_of_both_play_no_role(offset):
    centred = [x - x.mean() for x in (SPEECH, SPEECH + 0.3 * NOISE)]
    expected = score_all(["si_sdr"], *centred, 16_000)["si_sdr"].value
    values = score_all(["si_snr", "si_sdr"], SPEECH + 0.1, 5 * (SPEECH + 0.3 * NOISE) + offset, 16_000)
    assert values["si_snr"].value == pytest.approx(expected, abs=1e-9)
    assert abs(offset) < 1 or values["si_sdr"].value < expected - 10


def test_value_is_the_closed_form():
    x, y = SPEECH - SPEECH.mean(), NOISE + SPEECH
    r = np.corrcoef(x, y)[0, 1]
    expected = 10 * np.log10(r**2 / (1 - r**2))
    assert score_all(["si_snr"], SPEECH, y, 16_000)["si_snr"].value == pytest.approx(expected, abs=1e-9)


def test_constants_hold_no_signal():
    constant = np.full(4_000, 0.3)
    assert score_all(["si_snr"], constant, NOISE, 16_000)["si_snr"].status == "silent_reference"
    assert score_all(["si_snr"], SPEECH, constant, 16_000)["si_snr"].status == "silent_estimate"
    assert score_all(["si_snr"], SPEECH[:1], NOISE[:1], 16_000)["si_snr"].status == "too_short"
    assert score_all(["si_snr"], SPEECH, 3 * SPEECH + 1, 16_000)["si_snr"].status == "infinite"
