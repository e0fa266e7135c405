import io

import matplotlib.image
import numpy as np
import pytest

from percepkit.eval.report.picture import encode_png, level_db, spectrogram_png


def test_png_is_read_back_by_another_decoder():
    draw = np.random.default_rng(1)
    palette = draw.integers(0, 256, (64, 3), dtype=np.uint8)
    index = draw.integers(0, 64, (37, 53), dtype=np.uint8)
    picture = matplotlib.image.imread(io.BytesIO(encode_png(index, palette)), format="png")
    assert np.array_equal(np.rint(picture[..., :3] * 255).astype(np.uint8), palette[index])


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 48_000])
def test_a_tone_shows_at_its_frequency(sample_rate):
    t = np.arange(2 * sample_rate) / sample_rate
    level = level_db(np.sin(2 * np.pi * 1000 * t).astype(np.float32), sample_rate)
    rows, columns = level.shape
    assert rows <= 160
    assert columns <= 360
    height = 1 - (level[:, 5:-5].mean(axis=1).argmax() + 0.5) / rows
    assert height * sample_rate / 2 == pytest.approx(1000, abs=sample_rate / 2 / rows)


def test_shared_scale_makes_levels_comparable():
    level = np.linspace(-90, 0, 50)[:, None].repeat(4, axis=1)
    bright = matplotlib.image.imread(io.BytesIO(spectrogram_png(level, 0.0)), format="png")
    dark = matplotlib.image.imread(io.BytesIO(spectrogram_png(level - 20, 0.0)), format="png")
    assert bright[-1].sum() > dark[-1].sum() > dark[0].sum()


def test_silence_is_black_not_an_error():
    level = level_db(np.zeros(400), 16_000)
    assert np.isfinite(level).all()
    assert spectrogram_png(level, float(level.max()))


def test_one_sample():
    assert level_db(np.ones(1), 16_000).shape[1] >= 1
