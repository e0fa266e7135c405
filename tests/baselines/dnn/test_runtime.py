import pickle

import numpy as np
import pytest

from percepkit.baselines.dnn import models
from percepkit.baselines.dnn.card import Card
from percepkit.baselines.dnn.features import compute
from percepkit.baselines.dnn.features import make as make_features
from percepkit.baselines.dnn.objectives import make as make_objective
from percepkit.baselines.dnn.runtime import Steps, load_network
from percepkit.baselines.registry import load
from percepkit.dsp.erb import interpolate
from percepkit.dsp.stft import analyse, synthesise

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra dnn)")
pytest.importorskip("onnx", reason="onnx is not installed (extra dnn)")
from percepkit.baselines.dnn.export import export  # noqa: E402

#: Name: sample rate, features, objective, 8 bits, and options of features and model.
SYSTEMS = {
    "percepnet": (48_000, "percepnet", "gains-strengths", True, {"look_ahead_frames": 2}, {"width": 64}),
    "percepnet-small": (16_000, "percepnet", "gains-strengths", False, {"look_ahead_frames": 1},
                        {"look_ahead_frames": 2}),
    "rnnoise": (16_000, "rnnoise", "gains-vad", True, {}, {}),
    "crn": (16_000, "compressed-complex", "fusion-complex", True, {}, {"channels": 8, "hidden": 8}),
    "unet": (16_000, "log-magnitude", "noise-mask", False, {}, {"widths": (4, 8)}),
    "wavenet": (16_000, "waveform", "waveform", False, {}, {"channels": 8, "layers": 3, "postnet_layers": 2}),
}  # fmt: skip
CAUSAL = ["percepnet", "percepnet-small", "rnnoise", "crn"]
RNG = np.random.default_rng(0)


def noisy_at(sample_rate, seconds=0.6):
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    voice = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 12))
    return 0.1 * voice * (time > 0.1) + 0.02 * RNG.standard_normal(len(time))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Random networks, exported once: denoiser, network, what export said, features and objective."""
    made = {}

    def get(name):
        if name not in made:
            rate, features, objective, quantise, features_options, model_options = SYSTEMS[name]
            row, goal = make_features(features, rate, **features_options), make_objective(objective, rate)
            torch.manual_seed(0)
            model = models.build(name, n_in=row.size, heads=goal.heads, **model_options).eval()
            for gru in (module for module in model.modules() if isinstance(module, torch.nn.GRU)):
                for parameter in gru.parameters():  # as large as trained ones
                    parameter.data.mul_(1.5)
            card = Card(f"my-{name}", "Random weights.", "none", rate, features, objective, name,
                        features_options, model_options)  # fmt: skip
            rows = compute(row, noisy_at(rate)).features
            said = export(model, card, tmp_path_factory.mktemp("net"), rows, quantise=quantise)
            made[name] = load_network(said.path), model, said, row, goal
        return made[name]

    return get


@pytest.mark.parametrize("name", SYSTEMS)
def test_onnx_computes_what_pytorch_does(name, exported):
    denoiser, _, said, _, _ = exported(name)
    assert said.float_difference < 1e-4
    assert said.difference < (0.1 if SYSTEMS[name][3] else 1e-4)
    assert (said.difference > said.float_difference) == SYSTEMS[name][3]
    assert denoiser.spec.name == f"my-{name}"
    assert denoiser.spec.causal == (name in CAUSAL)


@pytest.mark.parametrize("name", [name for name in SYSTEMS if not SYSTEMS[name][3]])
def test_a_signal_is_enhanced_as_the_parts_say(name, exported):
    denoiser, model, _, features, objective = exported(name)
    noisy = noisy_at(SYSTEMS[name][0])[:7_777]
    frames = compute(features, noisy)
    with torch.no_grad():
        enhanced = objective.enhance(model(torch.tensor(frames.features)[None])[0].numpy(), frames)
    if objective.domain == "waveform":
        expected = enhanced.reshape(-1)[: len(noisy)]
    else:
        expected = synthesise(enhanced, len(noisy))
    # The last frames of a look-ahead see silence in a stream, and zeros in a sequence.
    end = len(noisy) - 3 * denoiser.hop if name in CAUSAL else len(noisy)
    found = denoiser(noisy, denoiser.card.sample_rate)
    assert np.abs(found - expected)[:end].max() < 1e-4 * np.abs(noisy).max()


@pytest.mark.parametrize("name", CAUSAL)
def test_stream_without_its_latency_equals_batch(name, exported):
    denoiser = exported(name)[0]
    rate = denoiser.card.sample_rate
    noisy, latency = noisy_at(rate).astype(np.float32), denoiser.latency_samples(rate)
    stream, parts = denoiser.stream(rate), []
    for block in np.split(noisy, np.cumsum([1, 0, 700, denoiser.hop, 3, 5_000])):
        parts.append(stream.process(block))
        assert parts[-1].shape == block.shape
        assert parts[-1].dtype == np.float32
    late = np.concatenate([*parts, stream.flush()])
    assert len(late) == len(noisy) + latency
    assert not late[:latency].any()
    assert np.abs(late[latency:] - denoiser(noisy, rate)).max() < 1e-7


@pytest.mark.parametrize("name", CAUSAL)
def test_latency_is_all_the_future_there_is(name, exported):
    denoiser = exported(name)[0]
    rate = denoiser.card.sample_rate
    noisy, latency = noisy_at(rate), denoiser.latency_samples(rate)
    at = 25 * denoiser.hop
    changed = noisy.copy()
    changed[at + latency :] = 0.3
    plain, other = denoiser(noisy, rate), denoiser(changed, rate)
    assert np.array_equal(plain[:at], other[:at])
    assert not np.array_equal(plain[at : at + latency + 1], other[at : at + latency + 1])


def test_latency_is_40_ms_with_the_look_ahead_of_2021(exported):
    denoiser = exported("percepnet")[0]
    assert denoiser.latency_samples(48_000) == 4 * 480 - 1


@pytest.mark.parametrize("name", [name for name in SYSTEMS if name != "wavenet"])
def test_silence_stays_silent(name, exported):
    denoiser = exported(name)[0]
    assert np.abs(denoiser(np.zeros(5_000), denoiser.card.sample_rate)).max() < 1e-6


@pytest.mark.parametrize("n_samples", [0, 1, 159, 160, 161, 2_345])
@pytest.mark.parametrize("name", ["rnnoise", "unet"])
def test_length_and_dtype_are_kept(name, n_samples, exported):
    noisy = noisy_at(16_000)[:n_samples].astype(np.float32)
    enhanced = exported(name)[0](noisy, 16_000)
    assert enhanced.shape == (n_samples,)
    assert enhanced.dtype == np.float32
    assert np.isfinite(enhanced).all()


@pytest.mark.parametrize("name", ["percepnet-small", "rnnoise", "crn"])
def test_steps_compute_what_single_runs_do(name, exported):
    denoiser = exported(name)[0]
    session, frames = denoiser.session, compute(denoiser.features, noisy_at(denoiser.card.sample_rate))
    inputs = session.get_inputs()
    state, expected = [np.zeros(node.shape, np.float32) for node in inputs[1:]], []
    for row in frames.features:
        values = [row[None], *state]
        output, *state = session.run(None, {node.name: v for node, v in zip(inputs, values, strict=True)})
        expected.append(output[0])
    steps = Steps(session)
    found = [steps.run(frames.features[:7]), steps.run(frames.features[7:8]), steps.run(frames.features[8:])]
    assert np.array_equal(np.concatenate(found), np.array(expected))


@pytest.mark.parametrize("name", ["rnnoise", "unet"])
def test_gains_give_the_output(name, exported):
    denoiser, noisy = exported(name)[0], noisy_at(16_000)[:5_001]
    gains = denoiser.gains(noisy, 16_000)
    assert gains.min() >= 0
    assert gains.max() <= 1
    expected = synthesise(gains * analyse(noisy, 160), 5_001)
    assert np.abs(denoiser(noisy, 16_000) - expected).max() < 1e-6
    assert not hasattr(denoiser, "predict")


@pytest.mark.parametrize("name", ["percepnet", "percepnet-small"])
def test_predictions_are_the_outputs_and_make_the_signal(name, exported):
    denoiser = exported(name)[0]
    rate = denoiser.card.sample_rate
    noisy = noisy_at(rate)[: rate // 2]
    found = denoiser.predict(noisy, rate)
    bands = found.settings.layout(rate)
    gains = interpolate(found.gains, bands)
    assert np.abs(denoiser.gains(noisy, rate) - gains).max() < 1e-7
    noisy_frames = compute(denoiser.features, noisy)
    outputs = np.hstack([found.gains[:, bands.mask], found.strengths[:, bands.mask]])
    expected = synthesise(denoiser.objective.enhance(outputs, noisy_frames), len(noisy))
    assert np.abs(denoiser(noisy, rate) - expected).max() < 1e-6
    assert np.array_equal(found.period, noisy_frames.period)


@pytest.mark.parametrize("name", ["crn", "wavenet"])
def test_what_has_no_gains_shows_none(name, exported):
    assert not hasattr(exported(name)[0], "gains")
    assert not hasattr(exported(name)[0], "predict")


def test_facts_about_the_file(exported):
    denoiser = exported("rnnoise")[0]
    assert denoiser.file_mb == pytest.approx(len(denoiser.path.read_bytes()) / 1e6)
    assert denoiser.parameters == sum(p.numel() for p in exported("rnnoise")[1].parameters())
    assert denoiser.macs_per_second > 80 * denoiser.parameters
    before, card = denoiser.fingerprint, denoiser.path.with_suffix(".json")
    card.write_text(card.read_text() + " ")
    assert denoiser.fingerprint != before


def test_it_travels_to_workers_and_is_found_by_its_path(exported):
    denoiser, noisy = exported("rnnoise")[0], noisy_at(16_000)
    expected = denoiser(noisy, 16_000)
    for other in (pickle.loads(pickle.dumps(denoiser)), load(str(denoiser.path))):
        assert np.array_equal(other(noisy, 16_000), expected)


def test_another_rate_is_refused(exported):
    with pytest.raises(ValueError, match="my-rnnoise runs at 16000 Hz, found 8000; resample"):
        exported("rnnoise")[0](np.zeros(9), 8_000)


def test_a_model_that_exports_wrongly_is_refused(tmp_path, monkeypatch):
    objective = make_objective("gains", 16_000)
    model = models.build("rnnoise", n_in=46, heads=objective.heads)
    monkeypatch.setattr(type(model), "forward", lambda self, x: torch.zeros(1, x.shape[1], 26))
    card = Card("liar", "Wrong.", "none", 16_000, "rnnoise", "gains", "rnnoise")
    with pytest.raises(ValueError, match=r"liar: ONNX differs from PyTorch by 0\..*, more than 1e-04"):
        export(model, card, tmp_path, np.zeros((5, 46), np.float32), quantise=False)
    assert not list(tmp_path.iterdir())
