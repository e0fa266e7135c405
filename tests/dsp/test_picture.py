import io

import matplotlib.image
import numpy as np
import pytest

from percepkit.dsp.picture import encode_png, level_db, share_png, shrink, spectrogram_png


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


def test_shares_are_drawn_in_the_palette_and_unknown_ones_in_grey():
    share = np.array([[0.0, 1.0, -3.0], [7.0, np.nan, 0.5]])
    picture = matplotlib.image.imread(io.BytesIO(share_png(share, "viridis")), format="png")[..., :3]
    low, high = (matplotlib.colormaps["viridis"](x)[:3] for x in (0.0, 1.0))
    for place, colour in {(0, 0): low, (0, 2): low, (0, 1): high, (1, 0): high}.items():
        assert picture[place] == pytest.approx(colour, abs=1 / 255)
    assert picture[1, 1] == pytest.approx([128 / 255] * 3)
    assert picture[1, 2] == pytest.approx(matplotlib.colormaps["viridis"](0.5)[:3], abs=0.02)


def test_shrunk_tables_keep_their_mean_and_leave_out_the_unknown():
    table = np.random.default_rng(3).uniform(size=(320, 720))
    assert shrink(table) == pytest.approx(table.reshape(160, 2, 360, 2).mean(axis=(1, 3)))
    hidden = np.where(np.arange(720) % 2, np.nan, table)
    assert shrink(hidden) == pytest.approx(table[:, ::2].reshape(160, 2, 360).mean(axis=1))
    small = np.array([[0.25, np.nan]])
    assert np.array_equal(shrink(small), small, equal_nan=True)
