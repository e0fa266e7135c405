import numpy as np
import pytest
from pydantic import ValidationError

from percepkit.synth.degradations.quantisation import Quantisation, apply

RATE = 48_000


@pytest.mark.parametrize("bits", range(5, 17))
def test_snr_of_a_full_scale_sine_is_the_closed_form(bits: int) -> None:
    step = 2.0 ** (1 - bits)
    t = np.arange(RATE) / RATE
    x = ((1 - step) * np.sin(2 * np.pi * 997.3 * t)).astype(np.float32)  # the highest code is one step below 1
    measured = apply(x, RATE, Quantisation(bits=bits), 0).measured
    wanted_db = 20 * np.log10(2) * bits + 10 * np.log10(1.5) + 20 * np.log10(1 - step)
    assert measured["snr_db"] == pytest.approx(wanted_db, abs=0.3)


@pytest.mark.parametrize("bits", range(2, 17))
def test_every_value_is_a_code_within_half_a_step(bits: int) -> None:
    step = 2.0 ** (1 - bits)
    x = np.linspace(-1, 1 - step, 5_001, dtype=np.float32)
    degraded = apply(x, RATE, Quantisation(bits=bits), 0)
    codes = degraded.signal.astype(np.float64) / step
    np.testing.assert_array_equal(codes, np.rint(codes))
    assert np.abs(degraded.signal.astype(np.float64) - x).max() <= step / 2
    assert len(np.unique(codes)) <= 2**bits
    assert degraded.clipped is not None
    assert not degraded.clipped.any()


def test_16_bits_are_those_of_a_pcm_file() -> None:
    codes = np.array([-32_768, -1, 0, 1, 32_767])
    x = (codes / 32_768).astype(np.float32)
    np.testing.assert_array_equal(apply(x, RATE, Quantisation(bits=16), 0).signal, x)


def test_samples_beyond_full_scale_are_limited_and_marked() -> None:
    x = np.float32([-1.5, -1.0, 0.99, 1.2])
    degraded = apply(x, RATE, Quantisation(bits=8), 0)
    np.testing.assert_array_equal(degraded.signal, np.float32([-1, -1, 127 / 128, 127 / 128]))
    assert degraded.clipped is not None
    assert degraded.clipped.tolist() == [True, False, False, True]


@pytest.mark.parametrize("bits", [1, 17, 7.5])
def test_refuses_other_word_lengths(bits: float) -> None:
    with pytest.raises(ValidationError, match="bits"):
        Quantisation.model_validate({"bits": bits})
