"""The machinery of gain methods, with rules whose effect is known."""

import numpy as np
import pytest
from scipy.signal import lfilter

from percepkit.baselines.denoiser import Spec
from percepkit.baselines.spectral import SpectralDenoiser


class Constant:
    """The same gain everywhere."""

    def __init__(self, gain):
        self.gain = gain

    def gains(self, power):
        return np.full(power.shape, self.gain)


class Smoothed:
    """First-order smoothing over frames of what a frame's level says: feels any frame lost or doubled."""

    def __init__(self, grid):
        self.state = np.zeros((1, grid.n_bins))

    def gains(self, power):
        smooth, self.state = lfilter([0.1], [1, -0.9], power, axis=0, zi=self.state)
        return smooth / (smooth + 1)


def denoiser(rule):
    return SpectralDenoiser(Spec(name="test", summary="A test.", causal=True), rule)


@pytest.mark.parametrize("gain", [0.0, 0.25, 1.0])
def test_constant_gain_scales(gain):
    noisy = np.random.default_rng(0).standard_normal(1_001)
    made = denoiser(lambda grid: Constant(gain))
    assert np.allclose(made(noisy, 16_000), gain * noisy, atol=1e-12)
    stream = made.stream(16_000)
    late = np.concatenate([stream.process(noisy[:333]), stream.process(noisy[333:]), stream.flush()])
    assert np.allclose(late[319:], gain * noisy, atol=1e-12)


def test_every_channel_starts_afresh():
    noisy = np.random.default_rng(1).standard_normal(3_000)
    made = denoiser(Smoothed)
    assert np.array_equal(made(noisy, 8_000), made(noisy, 8_000))
    assert np.array_equal(made.stream(8_000).process(noisy), made.stream(8_000).process(noisy))


def test_rule_sees_each_frame_once_and_in_order_on_a_stream():
    noisy = np.random.default_rng(2).standard_normal(5_000)
    made = denoiser(Smoothed)
    stream = made.stream(44_100)
    late = np.concatenate([*(stream.process(block) for block in np.array_split(noisy, 17)), stream.flush()])
    assert np.allclose(late[made.latency_samples(44_100) :], made(noisy, 44_100), atol=1e-12)


def test_flush_keeps_the_dtype_of_the_blocks():
    stream = denoiser(Smoothed).stream(16_000)
    assert stream.process(np.ones(10, np.float32)).dtype == np.float32
    assert stream.flush().dtype == np.float32


def test_latency_is_a_frame_less_a_sample():
    made = denoiser(Smoothed)
    assert [made.latency_samples(rate) for rate in (8_000, 16_000, 44_100)] == [159, 319, 881]
