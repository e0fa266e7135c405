import pytest

from percepkit.baselines.dnn import models
from percepkit.baselines.dnn.features import make as make_features
from percepkit.baselines.dnn.objectives import make as make_objective

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra dnn)")

#: Model: sample rate, features, objective, how many weights.
SYSTEMS = {
    "percepnet": (48_000, "percepnet", "gains-strengths", (7_962_564, 7_962_564)),
    "percepnet-small": (48_000, "percepnet", "gains-strengths", (950_000, 1_050_000)),
    "rnnoise": (16_000, "rnnoise", "gains-vad", (85_000, 95_000)),
    "unet": (16_000, "log-magnitude", "noise-mask", (1_941_093, 1_941_093)),
    "crn": (16_000, "compressed-complex", "complex", (77_000, 78_000)),
    "wavenet": (16_000, "waveform", "waveform", (7_850_000, 7_950_000)),
}
CAUSAL = ["percepnet", "percepnet-small", "rnnoise", "crn"]
SMALL = {"wavenet": {"channels": 8, "layers": 4}, "percepnet": {"width": 32}, "unet": {"widths": (4, 8, 8)}}


def build(name, **options):
    rate, features, objective, _ = SYSTEMS[name]
    torch.manual_seed(0)
    n_in, heads = make_features(features, rate).size, make_objective(objective, rate).heads
    return models.build(name, n_in=n_in, heads=heads, **options).eval(), n_in, heads


@pytest.mark.parametrize("name", models.names())
def test_number_of_weights(name):
    least, most = SYSTEMS[name][3]
    assert least <= sum(p.numel() for p in build(name)[0].parameters()) <= most


@pytest.mark.parametrize("name", models.names())
def test_outputs_have_the_shape_and_bounds_of_the_heads(name):
    model, n_in, heads = build(name, **SMALL.get(name, {}))
    outputs = model(3 * torch.randn(2, 21, n_in))
    assert outputs.shape == (2, 21, sum(head.size for head in heads))
    if heads[0].activation == "sigmoid":
        assert outputs.min() >= 0
        assert outputs.max() <= 1
    assert outputs.std() > 0


def stepped(model, x):
    """Outputs of a stream of rows, one by one."""
    state, rows = model.initial_state(len(x)), []
    for row in x.unbind(1):
        output, state = model.step(row, state)
        rows.append(output)
    return torch.stack(rows, 1)


@pytest.mark.parametrize("look_ahead", [0, 2])
@pytest.mark.parametrize("name", CAUSAL)
@torch.no_grad()
def test_steps_equal_the_sequence(name, look_ahead):
    model, n_in, _ = build(name, look_ahead_frames=look_ahead)
    for gru in (module for module in model.modules() if isinstance(module, torch.nn.GRU)):
        for parameter in gru.parameters():  # as large as trained ones
            parameter.mul_(1.5)
    x = torch.randn(2, 25, n_in)
    padded = torch.cat([x, torch.zeros(2, look_ahead, n_in)], 1)
    assert (stepped(model, padded)[:, look_ahead:] - model(x)).abs().max() < 1e-5


@pytest.mark.parametrize("look_ahead", [0, 3])
@pytest.mark.parametrize("name", CAUSAL)
@torch.no_grad()
def test_look_ahead_is_all_the_future_there_is(name, look_ahead):
    model, n_in, _ = build(name, look_ahead_frames=look_ahead)
    x = torch.randn(1, 20, n_in)
    changed = x.clone()
    changed[:, 10 + look_ahead] += 1
    difference = (model(changed) - model(x)).abs().amax((0, 2))
    assert difference[:10].max() < 1e-6
    assert difference[10] > 1e-4


@pytest.mark.parametrize("name", CAUSAL)
@torch.no_grad()
def test_a_sequence_goes_on_from_its_state(name):
    model, n_in, _ = build(name)
    x = torch.randn(1, 20, n_in)
    first, state = model.run(x[:, :7], model.initial_state(1))
    second, _ = model.run(x[:, 7:], state)
    assert (torch.cat([first, second], 1) - model(x)).abs().max() < 1e-5


@pytest.mark.parametrize("name", models.names())
def test_every_weight_learns(name):
    model, n_in, _ = build(name, **SMALL.get(name, {}))
    model(torch.randn(2, 21, n_in)).square().sum().backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("name", ["unet", "wavenet"])
def test_whole_models_say_that_they_see_the_future(name):
    model, n_in, _ = build(name, **SMALL[name])
    x = torch.randn(1, 40, n_in)
    changed = x.clone()
    changed[:, 21] += 1
    assert not model.causal
    assert (model(changed) - model(x))[:, 20].abs().max() > 0


def test_wrong_sizes_and_options_are_refused():
    heads = make_objective("gains", 16_000).heads
    with pytest.raises(ValueError, match=r"crn maps complex spectra .* found 54 features and heads of 26"):
        models.build("crn", n_in=54, heads=heads)
    with pytest.raises(ValueError, match=r"unet maps one feature a bin .* found 54 features and heads of 26"):
        models.build("unet", n_in=54, heads=heads)
    with pytest.raises(ValueError, match=r"wavenet maps samples .* found 54 features and heads of 26"):
        models.build("wavenet", n_in=54, heads=heads)
    with pytest.raises(ValueError, match="percepnet has one or two heads, found gains, gains, gains"):
        models.build("percepnet", n_in=54, heads=3 * heads)
    with pytest.raises(ValueError, match=r"rnnoise does not take these options: .*depth"):
        models.build("rnnoise", n_in=54, heads=heads, depth=3)
    with pytest.raises(ValueError, match="no model is called 'lstm'; choose from crn"):
        models.build("lstm", n_in=54, heads=heads)
    with pytest.raises(ValueError, match="look_ahead_frames is -1"):
        models.build("rnnoise", n_in=54, heads=heads, look_ahead_frames=-1)
