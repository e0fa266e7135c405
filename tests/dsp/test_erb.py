"""ERB bands: a partition of unity at any rate, energies and interpolation by the same weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.dsp import erb

RATES = [8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000]


def weights(sample_rate, name="rnnoise"):
    """The layout as a dense matrix, from its definition."""
    bands = erb.layout(sample_rate, name)
    dense = np.zeros((len(bands), len(bands.first)))
    bins = np.arange(len(bands.first))
    dense[bands.first, bins] += 1 - bands.weight
    dense[np.minimum(bands.first + 1, len(bands) - 1), bins] += bands.weight
    return dense


@pytest.mark.parametrize("name", erb.LAYOUTS)
@pytest.mark.parametrize("sample_rate", RATES)
def test_weights_sum_to_one_and_reach_their_band(sample_rate, name):
    dense, bands = weights(sample_rate, name), erb.layout(sample_rate, name)
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
    gains = np.random.default_rng(seed).uniform(size=(2, 34))
    dense = weights(sample_rate)
    np.testing.assert_allclose(erb.interpolate(gains, erb.layout(sample_rate)), gains @ dense, atol=1e-6)


def test_a_frame_does_not_depend_on_its_neighbours():
    rng = np.random.default_rng(1)
    bands = erb.layout(48_000)
    spectrum = (rng.standard_normal((50, 481)) + 1j).astype(np.complex64)
    whole = erb.band_energy(spectrum, bands)
    for frame in (0, 7, 49):
        np.testing.assert_array_equal(erb.band_energy(spectrum[frame : frame + 1], bands)[0], whole[frame])


def test_erb_rate_layout_is_that_of_the_open_percepnet():
    # Knots of the open C++ code, in bins of 50 Hz.
    knots = [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 31, 36, 41, 48, 56, 65, 75, 86, 99, 115, 132,
             152, 175, 201, 230, 265, 304, 349, 400]  # fmt: skip
    np.testing.assert_array_equal(erb.layout(48_000, "erb-rate").knots_hz / 50, knots)


def test_rectangular_layout_is_that_of_deepfilternet():
    widths = [2] * 13 + [5, 5, 7, 7, 8, 10, 12, 13, 15, 18, 20, 24, 28, 31, 37, 42, 50, 56, 67]
    dense = weights(48_000, "rectangular")
    np.testing.assert_array_equal(dense.sum(axis=1), widths)
    assert set(np.unique(dense)) == {0.0, 1.0}


@pytest.mark.parametrize("n_bands", [4, 16, 64])
def test_the_number_of_bands_can_be_chosen(n_bands):
    for name in ("erb-rate", "rectangular"):
        bands = erb.layout(48_000, name, n_bands=n_bands)
        assert len(bands) == n_bands == bands.mask.sum()
        assert (np.diff(bands.knots_hz) >= 100).all()
    # Equal steps of the ERB rate wherever a step is wider than the bins.
    wide = erb.layout(48_000, "erb-rate", n_bands=16).knots_hz
    steps = np.diff([erb.erb_rate(f) for f in wide])
    np.testing.assert_allclose(steps, erb.erb_rate(20_000) / 15, atol=0.6)


def test_bands_lie_at_the_same_frequencies_for_any_frame_length():
    for hop in (240, 480, 960):
        bands = erb.layout(48_000, hop=hop)
        frequency = np.arange(hop + 1) * 24_000 / hop
        np.testing.assert_allclose(np.interp(1000.0, frequency, bands.first + bands.weight), 8 + 2 / 3, atol=1e-6)


def test_unknown_layouts_and_impossible_numbers_are_refused():
    with pytest.raises(ValueError, match="no band layout is called 'mel'; choose from rnnoise, erb-rate, rect"):
        erb.layout(16_000, "mel")
    with pytest.raises(ValueError, match="rnnoise has 34 bands, asked for 20; use erb-rate"):
        erb.layout(16_000, n_bands=20)
    with pytest.raises(ValueError, match="erb-rate takes 2 to 200 bands, asked for 300"):
        erb.layout(16_000, "erb-rate", n_bands=300)
