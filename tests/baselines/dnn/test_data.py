import json
import pickle

import numpy as np
import pytest

from percepkit.baselines.dnn.config import Part
from percepkit.baselines.dnn.data import INDEX, Preparation, cache_corpus, open_recipe, stored_tables
from percepkit.baselines.dnn.features import compute
from percepkit.baselines.dnn.features import make as make_features
from percepkit.baselines.dnn.objectives import make as make_objective
from percepkit.dsp.stft import analyse
from percepkit.engine import cluster
from percepkit.manifests.demo import demo_folder
from percepkit.synth.torch import CorpusDataset

GAINS = make_objective("gains", 16_000)
PREPARE = Preparation(16_000, Part(name="rnnoise"), "gains", signals=True, combed=True, stored=True)


@pytest.fixture(scope="module")
def items(training, tmp_path_factory):
    with cluster.client(0) as serial:
        return cache_corpus(training / "corpus", PREPARE, GAINS, tmp_path_factory.mktemp("cache"), client=serial)


def test_pieces_are_what_the_parts_compute(training, items):
    item = CorpusDataset(training / "corpus", targets=["erb_gains"])[5]
    frames = compute(make_features("rnnoise", 16_000), item["noisy"])
    values, valid = GAINS.stored_targets(item)
    n = len(frames)
    for place, first in ((0.0, 0), (0.5, (n - 39) // 2), (0.999999, n - 40)):
        piece = items.piece(5, epoch=0, place=place, frames=40)
        rows = slice(first, first + 40)
        assert piece["frames"] == 40
        assert np.allclose(piece["features"], frames.features[rows], rtol=1e-3, atol=1e-3)
        assert np.allclose(piece["targets"], values[rows], atol=1e-3)
        assert np.array_equal(piece["valid"], valid[rows])
        assert np.abs(piece["combed"][:, :161] - frames.combed[rows].real).max() < 2e-3 * abs(frames.combed).max()


def test_hops_are_those_of_the_frames(training, items):
    item = CorpusDataset(training / "corpus")[2]
    piece = items.piece(2, epoch=0, place=0.3, frames=30)
    first = int(0.3 * (101 - 29))
    samples = piece["noisy"].reshape(-1) / 32768
    assert np.array_equal(samples, item["noisy"][(first - 1) * 160 : (first + 30) * 160])
    # Its frames are those of the whole item.
    assert np.allclose(analyse(samples, 160)[1:-1], analyse(item["noisy"], 160)[first : first + 30], atol=1e-5)


def test_behind_the_end_nothing_is_valid(items):
    piece = items.piece(0, epoch=0, place=0.7, frames=150)
    n = items.frames(0)
    assert n == piece["frames"] == 101
    assert piece["valid"].shape == (150, 26)
    assert piece["noisy"].shape == (151, 160)
    assert piece["valid"][:n].any()
    assert not piece["valid"][n:].any()
    assert not piece["features"][n:].any()


def test_damage_is_masked_by_the_stored_tables_alone(training):
    dataset = CorpusDataset(training / "corpus", targets=["erb_gains"])
    item = dataset[0]
    item["erb_gains_valid"][:, 20:] = False
    assert not np.unpackbits(PREPARE(item)["valid"], axis=1, count=26)[:, 20:].any()


def test_what_is_there_is_used_and_what_is_missing_is_made(training, tmp_path):
    with cluster.client(0) as serial:
        first = cache_corpus(training / "corpus", PREPARE, GAINS, tmp_path, client=serial)
        [index] = tmp_path.glob(f"*/*/{INDEX}")
        features = index.with_name("features.npy")
        before = features.stat().st_mtime_ns
        cache_corpus(training / "corpus", PREPARE, GAINS, tmp_path, client=serial)
        assert features.stat().st_mtime_ns == before
        wanted = first.piece(3, epoch=0, place=0, frames=50)["features"]
        index.unlink()  # as a kill leaves it
        again = cache_corpus(training / "corpus", PREPARE, GAINS, tmp_path, client=serial, limit=4)
        assert features.stat().st_mtime_ns > before
        assert len(again) == 4
        assert again.seconds == 4
        assert np.array_equal(again.piece(3, epoch=0, place=0, frames=50)["features"], wanted)


def test_other_features_lie_elsewhere(training, tmp_path):
    other = Preparation(16_000, Part(name="log-magnitude"), "gains", signals=False, combed=False, stored=True)
    with cluster.client(0) as serial:
        for prepare in (PREPARE, other):
            cache_corpus(training / "corpus", prepare, GAINS, tmp_path, client=serial, limit=1)
    assert len(list(tmp_path.iterdir())) == 2
    about = [json.loads((folder / "about.json").read_text()) for folder in tmp_path.iterdir()]
    assert all(facts["sample_rate"] == 16_000 for facts in about)


def test_a_recipe_gives_its_corpus_in_epoch_0_and_new_items_later(training, items):
    fly = open_recipe(training / "recipe.yaml", {"speech": demo_folder() / "speech"}, PREPARE, GAINS)
    assert len(fly) == len(items) == 8
    assert fly.seconds == items.seconds == 8
    rendered, read = (source.piece(6, epoch=0, place=0.2, frames=60) for source in (fly, items))
    for name in ("features", "targets", "valid", "noisy", "clean"):
        assert np.array_equal(rendered[name], read[name]), name
    later = fly.piece(6, epoch=1, place=0.2, frames=60)
    assert not np.array_equal(later["noisy"], rendered["noisy"])
    sent = pickle.loads(pickle.dumps(fly)).piece(6, epoch=1, place=0.2, frames=60)
    assert np.array_equal(sent["features"], later["features"])


def test_corpora_that_do_not_fit_are_refused(training, make_recipe):
    recipe = CorpusDataset(training / "corpus").corpus.recipe
    assert stored_tables(recipe, GAINS, 16_000)
    assert not stored_tables(recipe, make_objective("irm", 16_000), 16_000)
    with pytest.raises(ValueError, match=r"expected audio at 48000 Hz, found 16000 Hz; render it anew"):
        stored_tables(recipe, make_objective("gains", 48_000), 48_000)
    coarse = make_recipe(targets=["erb_gains"], analysis={"frame_seconds": 0.03})
    with pytest.raises(ValueError, match=r"frames of 20 ms and the bands `rnnoise`, .* frames of 30 ms"):
        stored_tables(coarse, GAINS, 16_000)
