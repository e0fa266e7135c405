from dataclasses import replace

import numpy as np
import pytest

from percepkit.baselines.dnn.features import compute
from percepkit.baselines.dnn.features import make as make_features
from percepkit.baselines.dnn.frames import Frames
from percepkit.baselines.dnn.objectives import OBJECTIVES, make
from percepkit.dsp.comb import comb_frames
from percepkit.dsp.percepnet import compute_targets
from percepkit.dsp.pitch import track_pitch
from percepkit.dsp.reconstruct import apply_targets
from percepkit.dsp.stft import analyse, analyse_frames, synthesise

RATE, HOP = 16_000, 160


@pytest.fixture(scope="module")
def item(voice):
    clean = voice(RATE, 0.5, 150.0)[0]
    noisy = clean + 0.03 * np.random.default_rng(1).standard_normal(len(clean))
    return clean, noisy


@pytest.fixture(scope="module")
def frames(item):
    """Frames whose comb follows the pitch of the clean speech, as targets assume."""
    clean, noisy = item
    period = track_pitch(clean, RATE)
    combed = analyse_frames(comb_frames(noisy, period, HOP))
    return replace(compute(make_features("percepnet", RATE), noisy), combed=combed)


def si_sdr(reference, estimate):
    target = reference * (reference @ estimate) / (reference @ reference)
    return 10 * np.log10(np.sum(target**2) / np.sum((estimate - target) ** 2))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_targets_fit_the_heads_and_their_bounds(name, item):
    objective = make(name, RATE)
    values, valid = objective.targets(*item)
    columns = 3 * 161 if name == "fusion-complex" else sum(head.size for head in objective.heads)
    assert values.shape == valid.shape == (51, columns)
    assert values.dtype == np.float32
    assert valid.dtype == bool
    assert valid[:50].any()
    if not name.startswith("fusion"):  # there the outputs are not what is compared
        column = 0
        for head in objective.heads:
            part = values[:, column : column + head.size] / head.scale
            low = {"sigmoid": 0, "softplus": 0, "tanh": -1, "linear": -np.inf}[head.activation]
            assert part.min() >= low
            assert head.activation in ("softplus", "linear") or part.max() <= 1
            column += head.size


@pytest.mark.parametrize("name, least_db", [
    ("ibm", 10), ("irm", 12), ("smm", 12), ("psm", 14), ("noise-mask", 10), ("cirm", 30), ("magnitude", 12),
    ("complex", 60), ("waveform", 60), ("gains", 10.5), ("gains-vad", 10.5), ("gains-strengths", 10.5),
])  # fmt: skip
def test_ideal_outputs_enhance(name, least_db, item, frames):
    clean, noisy = item
    assert si_sdr(clean, noisy) < 10.5
    objective = make(name, RATE)
    enhanced = objective.enhance(objective.targets(clean, noisy)[0], frames)
    signal = (
        enhanced.reshape(-1)[: len(clean)] if objective.domain == "waveform" else synthesise(enhanced, len(clean))
    )
    assert si_sdr(clean, signal) > least_db


def test_strengths_are_applied_as_reconstruct_does(item, frames):
    clean, noisy = item
    objective, targets = make("gains-strengths", RATE), compute_targets(clean, noisy, RATE)
    values, _ = objective.targets(clean, noisy)
    ours = synthesise(objective.enhance(values, frames), len(noisy))
    # Frames without a pitch have a strength of 0, so that their empty comb does not matter.
    assert np.allclose(ours, apply_targets(noisy, targets, RATE), atol=1e-5)


def test_gains_are_applied_as_reconstruct_does(item, frames):
    clean, noisy = item
    targets = compute_targets(clean, noisy, RATE)
    ours = synthesise(
        make("gains", RATE).enhance(make("gains", RATE).targets(clean, noisy)[0], frames), len(noisy)
    )
    assert np.allclose(ours, apply_targets(noisy, targets, RATE, comb=False), atol=1e-6)


@pytest.mark.parametrize("name", ["fusion", "fusion-complex"])
def test_what_fusion_compares_is_the_enhanced_spectrum(name, item, frames):
    clean, noisy = item
    objective = make(name, RATE)
    values, _ = objective.targets(clean, noisy)
    same = Frames(frames.features, analyse(clean, HOP))  # a mask of one leaves clean speech clean
    ones = np.hstack([np.ones((51, 161)), np.zeros((51, 161))]) if name == "fusion-complex" else np.ones((51, 161))
    assert np.allclose(objective.predict(ones, same), values, atol=1e-5)
    assert np.allclose(objective.enhance(ones, same), same.noisy)


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if make(name, RATE).stored])
def test_stored_targets_are_those_of_the_stems(name, item):
    from percepkit.synth.targets import TARGETS

    objective, stored = make(name, RATE), {}
    rendered = _Rendered(*item)
    for table in objective.stored:
        stored[table], stored[f"{table}_valid"] = TARGETS[table](rendered)
    values, valid = objective.stored_targets(stored)
    expected, expected_valid = objective.targets(*item)
    assert np.allclose(values, expected, atol=1e-5)
    assert np.array_equal(valid, expected_valid)


class _Rendered:
    """As much of `percepkit.synth.rendered.Rendered` as tables need."""

    def __init__(self, clean, noisy):
        spectrum, wanted = analyse(noisy, HOP), analyse(clean, HOP)
        self.spectra = wanted, spectrum - wanted, spectrum
        self.percepnet = compute_targets(clean, noisy, RATE)
        self.bins_valid = np.repeat(spectrum.any(axis=1)[:, None], spectrum.shape[1], axis=1)


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name != "waveform"])
def test_silence_is_kept(name):
    frames = Frames(np.zeros((3, 1)), np.zeros((3, 161), complex), np.ones((3, 161), complex))
    outputs = np.full((3, sum(head.size for head in make(name, RATE).heads)), 0.7, np.float32)
    enhanced = make(name, RATE).enhance(outputs, frames)
    assert np.abs(enhanced).max() < 1e-6


@pytest.mark.parametrize("name", OBJECTIVES)
def test_tensors_give_what_arrays_give(name, item, frames):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra dnn)")
    objective = make(name, RATE)
    values, _ = objective.targets(*item)
    outputs = np.clip(values, 0.05, 0.95)[:, : sum(head.size for head in objective.heads)]
    tensors = Frames(*(torch.tensor(x)[None] for x in (frames.features, frames.noisy, frames.combed)))
    leaf = torch.tensor(outputs)[None].requires_grad_()
    for method in ("predict", "enhance"):
        ours = getattr(objective, method)(leaf, tensors)
        assert np.allclose(ours.detach()[0].numpy(), getattr(objective, method)(outputs, frames), atol=1e-4)
        (slope,) = torch.autograd.grad(abs(ours).sum(), leaf)
        assert torch.isfinite(slope).all()


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="no objective is called 'phase'; choose from ibm"):
        make("phase", RATE)
