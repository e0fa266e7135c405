"""Super-resolution: input at a low rate, target at the full one, aligned and told apart by every reader."""

import numpy as np
import pytest

from percepkit.audio.files import read_bytes, write
from percepkit.audio.resampling import resample
from percepkit.dsp.alignment import estimate_alignment
from percepkit.engine import cluster
from percepkit.manifests.scan import scan
from percepkit.manifests.table import write_manifest
from percepkit.synth.corpus import open_corpus
from percepkit.synth.overview import essentials, plan_overview
from percepkit.synth.plan import draw_plan
from percepkit.synth.recipe import Recipe
from percepkit.synth.render import Renderer
from percepkit.synth.run import run_recipe
from percepkit.synth.sources import load_sources
from percepkit.synth.torch import CorpusDataset, SynthDataset
from percepkit.synth.verify import verify_corpus
from percepkit.synth.yaml_model import yaml_text

RATE, INPUT_RATE = 48_000, 16_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Wide-band pulses of two speakers, one of whom has nothing above 8 kHz."""
    folder = tmp_path_factory.mktemp("wide")
    rng = np.random.default_rng(0)
    for name, rate in (("wide", RATE), ("narrow", INPUT_RATE)):
        (folder / "speech" / name).mkdir(parents=True)
        x = 0.1 * rng.standard_normal(4 * rate) * np.repeat(rng.uniform(0.1, 1, 40), rate // 10)
        write(folder / "speech" / name / "1.wav", resample(x, rate, RATE), RATE)
    with cluster.client(0) as client:
        table = scan(folder / "speech", kind="speech", root_name="speech", pattern="{speaker}/*", client=client)
    write_manifest(table, folder / "speech.parquet")
    write_manifest(table[table["speaker"] == "narrow"].reset_index(drop=True), folder / "narrow.parquet")
    return folder


def recipe_of(**changes):
    content = {
        "name": "wider", "seed": 1, "items": 3, "item_seconds": 1.0, "sample_rate": RATE, "input_rate": INPUT_RATE,
        "speech": {"manifest": "speech.parquet"}, "noise": {"generated": ["pink"]}, "snr_db": 20,
        "targets": ["erb_gains", "band_flags"],
    }  # fmt: skip
    return Recipe.model_validate(content | changes)


def first(recipe, folder):
    row = draw_plan(recipe, load_sources(recipe, folder), count=1).iloc[0]
    return Renderer(recipe, {"speech": folder / "speech"})(row)


def test_the_input_is_the_mixture_at_the_low_rate(folder):
    item = first(recipe_of(), folder)
    assert len(item.stem("noisy")) == INPUT_RATE
    assert len(item.clean) == len(item.noisy) == RATE
    whole = first(recipe_of(input_rate=None), folder)
    np.testing.assert_array_equal(item.clean, whole.clean)
    np.testing.assert_array_equal(item.stem("noisy"), resample(whole.noisy, RATE, INPUT_RATE))
    spectrum = np.abs(np.fft.rfft(item.noisy * np.hanning(RATE))) ** 2
    hz = np.fft.rfftfreq(RATE, 1 / RATE)
    assert spectrum[hz > 8200].sum() < 1e-7 * spectrum.sum()
    full = np.abs(np.fft.rfft(item.clean * np.hanning(RATE))) ** 2
    assert full[hz > 8200].sum() > 0.3 * full.sum()
    found = estimate_alignment(resample(item.clean, RATE, INPUT_RATE), item.stem("noisy"), INPUT_RATE)
    assert (found.delay_seconds, found.drift_ppm) == (0, 0)


def test_bands_that_the_input_lacks_are_no_targets(folder):
    item = first(recipe_of(), folder)
    valid = item.percepnet.gains_valid
    assert valid[5:-5, :10].all()
    assert not valid[5:-5, -3:].any()


def test_speech_without_a_high_band_is_not_drawn(folder):
    sources = load_sources(recipe_of(), folder)
    assert sources.dropped == ("speech.manifest: 1 of 2 files end below 16000 Hz (input_rate)",)
    plan = draw_plan(recipe_of(items=20), sources)
    assert set(plan["speaker"]) == {"wide"}
    plan = draw_plan(recipe_of(items=20, input_rate=None), load_sources(recipe_of(input_rate=None), folder))
    assert set(plan["speaker"]) == {"wide", "narrow"}
    with pytest.raises(
        ValueError, match=r"no recording of speech.manifest reaches 16000 Hz.*the widest ends at \d+ Hz"
    ):
        load_sources(recipe_of(speech={"manifest": "narrow.parquet"}), folder)
    with pytest.raises(ValueError, match=r"`input_rate` must be below the sample rate, found 48000"):
        recipe_of(input_rate=48_000)


def test_loud_peaks_of_the_low_rate_are_guarded(folder):
    item = first(recipe_of(level_dbfs=0, item_seconds=0.51), folder)
    assert len(item.stem("noisy")) == np.ceil(0.51 * INPUT_RATE)
    assert np.abs(item.stem("noisy")).max() <= 0.9901
    mix = resample(item.speech + item.noise, RATE, INPUT_RATE)
    np.testing.assert_allclose(item.stem("noisy"), mix, atol=1e-6)


@pytest.mark.parametrize("rate, container", [(48_000, "folder"), (44_100, "tar")])
def test_every_reader_knows_both_rates(folder, tmp_path, rate, container):
    recipe = recipe_of(sample_rate=rate, item_seconds=0.777, container=container, audio_format="flac")
    (folder / "recipe.yaml").write_text(yaml_text(recipe))
    roots = {"speech": folder / "speech"}
    with cluster.client(0) as client:
        run_recipe(recipe, load_sources(recipe, folder), tmp_path / "corpus", roots, client=client)
        corpus = open_corpus(tmp_path / "corpus")
        assert verify_corpus(corpus, client=client).empty
    n_low = -(-recipe.n_samples * INPUT_RATE // rate)
    content = corpus.reader(0).audio("000000.noisy.flac")
    x, written_rate = read_bytes(content, "noisy")
    assert (written_rate, len(x)) == (INPUT_RATE, n_low)
    np.testing.assert_array_equal(corpus.stem(0, "noisy", as_written=True), x)
    assert len(corpus.stem(0, "noisy")) == len(corpus.stem(0, "clean")) == recipe.n_samples
    stored = CorpusDataset(tmp_path / "corpus", targets=["erb_gains"])[1]
    fresh = SynthDataset(folder / "recipe.yaml", roots, targets=["erb_gains"])[1]
    assert len(stored["noisy"]) == n_low
    for name in ("noisy", "clean", "erb_gains"):
        np.testing.assert_array_equal(stored[name], fresh[name])
    wav = recipe_of(item_seconds=2, targets=[])
    full = wav.model_copy(update={"input_rate": None})
    low, high = (plan_overview([essentials(corpus.plan)], other).disk_bytes for other in (wav, full))
    assert high - low == 3 * 2 * 2 * (48_000 - 16_000)


def test_a_changed_input_is_found(folder, tmp_path, monkeypatch):
    recipe = recipe_of(targets=[])
    with cluster.client(0) as client:
        run_recipe(
            recipe, load_sources(recipe, folder), tmp_path / "c", {"speech": folder / "speech"}, client=client
        )
        file = tmp_path / "c/shards/00000/audio/000001.noisy.wav"
        x, rate = read_bytes(file.read_bytes(), "noisy")
        write(file, np.roll(x, 1), rate)
        monkeypatch.setattr("percepkit.synth.verify.checksum", lambda content: AnySum())
        problems = verify_corpus(open_corpus(tmp_path / "c"), client=client)
    assert problems["item"].tolist() == [1]
    assert problems["problem"][0].startswith("noisy differs from speech + noise by")


class AnySum(str):
    """A checksum that equals every other."""

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__
