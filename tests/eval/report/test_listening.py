import base64
import io
import math

import numpy as np
import pytest
import soundfile

from percepkit.eval.report.choice import Choice
from percepkit.eval.report.listening import make_player
from percepkit.eval.report.roster import make_roster
from percepkit.eval.report.table import metric_cards


def decode(address):
    return base64.b64decode(address.partition("base64,")[2])


def player_of(fakes, corpus, names=("wiener", "net")):
    entries = make_roster(["noisy", *names], fakes.load)
    scores = fakes.make_scores(corpus.items, names=("noisy", *names))
    return make_player(corpus, Choice(0, "worst", -0.1), entries, scores, metric_cards(scores))


def test_players_hold_the_very_signals(fakes):
    corpus = fakes.Corpus(fakes.make_items(1))
    player = player_of(fakes, corpus)
    tiles = {tile.name: tile for tile in player.tiles}
    assert list(tiles) == ["clean", "noisy", "wiener", "net"]
    for name, factor in {"clean": None, "noisy": 1.0, "wiener": fakes.load("wiener")._factor}.items():
        x, rate = soundfile.read(io.BytesIO(decode(tiles[name].audio)))
        truth = corpus.stem(0, "clean") if factor is None else corpus.stem(0, "noisy") * factor
        assert (rate, len(x)) == (16_000, len(truth))
        # Opus keeps the sound, not the samples: of speech-like tones nearly all energy is at its place.
        assert np.corrcoef(x, truth)[0, 1] > 0.95
    assert tiles["net"].audio == ""
    assert tiles["net"].trouble == "RuntimeError: weights are missing"
    assert player.softer_db == 0


def test_loud_rows_are_turned_down_as_one(fakes):
    class Loud(fakes.Corpus):
        def stem(self, item, name):
            return 8 * super().stem(item, name)

    player = player_of(fakes, Loud(fakes.make_items(1)))
    signals = [soundfile.read(io.BytesIO(decode(tile.audio)))[0] for tile in player.tiles if tile.audio]
    assert player.softer_db > 0
    assert max(np.abs(x).max() for x in signals) == pytest.approx(0.999, abs=0.05)
    ratio = np.std(signals[2]) / np.std(signals[1])
    assert ratio == pytest.approx(fakes.load("wiener")._factor, rel=0.01)


def test_long_items_are_cut_to_their_middle(fakes):
    player = player_of(fakes, fakes.Corpus(fakes.make_items(1, seconds=20.0)), names=("wiener",))
    assert player.excerpt == "seconds 7.8 to 12.2 of 20.0"
    assert player.seconds == 4.5
    assert soundfile.info(io.BytesIO(decode(player.tiles[0].audio))).frames == 4.5 * 16_000


def test_tiles_show_scores_and_statuses(fakes):
    corpus = fakes.Corpus(fakes.make_items(1))
    entries = make_roster(["noisy", "wiener"], fakes.load)
    scores = fakes.make_scores(corpus.items, names=("noisy", "wiener"))
    scores.loc[scores["metric"] == "stoi", "value"] = 0.5
    fakes.fail(scores, (scores["metric"] == "pesq_nb") & (scores["denoiser"] == "wiener"), "timeout", "60 s")
    player = make_player(corpus, Choice(0, "", math.nan), entries, scores, metric_cards(scores))
    wiener = {label: (value, delta) for label, value, delta in player.tiles[2].scores}
    assert wiener["STOI"] == ("0.500", "+0.000")
    assert wiener["PESQ-NB"] == ("timeout", "")
