"""The ladder on real and synthetic speech: every oracle beats the noisy input, and the comb beats gains alone."""

import numpy as np
import pytest

from percepkit.audio.files import read
from percepkit.audio.resampling import resample
from percepkit.baselines.registry import load
from percepkit.dsp.noise import babble, generate
from percepkit.eval.metrics import score_all
from percepkit.manifests.demo import demo_folder

LADDER = ("oracle-gains", "oracle-comb", "oracle-postfilter", "oracle-magnitude")
METRICS = ("pesq_wb", "si_sdr")


def scores(clean, noise, snr_db, sample_rate):
    """Metrics of the noisy input and of every step, as {name: (pesq, si_sdr)}."""
    noise = noise[: len(clean)]
    noisy = clean + noise * np.sqrt((clean @ clean) / (noise @ noise) / 10 ** (snr_db / 10))
    outputs = {"noisy": noisy}
    stems = {"noisy": noisy, "clean": clean, "speech": clean, "noise": noisy - clean}
    for name in LADDER:
        outputs[name] = load(name).for_item(stems, sample_rate)(noisy, sample_rate)
    found = {name: score_all(METRICS, clean, y, sample_rate) for name, y in outputs.items()}
    return {name: np.array([row["pesq_wb"].value, row["si_sdr"].value]) for name, row in found.items()}


def check_ladder(items):
    mean = {name: np.mean([item[name] for item in items], axis=0) for name in items[0]}
    for name in LADDER:
        assert (mean[name] > mean["noisy"]).all(), name
    assert mean["oracle-comb"][0] > mean["oracle-gains"][0]
    assert mean["oracle-comb"][1] > mean["oracle-gains"][1]
    # The post-filter is meant for over-estimated gains: with ideal ones it costs PESQ.
    assert mean["oracle-postfilter"][0] < mean["oracle-comb"][0]


def test_ladder_on_the_embedded_voices():
    voices = [
        read(path, channel=0)[0].astype(np.float64) for path in sorted(demo_folder().glob("speech/*/01.flac"))
    ]
    items = []
    for index, clean in enumerate(voices[:4]):
        others = voices[:index] + voices[index + 1 :]
        for noise in (generate("pink", len(clean), 16_000, index, {}), babble(others, len(clean), 16_000, index)):
            items.append(scores(clean, noise, 5 * (index % 3), 16_000))
    check_ladder(items)


@pytest.mark.parametrize("sample_rate", [16_000, 48_000])
def test_ladder_on_real_speech_and_noise(shared, sample_rate):
    def load_audio(path):
        x, rate = read(path, channel=0)
        return resample(x[: 6 * rate], rate, sample_rate).astype(np.float64)

    folder = shared / "corpus"
    speech = sorted(folder.glob("speech/arctic/*.wav"))[::2] + sorted(folder.glob("speech/kathleen/*"))[:2]
    noise = ["places/cafe.ogg", "nature/river.ogg", "things/typewriter.mp3"]
    pairs = [(load_audio(s), load_audio(folder / "noise" / noise[i % 3])) for i, s in enumerate(speech)]
    check_ladder([scores(c, n, (0, 5, 10, -5)[i % 4], sample_rate) for i, (c, n) in enumerate(pairs)])


def test_an_oracle_refuses_another_item():
    stems = {"clean": np.zeros(1000)}
    with pytest.raises(ValueError, match="knows an item of 1000 samples, found 900"):
        load("oracle-gains").for_item(stems, 16_000)(np.zeros(900), 16_000)


def test_clean_magnitude_leaves_clean_speech_as_it_is():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(8000)
    y = load("oracle-magnitude").for_item({"clean": x}, 16_000)(x, 16_000)
    np.testing.assert_allclose(y, x, atol=1e-12)
