"""ERB bands: a partition of unity at any rate, energies and interpolation by the same weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.dsp import erb

RATES = [8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000]


def weights(sample_rate):
    """The layout as a dense matrix, from its definition."""
    bands = erb.layout(sample_rate)
    dense = np.zeros((erb.N_BANDS, len(bands.first)))
    bins = np.arange(len(bands.first))
    dense[bands.first, bins] += 1 - bands.weight
    dense[np.minimum(bands.first + 1, erb.N_BANDS - 1), bins] += bands.weight
    return dense


@pytest.mark.parametrize("sample_rate", RATES)
def test_weights_are_triangles_that_sum_to_one(sample_rate):
    dense, bands = weights(sample_rate), erb.layout(sample_rate)
    np.testing.assert_allclose(dense.sum(axis=0), 1, atol=1e-7)
    assert dense.min() >= 0
    assert not dense[~bands.mask].any()
    assert (dense[bands.mask].max(axis=1) > 0.5).all()


def test_layout_at_48_khz_is_the_published_one():
    dense = weights(48_000)
    knots = [0, 2, 4, 6, 8, 10, 12, 15, 18, 21, 24, 28, 32, 36, 41, 47, 53, 60, 68, 77, 87, 98, 110, 124, 140, 157,
             176, 198, 223, 251, 282, 317, 356, 400]  # fmt: skip
    assert [int(b) for b in (dense == 1).argmax(axis=1)] == knots
    # Triangles reach zero at their neighbours' peaks.
    for band in range(1, 33):
        assert dense[band, knots[band - 1]] == 0
        assert dense[band, knots[band + 1]] == 0
        assert dense[band, (knots[band] + knots[band + 1]) // 2] > 0


@given(st.sampled_from(RATES), st.integers(0, 2**32 - 1))
def test_energy_equals_the_matrix_product(sample_rate, seed):
    rng = np.random.default_rng(seed)
    bands = erb.layout(sample_rate)
    shape = (3, len(bands.first))
    a, b = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape) for _ in range(2))
    np.testing.assert_allclose(erb.band_energy(a, bands), np.abs(a) ** 2 @ weights(sample_rate).T, rtol=1e-6)
    expected = (a.conj() * b).real @ weights(sample_rate).T
    np.testing.assert_allclose(erb.band_product(a, b, bands), expected, atol=1e-5)


@given(st.sampled_from(RATES), st.integers(0, 2**32 - 1))
def test_interpolation_is_the_transpose(sample_rate, seed):
    gains = np.random.default_rng(seed).uniform(size=(2, erb.N_BANDS))
    dense = weights(sample_rate)
    np.testing.assert_allclose(erb.interpolate(gains, erb.layout(sample_rate)), gains @ dense, atol=1e-6)


def test_a_frame_does_not_depend_on_its_neighbours():
    rng = np.random.default_rng(1)
    bands = erb.layout(48_000)
    spectrum = (rng.standard_normal((50, 481)) + 1j).astype(np.complex64)
    whole = erb.band_energy(spectrum, bands)
    for frame in (0, 7, 49):
        np.testing.assert_array_equal(erb.band_energy(spectrum[frame : frame + 1], bands)[0], whole[frame])
