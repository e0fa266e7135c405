import numpy as np
import pytest

from percepkit.baselines.dnn import losses
from percepkit.baselines.dnn.frames import Head

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra dnn)")
from percepkit.baselines.dnn.losses import pmsqe, signals  # noqa: E402
from percepkit.baselines.dnn.losses.estoi import correlations  # noqa: E402
from percepkit.baselines.dnn.losses.si_sdr import si_sdr_db  # noqa: E402
from percepkit.dsp.stft import analyse, synthesise  # noqa: E402

RATE = 16_000
HEADS = (Head("gains", 5, "sigmoid"), Head("strengths", 5, "sigmoid"))
RNG = np.random.default_rng(0)


def make(name, heads=HEADS):
    return losses.make(name, sample_rate=RATE, heads=heads)


def pair(name):
    """Estimate, target and validity that a loss takes, in double precision."""
    shape = (2, 7, 10) if make(name).domain == "outputs" else (2, 8_000)
    low, high = (0.05, 0.95) if make(name).domain == "outputs" else (-0.3, 0.3)
    estimate, target = (torch.tensor(RNG.uniform(low, high, shape)) for _ in range(2))
    return estimate, target, torch.tensor(RNG.random(shape) < 0.7)


@pytest.mark.parametrize("name", losses.names())
def test_the_target_is_the_minimum_and_invalid_entries_do_not_count(name):
    estimate, target, valid = pair(name)
    loss = make(name)
    assert loss(target, target, valid) < loss(estimate, target, valid)
    elsewhere = torch.where(valid, estimate, torch.nan)
    assert torch.equal(loss(elsewhere, target, valid), loss(estimate, target, valid))


@pytest.mark.parametrize("name", losses.names())
def test_silence_and_nothing_valid_give_finite_slopes(name):
    estimate, target, valid = pair(name)
    for values, counts in ((0 * estimate, valid), (estimate, ~(valid | ~valid)), (target.clone(), valid)):
        for wanted in (target, 0 * target):
            leaf = values.clone().requires_grad_()
            (slope,) = torch.autograd.grad(make(name)(leaf, wanted, counts), leaf)
            assert torch.isfinite(slope).all()


@pytest.mark.parametrize("name", losses.names())
def test_slopes_are_those_of_finite_differences(name):
    estimate, target, valid = pair(name)
    if make(name).domain == "signal":
        estimate, target, valid = estimate[:1], target[:1], valid[:1]
    direction = torch.tensor(RNG.standard_normal(estimate.shape))
    leaf = estimate.clone().requires_grad_()
    (slope,) = torch.autograd.grad(make(name)(leaf, target, valid), leaf)
    ahead, behind = (make(name)(estimate + step * direction, target, valid) for step in (1e-7, -1e-7))
    assert float((slope * direction).sum()) == pytest.approx(float(ahead - behind) / 2e-7, rel=1e-3, abs=1e-6)


def test_mse_is_the_mean_over_valid_entries():
    estimate, target, valid = pair("mse")
    expected = np.mean((estimate - target).numpy()[valid.numpy()] ** 2)
    assert float(make("mse")(estimate, target, valid)) == pytest.approx(expected)


def test_log_mse_is_the_mean_over_items_in_db():
    target = torch.zeros(2, 3, 4)
    estimate = torch.stack([torch.full((3, 4), 0.1), torch.full((3, 4), 0.01)])
    assert float(make("log-mse")(estimate, target, torch.ones(2, 3, 4, dtype=bool))) == pytest.approx(
        -30, abs=1e-2
    )


def test_si_sdr_is_that_of_the_metric():
    target, noise = RNG.standard_normal((2, 4_000))
    noise -= target * (noise @ target) / (target @ target)
    noise *= np.linalg.norm(target) / np.linalg.norm(noise)
    estimate = 3 * (target + 10 ** (-12 / 20) * noise)  # 12 dB at any scale
    all_valid = torch.ones(1, 4_000, dtype=bool)
    found = si_sdr_db(torch.tensor(estimate)[None], torch.tensor(target)[None], all_valid)
    assert float(found) == pytest.approx(12, abs=1e-3)


@pytest.mark.parametrize("gain, expected_db", [(0.0, -60), (1.0, 60), (1e-2, 60), (-1.0, 60)])
def test_si_sdr_is_bounded_and_silence_is_the_worst(gain, expected_db):
    target = torch.tensor(RNG.standard_normal((1, 4_000)))
    found = si_sdr_db(gain * target, target, torch.ones(1, 4_000, dtype=torch.bool))
    assert float(found) == pytest.approx(expected_db, abs=0.5)


def test_multi_resolution_has_its_closed_form_for_a_gain():
    target = torch.tensor(RNG.standard_normal((1, 8_000)))
    found = make("multi-resolution-stft")(0.5 * target, target, torch.ones(1, 8_000, dtype=bool))
    assert float(found) == pytest.approx(0.5 + np.log(2), abs=1e-3)


def test_percepnet_losses_have_their_closed_forms():
    ones = torch.ones(1, 1, 10, dtype=bool)
    target = torch.tensor([0.81] * 5 + [0.36] * 5, dtype=torch.float64)[None, None]
    estimate = torch.tensor([0.25] * 5 + [0.75] * 5, dtype=torch.float64)[None, None]
    strengths = (0.8 - 0.5) ** 2
    old = (0.9 - 0.5) ** 2 + 10 * (0.9 - 0.5) ** 4 + strengths
    assert float(make("percepnet-2020")(estimate, target, ones)) == pytest.approx(old)
    distance = (0.81**0.6 - 0.25**0.6) ** 2 / 0.81**0.6
    new = distance + 10 * distance**2 + strengths
    assert float(make("percepnet-2021")(estimate, target, ones)) == pytest.approx(new, rel=1e-5)


def test_voice_activity_is_judged_by_cross_entropy():
    heads = (Head("gains", 1, "sigmoid"), Head("vad", 1, "sigmoid"))
    estimate, target = torch.tensor([[[0.5, 0.25]]]), torch.tensor([[[0.5, 1.0]]])
    found = make("percepnet-2020", heads)(estimate, target, torch.ones(1, 1, 2, dtype=bool))
    assert float(found) == pytest.approx(-0.001 * np.log(0.25), rel=1e-5)


def test_percepnet_losses_refuse_other_heads():
    with pytest.raises(ValueError, match="know the heads gains, strengths, vad, found mask"):
        make("percepnet-2020", (Head("mask", 161, "sigmoid"),))


@pytest.fixture(scope="module")
def degraded():
    """Demo speech at five SNRs in two noises: clean, and (noisy, PESQ) of each."""
    from pesq import pesq

    from percepkit.audio.files import read
    from percepkit.manifests.demo import demo_folder

    path = sorted((demo_folder() / "speech").rglob("*.flac"))[0]
    clean, rate = read(path)
    clean = np.asarray(clean, float).reshape(-1)[: 3 * rate]
    assert rate == RATE
    white = RNG.standard_normal(len(clean))
    made = []
    for noise in (white, np.cumsum(white) - np.linspace(0, np.cumsum(white)[-1], len(white))):
        for snr_db in (-5, 0, 5, 10, 20):
            gain = np.linalg.norm(clean) / np.linalg.norm(noise) * 10 ** (-snr_db / 20)
            noisy = clean + gain * noise
            made.append((noisy, pesq(RATE, clean, noisy, "wb")))
    return clean, made


def estoi(estimate, target, rate):
    """By the loss, of float64 signals of shape (n_samples,)."""
    estimate, target = (torch.tensor(signal)[None] for signal in (estimate, target))
    loss = losses.make("estoi", sample_rate=rate, heads=HEADS)
    return 1 - float(loss(estimate, target, torch.ones(target.shape, dtype=bool)))


def test_estoi_is_that_of_pystoi_where_its_rate_is(degraded):
    from pystoi import stoi

    clean, made = degraded
    for noisy, _ in made:
        steady = clean + 0.05 * np.roll(clean, 1_000) + 0.02 * made[0][0]  # never silent: nothing is cut out
        assert estoi(noisy, steady, 10_000) == pytest.approx(stoi(steady, noisy, 10_000, extended=True), abs=2e-3)


def test_estoi_is_near_that_of_pystoi_at_other_rates(degraded):
    from pystoi import stoi

    clean, made = degraded
    for noisy, _ in made:
        assert estoi(noisy, clean, RATE) == pytest.approx(stoi(clean, noisy, RATE, extended=True), abs=0.01)


def test_estoi_counts_whole_segments_of_spoken_frames():
    tone = np.sin(2 * np.pi * 1_000 * np.arange(8_192) / 10_000) * RNG.uniform(0.5, 1, 8_192)
    quiet = np.concatenate([tone[:4_096], 1e-4 * tone, tone[4_096:]])
    signals_ = torch.tensor(np.array([np.pad(tone, (0, 8_192)), quiet]))
    valid = torch.ones(signals_.shape, dtype=bool)
    found, there = correlations(signals_, signals_, valid, sample_rate=10_000)
    assert there.sum(1).tolist() == [64 - 29, 2 * 32 - 29]  # a frame that is half spoken counts
    assert found[there] == pytest.approx(1, abs=1e-6)


def test_estoi_needs_the_bands_of_speech():
    with pytest.raises(ValueError, match="estoi needs a sample rate of at least 10000 Hz, found 8000"):
        losses.make("estoi", sample_rate=8_000, heads=HEADS)


def test_pmsqe_orders_noises_as_pesq_does(degraded):
    from scipy.stats import spearmanr

    clean, made = degraded
    noisy = torch.tensor(np.array([x for x, _ in made]))
    target = torch.tensor(clean).expand(noisy.shape)
    found = pmsqe.disturbance(noisy, target, torch.ones(noisy.shape, dtype=bool), sample_rate=RATE)
    assert spearmanr(found, [score for _, score in made]).statistic < -0.9


def test_pmsqe_minds_neither_level_nor_linear_filters_but_noise(degraded):
    from scipy.signal import lfilter

    clean, made = degraded
    louder, filtered = 4 * clean, lfilter([1, -0.3], [1.0], clean)
    signals_ = torch.tensor(np.array([louder, filtered, made[4][0]]))
    target = torch.tensor(clean).expand(signals_.shape)
    valid = torch.ones(target.shape, dtype=bool)
    level, filter_, noise = pmsqe.disturbance(signals_, target, valid, sample_rate=RATE)
    assert level < 1e-3
    assert filter_ < 0.3 * noise


@pytest.mark.parametrize("n_samples", [1, 159, 160, 161, 1_000])
def test_spectra_are_those_of_dsp(n_samples):
    x = RNG.standard_normal(n_samples)
    spectrum = signals.analyse(torch.tensor(x), 160)
    assert np.allclose(spectrum.numpy(), analyse(x, 160), atol=1e-12)
    assert np.allclose(signals.synthesise(spectrum, n_samples).numpy(), synthesise(analyse(x, 160), n_samples))


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="no loss is called 'l1'; choose from estoi"):
        make("l1")
