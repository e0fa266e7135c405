"""Every metric keeps the contract: typed outcomes, declared invariances, repeatable values."""

import math

import numpy as np
import pytest

from percepkit.eval.metrics import MetricSpec, Panel, Unscorable, _interface, load, names, score_all

RATE = 16_000


def speech_like(seed=0, seconds=1.5):
    generator = np.random.default_rng(seed)
    n_samples = int(seconds * RATE)
    envelope = np.clip(np.sin(2 * np.pi * 3 * np.arange(n_samples) / RATE) + 0.3, 0, None)
    harmonics = sum(np.sin(2 * np.pi * 140 * k * np.arange(n_samples) / RATE) / k for k in range(1, 25))
    x = envelope * (harmonics + 0.3 * generator.standard_normal(n_samples)) * 0.1
    return (x + 1e-4 * generator.standard_normal(n_samples)).astype(np.float32)


CLEAN = speech_like()
NOISY = CLEAN + 0.05 * np.random.default_rng(9).standard_normal(len(CLEAN)).astype(np.float32)
NOISE = NOISY - CLEAN
ARTEFACT = 0.1 * np.roll(NOISE, 1234)
# All that two signals are enough for; what needs real speech and an extra has tests of its own.
SIGNALS = [
    name for name in names() if load(name).SPEC.needs not in {"gains", "room"} and not load(name).SPEC.packages
]
AUDITS = {"delay_ms", "inverted", "clipped_share", "muted_share"}  # noise alone does not make them worse
SAMPLES = {"sdr", "si_sdr", "si_snr", "si_sir", "si_sar"}  # metrics that take any number of samples but one


def with_nan(x):
    x = x.copy()
    x[100] = np.nan
    return x


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize(
    "reference, estimate, status",
    [
        (CLEAN, NOISY, "ok"),
        (CLEAN * 0, NOISY, "silent_reference"),
        (CLEAN, NOISY * 0, "silent_estimate"),
        (CLEAN * 0, NOISY * 0, "silent_reference"),
        (with_nan(CLEAN), NOISY, "nonfinite"),
        (CLEAN, with_nan(NOISY), "nonfinite"),
        (CLEAN, NOISY[:-1], "length_mismatch"),
        (CLEAN, NOISY[:0], "length_mismatch"),
    ],
)
def test_bad_signals_become_typed_outcomes(name, reference, estimate, status):
    if load(name).SPEC.needs == "nothing" and status in {"silent_reference", "nonfinite"}:
        status = "ok" if estimate is NOISY else {"silent_reference": "silent_estimate"}.get(status, status)
    outcome = score_all([name], reference, estimate, RATE, noise=NOISE)[name]
    assert outcome.status == status
    assert math.isfinite(outcome.value) == (status == "ok")
    assert bool(outcome.reason) == (status != "ok")


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("n_samples", [0, 1, 100])
def test_shortest_signals_have_a_status(name, n_samples):
    clean, noisy, noise = (x[1000 : 1000 + n_samples] for x in (CLEAN, NOISY + ARTEFACT, NOISE))
    outcome = score_all([name], clean, noisy, RATE, noise=noise)[name]
    empty = "silent_estimate" if load(name).SPEC.needs == "nothing" else "silent_reference"
    assert outcome.status in {"ok", "too_short", empty, "infinite"}
    assert (outcome.status == "ok") == (name in SAMPLES and n_samples == 100)


@pytest.mark.parametrize("name", SIGNALS)
def test_declared_invariances_hold_and_values_lie_in_range(name):
    metric = load(name)
    state = metric.prepare(CLEAN, RATE, **({"noise": NOISE} if metric.SPEC.needs == "noise" else {}))
    estimate = NOISY + ARTEFACT
    before = estimate.copy()
    value = metric.score(state, estimate)[name]
    changed = {"gain": estimate * 0.05, "polarity": -estimate}
    for invariance in metric.SPEC.invariances:
        assert metric.score(state, changed[invariance])[name] == pytest.approx(value, abs=2e-5), invariance
    assert metric.score(state, estimate)[name] == value
    np.testing.assert_array_equal(estimate, before)
    low, high = metric.SPEC.range[name]
    assert low <= value <= high


@pytest.mark.parametrize("name", SIGNALS)
def test_less_noise_scores_better(name):
    values = [
        score_all([name], CLEAN, CLEAN + (NOISE + ARTEFACT) * g, RATE, noise=NOISE)[name].value
        for g in (0.5, 0.1, 0.02)
    ]
    if name in AUDITS:
        np.testing.assert_allclose(values, 0, atol=0.01)
    else:
        assert (np.diff(values) > 0).all() == (load(name).SPEC.better == "higher")
        assert (np.diff(values) < 0).all() == (load(name).SPEC.better == "lower")


@pytest.mark.parametrize("name", names())
def test_description_is_complete(name):
    spec = load(name).SPEC
    assert set(spec.unit) == set(spec.range) == set(spec.names)
    assert spec.version
    assert spec.summary.endswith(".")
    assert spec.source


def test_unknown_metric_lists_the_valid_ones():
    with pytest.raises(ValueError, match=r"unknown metric 'pesq'; valid ones: .*, pesq_nb, pesq_nb_raw, pesq_wb,"):
        load("pesq")


@pytest.mark.parametrize("reference, estimate", [(np.ones((2, 10)), np.ones(10)), (np.ones(10), np.ones((10, 2)))])
def test_two_channels_are_refused(reference, estimate):
    with pytest.raises(ValueError, match="score one channel"):
        score_all(["si_sdr"], reference, estimate, RATE)


@pytest.mark.parametrize(
    "noise, status",
    [
        (None, "no_noise"),
        (NOISE * 0, "silent_noise"),
        (CLEAN * 2, "silent_noise"),
        (with_nan(NOISE), "nonfinite"),
        (NOISE[1:], "length_mismatch"),
    ],
)
def test_metrics_that_need_the_noise_say_what_is_wrong_with_it(noise, status):
    assert [name for name in names() if load(name).SPEC.needs == "noise"] == ["si_sar", "si_sir"]
    outcomes = score_all(["si_sir", "si_sar", "si_sdr"], CLEAN, NOISY, RATE, noise=noise)
    assert [outcome.status for outcome in outcomes.values()] == [status, status, "ok"]


class Broken:
    SPEC = MetricSpec(
        names=("good", "bad"),
        version="1",
        summary=".",
        source=".",
        unit={},
        range={},
        invariances=frozenset(),
    )

    def prepare(self, reference, sample_rate):
        return None

    def score(self, state, estimate):
        if estimate[0] < 0:
            raise KeyError("two\nlines")
        return {"good": 1.0, "bad": math.nan}


def test_third_party_metric(monkeypatch):
    broken = Broken()
    monkeypatch.setattr(_interface, "_registry", lambda: {"good": broken, "bad": broken})
    panel = Panel(["good", "bad"], CLEAN, RATE)
    outcomes = panel.score(np.array([1.0]))
    assert (outcomes["good"].status, outcomes["bad"].status) == ("ok", "backend_error")
    assert outcomes["bad"].reason == "the metric returned nan"
    outcomes = panel.score(np.array([-1.0]))
    assert outcomes["good"].status == "backend_error"
    assert outcomes["good"].reason == "KeyError: 'two\\nlines'"


def test_entry_points_register_and_cannot_take_a_name(monkeypatch):
    class Point:
        def load(self):
            return Broken()

    monkeypatch.setattr(
        _interface, "entry_points", lambda group: [Point()] if group == "percepkit.metrics" else []
    )
    assert "good" in _interface._registry.__wrapped__()
    monkeypatch.setattr(_interface, "entry_points", lambda group: [Point(), Point()])
    with pytest.raises(ValueError, match="two metrics are named 'good'"):
        _interface._registry.__wrapped__()


def test_status_must_be_known():
    with pytest.raises(ValueError, match="unknown status 'odd'; valid ones: ok, silent_reference"):
        Unscorable("odd", "")
