import base64
import io
import re
from types import SimpleNamespace

import matplotlib.image
import numpy as np
import pytest

from percepkit.synth.preview.figures import decay_figure, spectrogram_figures, target_figure, ticks
from percepkit.synth.preview.stages import Stage
from percepkit.synth.rendered import Rendered

RATE = 16_000


def points(path):
    """Pieces of an SVG path as arrays of (x, y)."""
    pieces = [piece.replace("L", " ").split() for piece in path.split("M")[1:]]
    return [np.array(piece, float).reshape(-1, 2) for piece in pieces]


def picture(figure):
    data = base64.b64decode(figure.picture.removeprefix("data:image/png;base64,"))
    return matplotlib.image.imread(io.BytesIO(data), format="png")[..., :3]


@pytest.fixture(scope="module")
def item(voice):
    """Voiced speech in weak noise, silent in its second half."""
    clean, f0_hz = voice(RATE, 2.0, 150.0, glide=0.1)
    clean[RATE:] = 0
    noise = 1e-3 * np.random.default_rng(1).standard_normal(len(clean))
    signals = [x.astype(np.float32) for x in (clean + noise, clean, clean, noise)]
    return Rendered(*signals, RATE), f0_hz


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 8, ["0", "2", "4", "6", "8 kHz"]),
        (0, 11.025, ["0", "2.5", "5", "7.5", "10 kHz"]),
        (0, 0.5, ["0", "0.1"]),
    ],
)
def test_ticks_stand_at_round_numbers(low, high, labels):
    marks = ticks(low, high, "kHz")
    assert [mark.label for mark in marks][: len(labels)] == labels
    for mark in marks:
        assert mark.place == pytest.approx(100 * (float(mark.label.split()[0]) - low) / (high - low), abs=0.01)


def test_spectrograms_share_their_scale():
    loud = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    shown = [(Stage("Speech", str(gain), np.float32(gain) * loud), "", "") for gain in (1, 0.01)]
    bright, dark = (picture(figure).sum(axis=2).max() for figure in spectrogram_figures(shown, RATE))
    assert bright > 1.5 * dark


def test_a_decay_is_the_line_that_its_rt60_says():
    rt60 = 0.3
    h = np.random.default_rng(2).standard_normal(RATE) * 10 ** (-3 * np.arange(RATE) / (rt60 * RATE))
    dry = np.where(np.arange(RATE) < 40, h, 0)
    placer = SimpleNamespace(speech=lambda heard, wanted, row: (h, [dry], {}), noise=lambda impulse, row: 5 * h)
    recipe = SimpleNamespace(sample_rate=RATE, rooms=SimpleNamespace(target="dry", also=()))
    figure = decay_figure(recipe, placer, {"noise_rir_path": "other.wav"}, RATE)
    assert [curve.label for curve in figure.curves] == ["whole response", "target dry", "noise's position"]
    assert figure.curves[2].path == figure.curves[0].path  # relative to its own energy
    [whole] = points(figure.curves[0].path)
    share = whole[:, 0] / whole[-1, 0]  # the axis ends where the decay passes -60 dB, at its RT60
    assert whole[:, 1] == pytest.approx(1000 * share, abs=35)
    assert re.search(r"0\.\d+ s$", figure.across[-1].label)
    [kept] = points(figure.curves[1].path)
    assert kept[0, 1] > whole[0, 1]
    assert kept[-1, 0] < 20


def test_the_pitch_is_that_of_the_voice_and_breaks_where_there_is_none(item):
    rendered, f0_hz = item
    figure = target_figure("pitch_period", rendered)
    top = float(figure.up[-1].label.split()[0]) / figure.up[-1].place * 100
    traced = np.concatenate(points(figure.curves[0].path))
    time, pitch = traced[:, 0] / 1000 * 2.0, (1 - traced[:, 1] / 1000) * top
    assert time.max() < 1.1
    wanted = f0_hz[np.minimum((time * RATE).astype(int), len(f0_hz) - 1)]
    assert np.median(np.abs(pitch / wanted - 1)) < 0.02


def test_gains_are_dark_where_clean_is_silent(item):
    figure = target_figure("erb_gains", item[0])
    shades = picture(figure)
    assert figure.scale == ("0", "1")
    assert shades[-8:, : shades.shape[1] // 2 - 5, 1].mean() > 0.7  # yellow: all of it is speech
    assert shades[:, shades.shape[1] // 2 + 5 :, 1].max() < 0.1  # dark blue


def test_bands_above_the_nyquist_frequency_are_left_out(item):
    figure = target_figure("erb_gains", item[0])
    assert picture(figure).shape[0] == item[0].analysis.layout(RATE).mask.sum() < 34
    assert figure.up[-1].label == "4 kHz"


@pytest.mark.parametrize("name", ["irm", "cirm", "log_magnitude", "complex_spectrum", "band_flags", "vad"])
def test_every_kind_of_target_has_a_figure(name, item):
    figure = target_figure(name, item[0])
    assert bool(figure.picture) != bool(figure.curves)
    assert figure.title
    assert figure.across[-1].label == "2 s"
    if name in ("log_magnitude", "complex_spectrum"):
        assert figure.scale[1].endswith(" dB")
