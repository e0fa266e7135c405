"""Strengths: the mix has the coherence of clean speech wherever a mix can have it, and nothing is ever NaN."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.dsp.erb import band_energy, band_product, layout
from percepkit.dsp.strength import Coherences, measure_coherences, solve_strength

BANDS = layout(48_000)


def spectra(seed, noise):
    """Random clean, noisy, periodic and combed spectra that share a periodic part."""
    rng = np.random.default_rng(seed)

    def white():
        return rng.standard_normal((4, 481)) + 1j * rng.standard_normal((4, 481))

    p, aperiodic, n = white(), 0.5 * white(), noise * white()
    return (
        p + aperiodic,
        p + aperiodic + n,
        p + 0.1 * white(),
        p + 0.35 * n + 0.35 * aperiodic + 0.1 * white(),
    )


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 5))
def test_the_mix_is_as_coherent_as_clean_speech(seed, noise):
    clean, noisy, periodic, combed = spectra(seed, noise)
    q = measure_coherences(clean, noisy, periodic, combed, BANDS)
    strength, attenuation = solve_strength(q)
    solved = (strength > 0) & (strength < 1)
    # Mix every band with its own strength and weights, and measure the coherence again.
    norm = lambda s: np.sqrt(band_energy(s, BANDS))  # noqa: E731
    r = strength
    product = (1 - r) * band_product(periodic, noisy, BANDS) + r * band_product(periodic, combed, BANDS)
    cross = band_product(noisy, combed, BANDS)
    energy = (1 - r) ** 2 * norm(noisy) ** 2 + 2 * r * (1 - r) * cross + r**2 * norm(combed) ** 2
    coherence = product / (norm(periodic) * np.sqrt(energy))
    assert np.abs(coherence - q.clean)[solved].max(initial=0) < 1e-6
    assert (strength[q.noisy >= q.clean] == 0).all()
    assert (attenuation[strength < 1] == 1).all()


@settings(max_examples=200)
@given(st.lists(st.floats(-1.5, 1.5), min_size=4, max_size=4), st.floats(0, 1e6), st.booleans())
def test_any_coherences_give_finite_bounded_values(values, ratio, valid):
    qx, qy, qp, qyp = values
    top = 1 - 1e-4
    qx, qy, qp, qyp = (np.clip([[q]], -top, top) for q in (qx, qy, qp, qyp))
    q = Coherences(qx, qy, qp, qyp, np.array([[ratio]]), np.array([[valid]]))
    strength, attenuation = solve_strength(q)
    assert 0 <= strength.item() <= 1
    assert 10 ** (-15.5 / 20) < attenuation.item() <= 1


def test_no_mix_may_beat_a_saturated_strength_by_being_exact():
    # Saturated bands are those where no mix with r in [0, 1] reaches the coherence of the clean speech.
    rng = np.random.default_rng(5)
    qx = rng.uniform(0, 1 - 1e-4, 20_000)
    qy, qp = rng.uniform(-0.5, 1 - 1e-4, (2, 20_000))
    qyp = np.clip(qy * qp + 0.3 * rng.standard_normal(20_000), -0.99, 0.99)
    shape = (20_000, 1)
    q = Coherences(*(v.reshape(shape) for v in (qx, qy, qp, qyp)), np.ones(shape), np.ones(shape, bool))
    strength, _ = solve_strength(q)
    u = np.concatenate([np.geomspace(1e-4, 1e4, 400), [1e9]])
    reach = (qy[:, None] + u * qp[:, None]) / np.sqrt(np.maximum(1 + 2 * u * qyp[:, None] + u**2, 1e-12))
    reach = np.maximum(reach.max(axis=1), qy)
    saturated = strength[:, 0] == 1
    assert saturated.sum() > 1000
    assert (reach[saturated] < qx[saturated] + 1e-3).all()


def test_silence_is_marked_and_harmless():
    silent = np.zeros((2, 481), complex)
    q = measure_coherences(silent, silent, silent, silent, BANDS)
    strength, attenuation = solve_strength(q)
    assert not q.valid.any()
    assert not strength.any()
    assert (attenuation == 1).all()
