import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.dsp.coloured import white
from percepkit.synth.degradations.dc_offset import DcOffset, apply

X = (0.1 * white(4_000, 16_000, 3)).astype(np.float32)


@given(st.floats(-10, 10), st.floats(1e-3, 10))
def test_offset_is_the_wanted_part_of_the_rms(offset_to_rms: float, gain: float) -> None:
    x = X * np.float32(gain)
    degraded = apply(x, 16_000, DcOffset(offset_to_rms=offset_to_rms), 0)
    rms = float(np.sqrt(np.mean(x.astype(np.float64) ** 2)))
    assert degraded.measured["offset"] == pytest.approx(offset_to_rms * rms)
    np.testing.assert_allclose(degraded.signal - x, offset_to_rms * rms, atol=4e-6 * gain)


def test_it_is_not_linear() -> None:
    offset = DcOffset(offset_to_rms=1)
    apart = apply(X, 16_000, offset, 0).signal + apply(-X, 16_000, offset, 0).signal
    assert np.abs(apart).max() > 0.1
    assert not apply(X - X, 16_000, offset, 0).signal.any()
