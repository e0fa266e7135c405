import numpy as np
import pytest
import scipy.fft

from percepkit.baselines.dnn.features import FEATURES, compute, make
from percepkit.dsp.erb import band_energy, layout
from percepkit.dsp.stft import analyse, hop_length

RATES = [16_000, 48_000]


@pytest.fixture(scope="module")
def noisy(voice):
    def at(sample_rate):
        x = voice(sample_rate, 0.5, 150.0)[0]
        return x + 0.03 * np.random.default_rng(1).standard_normal(len(x))

    return at


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("name", FEATURES)
def test_stream_equals_batch(name, sample_rate, noisy):
    features, x, hop = make(name, sample_rate), noisy(sample_rate), hop_length(sample_rate)
    whole = compute(features, x)
    stream, ends = features.stream(), hop * np.array([1, 2, 5, 9, 20, 50])
    parts = [stream.process(block) for block in np.split(x, ends)]
    parts.append(stream.process(np.zeros((1 + features.look_ahead_frames) * hop)))
    for field in ("features", "noisy", "combed"):
        if getattr(whole, field) is not None:
            joined = np.concatenate([getattr(part, field) for part in parts])
            assert np.allclose(joined, getattr(whole, field), atol=1e-6)
    assert whole.features.shape == (51, features.size)
    assert whole.features.dtype == np.float32


@pytest.mark.parametrize("name", FEATURES)
def test_spectra_are_those_of_the_frames(name, noisy):
    x = noisy(16_000)
    assert np.allclose(compute(make(name, 16_000), x).noisy, analyse(x, 160), atol=1e-12)


@pytest.mark.parametrize("name", FEATURES)
def test_rows_are_finite_and_of_the_order_of_one(name, noisy):
    for level in (0.0, 1e-4, 1.0):
        rows = compute(make(name, 16_000), level * noisy(16_000)).features
        assert np.isfinite(rows).all()
        assert np.abs(rows).max() < 40


@pytest.mark.parametrize("look_ahead", [0, 2, 3])
def test_percepnet_sees_energies_ahead_and_nothing_beyond(look_ahead, noisy):
    features, x = make("percepnet", 48_000, look_ahead_frames=look_ahead), noisy(48_000)
    rows, bands = compute(features, x), layout(48_000)
    energy = np.log10(1e-8 + band_energy(analyse(x, 480), bands) / 480)
    assert np.allclose(rows.features[: 51 - look_ahead, :34], 0.5 * (energy[look_ahead:] + 4), atol=1e-5)
    changed = x.copy()
    changed[(20 + look_ahead + 1) * 480 :] = 0.1  # the first sample after the look-ahead of frame 20
    other = compute(features, changed)
    assert np.array_equal(other.features[:21], rows.features[:21])
    assert np.array_equal(other.combed[:21], rows.combed[:21])
    assert not np.array_equal(other.features[21], rows.features[21])


def test_percepnet_knows_voice_from_noise(voice):
    x = voice(16_000, 0.5, 150.0)[0]
    noise = 0.1 * np.random.default_rng(1).standard_normal(len(x))
    coherence = [compute(make("percepnet", 16_000), s).features[10:40, 26:40].mean() for s in (x, noise)]
    assert coherence[0] > 0.9  # of -1 to 1
    assert coherence[1] < 0.3


def test_rnnoise_cepstrum_is_that_of_its_energies(noisy):
    x, bands = noisy(48_000), layout(48_000)
    rows = compute(make("rnnoise", 48_000), x).features
    energy = np.log10(1e-8 + band_energy(analyse(x, 480), bands) / 480)
    expected = scipy.fft.dct(0.5 * (energy + 4), norm="ortho", axis=1)  # no band falls by 15 dB here
    assert np.allclose(rows[5:45, :34], expected[5:45], atol=1e-4)
    assert np.allclose(rows[5:45, 34:40], (expected[5:45] - expected[3:43])[:, :6], atol=1e-4)
    curve = expected[5:45] - 2 * expected[4:44] + expected[3:43]
    assert np.allclose(rows[5:45, 40:46], curve[:, :6], atol=1e-4)


def test_rnnoise_variability_is_zero_for_what_repeats():
    x = np.tile(np.random.default_rng(0).standard_normal(160), 40)
    rows = compute(make("rnnoise", 16_000), 0.1 * x).features
    assert np.abs(rows[10:38, -1]).max() < 1e-6
    assert rows[2, -1] > 0.01


def test_compressed_spectra_keep_phase(noisy):
    frames = compute(make("compressed-complex", 16_000), noisy(16_000))
    z = frames.features[:, :161] + 1j * frames.features[:, 161:]
    assert np.allclose(np.abs(z), np.abs(frames.noisy) ** 0.3, atol=1e-5)
    assert np.allclose(z * np.abs(z) ** (0.7 / 0.3), frames.noisy, atol=1e-4)


def test_unknown_names_and_options_are_refused():
    with pytest.raises(ValueError, match="no features are called 'mfcc'; choose from percepnet"):
        make("mfcc", 16_000)
    with pytest.raises(ValueError, match=r"features rnnoise do not take these options.*bands"):
        make("rnnoise", 16_000, bands=3)
    with pytest.raises(ValueError, match="look_ahead_frames is -1"):
        make("percepnet", 16_000, look_ahead_frames=-1)
