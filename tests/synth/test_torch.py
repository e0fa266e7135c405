"""Datasets: the same samples as the rendered corpus, other ones in every epoch, in any process."""

import pickle
import shutil
import subprocess
import sys
import tarfile

import numpy as np
import pytest

from percepkit.engine import cluster
from percepkit.synth.corpus import open_corpus
from percepkit.synth.run import run_recipe
from percepkit.synth.sources import load_sources
from percepkit.synth.torch import CorpusDataset, SynthDataset
from percepkit.synth.verify import verify_corpus
from percepkit.synth.yaml_model import yaml_text

TARGETS = ["erb_gains", "band_flags", "vad"]


@pytest.fixture(scope="module")
def made(world, roots, make_recipe, tmp_path_factory):
    """A recipe file, and its corpus as folders and as tars."""
    folder = tmp_path_factory.mktemp("datasets")
    for name in ("speech", "noise", "rooms"):
        shutil.copy(world / f"{name}.parquet", folder)
    recipe = make_recipe(items=7, items_per_shard=3, targets=TARGETS)
    (folder / "recipe.yaml").write_text(yaml_text(recipe))
    for container in ("folder", "tar"):
        with cluster.client(0) as client:
            chosen = recipe.model_copy(update={"container": container})
            run_recipe(chosen, load_sources(recipe, world), folder / container, roots, client=client)
    return folder


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


def test_epoch_zero_is_the_rendered_corpus(made, roots):
    live = SynthDataset(made / "recipe.yaml", roots, stems=["noisy", "clean", "noise"], targets=TARGETS)
    for container in ("folder", "tar"):
        stored = CorpusDataset(made / container, stems=["noisy", "clean", "noise"], targets=TARGETS)
        assert len(stored) == len(live) == 7
        for index in (6, 0, 3):
            same(live[index], stored[index])


def test_epochs_share_no_item(made, roots):
    live = SynthDataset(made / "recipe.yaml", roots)
    seen = {}
    for epoch in range(3):
        live.set_epoch(epoch)
        for index in range(7):
            item = live[index]
            assert item["item"] == 7 * epoch + index
            seen[item["item"]] = item["noisy"]
    # A peer's epoch e, item i is epoch e + 1, item i - 1.
    assert len({x.tobytes() for x in seen.values()}) == 21
    with pytest.raises(ValueError, match="epochs count from 0"):
        live.set_epoch(-1)
    with pytest.raises(IndexError, match="index 7 of 7"):
        live[7]


def test_worker_processes_render_the_same(made, roots, tmp_path):
    live = SynthDataset(made / "recipe.yaml", roots, targets=["erb_gains"])
    here = live[4]
    (tmp_path / "dataset.pickle").write_bytes(pickle.dumps(live))
    code = (
        "import pickle, sys, numpy as np\n"
        f"data = pickle.load(open({str(tmp_path / 'dataset.pickle')!r}, 'rb'))\n"
        f"np.savez({str(tmp_path / 'item.npz')!r}, **data[4])\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    same(here, dict(np.load(tmp_path / "item.npz")))


def test_a_data_loader_takes_them(made, roots):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra dnn)")
    live = SynthDataset(made / "recipe.yaml", roots, targets=["erb_gains"])
    alone = [live[i]["noisy"] for i in range(7)]
    loader = torch.utils.data.DataLoader(live, batch_size=3, num_workers=2)
    batches = [batch["noisy"].numpy() for batch in loader]
    np.testing.assert_array_equal(np.concatenate(batches), alone)


def test_a_tar_is_webdataset_and_the_same_in_every_run(made, world, roots, make_recipe, tmp_path):
    recipe = make_recipe(items=7, items_per_shard=3, targets=TARGETS, container="tar")
    with cluster.client(0) as client:
        run_recipe(recipe, load_sources(recipe, world), tmp_path / "again", roots, client=client)
        assert verify_corpus(open_corpus(tmp_path / "again"), client=client).empty
    for shard in ("00000", "00002"):
        first, second = (f / "shards" / shard / "shard.tar" for f in (made / "tar", tmp_path / "again"))
        assert first.read_bytes() == second.read_bytes()
        assert sorted(path.name for path in first.parent.iterdir()) == ["items.parquet", "shard.tar"]
    with tarfile.open(made / "tar" / "shards" / "00000" / "shard.tar") as tar:
        names = tar.getnames()
        assert {member.mtime for member in tar} == {0}
    # Members of one item are neighbours and share their name up to the first dot.
    keys = [name.split(".")[0] for name in names]
    assert list(dict.fromkeys(keys)) == ["000000", "000001", "000002"]
    assert keys == sorted(keys)
    assert {"000001.noisy.wav", "000001.erb_gains.npy", "000001.erb_gains.valid.npy"} <= set(names)


def test_a_changed_tar_is_found(made, tmp_path):
    shutil.copytree(made / "tar", tmp_path / "tar")
    file = tmp_path / "tar" / "shards" / "00001" / "shard.tar"
    content = bytearray(file.read_bytes())
    content[2000] ^= 1
    file.write_bytes(content)
    with cluster.client(0) as client:
        problems = verify_corpus(open_corpus(tmp_path / "tar"), client=client)
        assert len(problems) == 1
        assert problems["shard"][0] == 1
        file.write_bytes(content[: len(content) // 2])
        assert len(verify_corpus(open_corpus(tmp_path / "tar"), client=client)) > 1


def test_unknown_names_are_refused(made, roots):
    with pytest.raises(ValueError, match="unknown stem reverb; known: noisy, clean"):
        SynthDataset(made / "recipe.yaml", roots, stems=["reverb"])
    with pytest.raises(ValueError, match="unknown target gain; known: erb_gains"):
        SynthDataset(made / "recipe.yaml", roots, targets=["gain"])
    with pytest.raises(ValueError, match="unknown target irm; known: erb_gains, band_flags, vad"):
        CorpusDataset(made / "tar", targets=["irm"])
