"""The parts fit together: each kind of system learns one item by heart, and what it learnt is heard."""

import numpy as np
import pytest

from percepkit.baselines.dnn import losses, models
from percepkit.baselines.dnn.features import compute
from percepkit.baselines.dnn.features import make as make_features
from percepkit.baselines.dnn.frames import Frames
from percepkit.baselines.dnn.objectives import make as make_objective

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra dnn)")
from percepkit.baselines.dnn.losses.si_sdr import si_sdr_db  # noqa: E402
from percepkit.baselines.dnn.losses.signals import synthesise  # noqa: E402

#: Features, model and its options, objective, loss.
SYSTEMS = {
    "percepnet": ("percepnet", "percepnet", {"width": 48}, "gains-strengths", "percepnet-2020"),
    "rnnoise": ("rnnoise", "rnnoise", {}, "gains-vad", "percepnet-2021"),
    "crn-mapping": ("compressed-complex", "crn", {"channels": 12}, "complex", "mse"),
    "crn-signal": ("compressed-complex", "crn", {"channels": 12}, "fusion-complex", "si-sdr"),
    "unet-mask": ("log-magnitude", "unet", {"widths": (4, 4, 8, 8)}, "noise-mask", "mse"),
    "wavenet": ("waveform", "wavenet", {"channels": 12, "layers": 5, "postnet_layers": 2}, "waveform",
                "multi-resolution-stft"),
}  # fmt: skip
#: Those that get there fast enough to be heard, and by how many dB the item must become cleaner.
HEARD_DB = {"percepnet": 3, "rnnoise": 3, "crn-signal": 5}
STEPS, RATE = 40, 16_000


@pytest.fixture(scope="module")
def item(voice):
    clean = voice(RATE, 0.4, 150.0)[0] * (np.arange(6_400) > 2_000)
    return clean, clean + 0.06 * np.random.default_rng(1).standard_normal(len(clean))


@pytest.mark.parametrize("name", SYSTEMS)
def test_one_item_is_learnt(name, item):
    features_name, model_name, options, objective_name, loss_name = SYSTEMS[name]
    clean, noisy = item
    features, objective = make_features(features_name, RATE), make_objective(objective_name, RATE)
    computed = compute(features, noisy)
    frames = Frames(*(None if x is None else torch.tensor(x)[None] for x in vars(computed).values()))
    values, valid = (torch.tensor(x)[None] for x in objective.targets(clean, noisy))
    signal = torch.tensor(clean, dtype=torch.float32)[None]
    torch.manual_seed(0)
    model = models.build(model_name, n_in=features.size, heads=objective.heads, **options)
    loss = losses.make(loss_name, sample_rate=RATE, heads=objective.heads)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

    def enhanced(outputs):
        found = objective.enhance(outputs, frames)
        if objective.domain == "waveform":
            return found.flatten(1)[:, : len(clean)].float()
        return synthesise(found, len(clean)).float()

    first = None
    for _ in range(STEPS):
        outputs = model(frames.features)
        if loss.domain == "outputs":
            value = loss(objective.predict(outputs, frames), values, valid)
        else:
            value = loss(enhanced(outputs), signal, torch.ones_like(signal, dtype=torch.bool))
        first = value.item() if first is None else first
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    assert value.item() < (0.85 * first if first > 0 else first)
    if name in HEARD_DB:
        everywhere = torch.ones_like(signal, dtype=torch.bool)
        before_db = si_sdr_db(torch.tensor(noisy, dtype=torch.float32)[None], signal, everywhere)
        after_db = si_sdr_db(enhanced(model(frames.features)).detach(), signal, everywhere)
        assert float(after_db - before_db) > HEARD_DB[name]
