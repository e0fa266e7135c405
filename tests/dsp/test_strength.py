"""Strengths: the mix has the coherence of clean speech wherever a mix can have it, and nothing is ever NaN."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.dsp.comb import comb_weights
from percepkit.dsp.erb import band_energy, band_product, layout
from percepkit.dsp.strength import Coherences, measure_coherences, solve_strength

BANDS = layout(48_000)
HANN = np.array([[1 / 6, 1 / 8]])  # centre weight and noise gain of the comb of 11 taps


def spectra(seed, noise, frames=4):
    """Random clean, noisy, periodic and combed spectra that share a periodic part."""
    rng = np.random.default_rng(seed)

    def white():
        return rng.standard_normal((frames, 481)) + 1j * rng.standard_normal((frames, 481))

    p, aperiodic, n = white(), 0.5 * white(), noise * white()
    return (
        p + aperiodic,
        p + aperiodic + n,
        p + 0.1 * white(),
        p + 0.35 * n + 0.35 * aperiodic + 0.1 * white(),
    )


def coherence_of_mix(r, noisy, periodic, combed):
    """Mix every band with its own strength and weights, and measure."""
    product = (1 - r) * band_product(periodic, noisy, BANDS) + r * band_product(periodic, combed, BANDS)
    cross = band_product(noisy, combed, BANDS)
    energy = (1 - r) ** 2 * band_energy(noisy, BANDS) + 2 * r * (1 - r) * cross + r**2 * band_energy(combed, BANDS)
    return product / np.sqrt(band_energy(periodic, BANDS) * energy)


def random_coherences(n, seed):
    """Coherences that four signals can really have, of all signs, each of shape (n, 1)."""
    rng = np.random.default_rng(seed)
    p, x, y, c = rng.standard_normal((4, n, 3))
    common = rng.exponential(1.0, (3, n, 1))
    x, y, c = (v + share * p for v, share in zip((x, y, c), common, strict=True))
    c = c + rng.exponential(0.5, (n, 1)) * y

    def coherence(a, b):
        return (np.sum(a * b, 1) / np.sqrt(np.sum(a * a, 1) * np.sum(b * b, 1)))[:, None]

    ratio = np.sqrt(np.sum(c * c, 1) / np.sum(y * y, 1))[:, None]
    return Coherences(coherence(p, x), coherence(p, y), coherence(p, c), coherence(y, c), ratio, ratio > 0)


def reach(q, r):
    """Coherence of mixes with strengths ``r``, from coherences alone."""
    u = r * q.ratio
    return ((1 - r) * q.noisy + u * q.combed) / np.sqrt((1 - r) ** 2 + 2 * (1 - r) * u * q.cross + u**2)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 5))
def test_the_mix_is_as_coherent_as_clean_speech(seed, noise):
    clean, noisy, periodic, combed = spectra(seed, noise)
    q = measure_coherences(clean, noisy, periodic, combed, BANDS)
    strength, attenuation = solve_strength(q, np.repeat(HANN, 4, axis=0))
    solved = (strength > 0) & (attenuation == 1)
    coherence = coherence_of_mix(strength, noisy, periodic, combed)
    assert np.abs(coherence - q.clean)[solved].max(initial=0) < 1e-6
    assert (strength[q.noisy >= q.clean] == 0).all()


def test_a_root_is_found_wherever_there_is_one():
    q = random_coherences(40_000, seed=5)
    strength, attenuation = solve_strength(q, np.repeat(HANN, 40_000, axis=0))
    needed = (q.clean > 0) & (q.noisy < q.clean)
    # A second opinion: the coherences of many mixes, and whether they pass that of the clean speech.
    sweep = np.stack([reach(q, r) for r in np.linspace(0, 1, 1001)])
    exists = needed & (sweep.max(axis=0) >= q.clean)
    error = np.abs(reach(q, strength) - q.clean)
    assert exists.sum() > 5000
    assert error[exists].max() < 1e-6
    # Of two roots the one that filters less.
    first = np.argmax(sweep >= q.clean, axis=0)[exists]
    assert (strength[exists] <= first / 1000 + 1e-9).all()
    # Without a root, no mix comes nearer.
    none = needed & ~exists
    assert none.sum() > 1000
    assert (reach(q, strength)[none] >= sweep.max(axis=0)[none] - 1e-9).all()
    # Strictly below, lest a root that touches is counted as missing.
    short = none & (sweep.max(axis=0) < q.clean - 1e-5)
    assert (attenuation[short] < 1).all()
    assert (attenuation[exists] == 1).all()
    assert not strength[~needed].any()


def test_the_root_is_exact_up_to_full_coherence():
    # Not capped at 1 - 1e-4 as peers do: nearly clean speech keeps its own coherence.
    one = np.ones((1, 1))
    q = Coherences((1 - 1e-9) * one, 0.9 * one, one, 0.93 * one, one, one > 0)
    r = solve_strength(q, HANN)[0]
    assert reach(q, r).item() == pytest.approx(1 - 1e-9, abs=1e-13)


def test_degenerate_quadratics_have_their_limit():
    # a = 0 exactly, and a -> 0 from both sides with either sign of b.
    one = np.ones((1, 1))
    for combed in (0.8, 0.8 - 1e-13, 0.8 + 1e-13):
        for cross in (0.4, 0.74, 0.9):
            q = Coherences(0.8 * one, 0.6 * one, combed * one, cross * one, one, one > 0)
            strength, attenuation = solve_strength(q, HANN)
            assert 0 < strength.item() <= 1
            assert abs(reach(q, strength).item() - 0.8) < 1e-6
            assert attenuation.item() == pytest.approx(1, abs=1e-6)


def test_the_published_formula_and_what_it_neglects():
    # Where y and p^ are related through p only, and equally loud, the published formula is the exact root.
    rng = np.random.default_rng(3)
    noisy = rng.uniform(0.2, 0.9, (500, 1))
    combed = noisy / np.sqrt(0.875 * noisy**2 + 0.125)
    clean = noisy + rng.uniform(0, 1, (500, 1)) * (combed - noisy)
    q = Coherences(clean, noisy, combed, noisy * combed, np.ones((500, 1)), np.ones((500, 1), bool))
    gains = np.repeat(HANN, 500, axis=0)
    published = solve_strength(q, gains, rule="published")[0]
    np.testing.assert_allclose(published, solve_strength(q, gains)[0], atol=1e-9)
    # It filters too little where p^ holds some of the noise of y, as any comb filter's output does.
    w0 = comb_weights()[5]
    shared = (noisy * combed + w0 * np.sqrt((1 - noisy**2) * (1 - combed**2) / 0.125)).clip(-1, 1)
    real = Coherences(clean, noisy, combed, shared, np.ones((500, 1)), np.ones((500, 1), bool))
    assert (solve_strength(real, gains, rule="published")[0] < solve_strength(real, gains)[0] + 1e-12).all()


def test_white_noise_form_is_the_exact_root_for_white_noise():
    # p of one period repeated, y = p + white noise, p^ = p + the comb of that noise: all known in the mean.
    w0, s = HANN[0]
    rng = np.random.default_rng(4)
    noisy = rng.uniform(0.2, 0.95, (500, 1))
    noise = np.sqrt(1 / noisy**2 - 1)  # relative to p
    loud = np.sqrt(1 + s * noise**2)
    combed = 1 / loud
    cross = (1 + w0 * noise**2) / (np.sqrt(1 + noise**2) * loud)
    clean = noisy + rng.uniform(0, 1, (500, 1)) * (combed - noisy)
    ratio = loud / np.sqrt(1 + noise**2)
    q = Coherences(clean, noisy, combed, cross, ratio, ratio > 0)
    gains = np.repeat(HANN, 500, axis=0)
    strength, attenuation = solve_strength(q, gains, rule="white-noise")
    np.testing.assert_allclose(strength, solve_strength(q, gains)[0], atol=1e-9)
    assert (attenuation == 1).all()
    # What white noise cannot reach is attenuated: up to 15.4 dB.
    beyond = Coherences(np.ones((1, 1)), np.zeros((1, 1)), *(np.full((1, 1), v) for v in (0.0, 1 / 6, 0.35)),
                        np.ones((1, 1), bool))  # fmt: skip
    for rule in ("exact", "published", "white-noise"):
        strength, attenuation = solve_strength(beyond, HANN, rule=rule)
        assert 20 * np.log10(attenuation.item()) == pytest.approx(-15.36, abs=0.01)


@settings(max_examples=300)
@given(
    st.lists(st.floats(-1.5, 1.5), min_size=4, max_size=4),
    st.floats(0, 1e6),
    st.booleans(),
    st.sampled_from(["exact", "published", "white-noise"]),
)
def test_any_coherences_give_finite_bounded_values(values, ratio, valid, rule):
    qx, qy, qp, qyp = (np.clip([[q]], -1, 1) for q in values)
    q = Coherences(qx, qy, qp, qyp, np.array([[ratio]]), np.array([[valid]]))
    strength, attenuation = solve_strength(q, HANN, rule=rule)
    assert 0 <= strength.item() <= 1
    assert 10 ** (-15.5 / 20) < attenuation.item() <= 1


def test_unknown_rules_are_refused():
    q = random_coherences(1, seed=0)
    with pytest.raises(ValueError, match="no rule is called 'paper'; choose from exact, published, white-noise"):
        solve_strength(q, HANN, rule="paper")


def test_silence_is_marked_and_harmless():
    silent = np.zeros((2, 481), complex)
    q = measure_coherences(silent, silent, silent, silent, BANDS)
    strength, attenuation = solve_strength(q, np.repeat(HANN, 2, axis=0))
    assert not q.valid.any()
    assert not strength.any()
    assert (attenuation == 1).all()
