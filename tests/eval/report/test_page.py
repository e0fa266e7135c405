import re
from html.parser import HTMLParser

import numpy as np
import pytest

from percepkit.engine.tables import write_table
from percepkit.eval.report.page import render_page, write_report


def render(corpus, scores, fakes, **options):
    options = {"corpus_name": "demo", "title": "Report", "players": 1, "load": fakes.load} | options
    return render_page(scores, corpus, **options)


class Outside(HTMLParser):
    """Collect every address that a browser could follow or load, and every script."""

    def __init__(self):
        super().__init__()
        self.addresses, self.scripts, self.handlers = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag == "script":
            self.scripts.append(dict(attributes).get("type"))
        for name, value in attributes:
            if name in ("src", "href", "xlink:href", "action", "poster", "srcset", "data"):
                self.addresses.append(value)
            if name.startswith("on"):
                self.handlers.append(name)


def test_names_from_data_are_escaped(page):
    reader = Outside()
    reader.feed(page)
    assert reader.scripts == ["application/json", None]
    assert reader.handlers == []
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page  # in the players' facts
    assert "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e" in page  # in the data
    assert "Denoisers &lt;on trial&gt;" in page
    assert "demo &amp; co" in page


def test_nothing_is_loaded_from_elsewhere(page):
    reader = Outside()
    reader.feed(page)
    assert all(address.startswith(("data:", "#")) for address in reader.addresses)
    assert not re.search(r"@import|url\((?!#)", page)


def test_same_input_same_bytes(small, fakes):
    corpus, scores = small
    assert render(corpus, scores, fakes) == render(corpus, scores, fakes)


def test_sentence_names_the_best_denoiser_and_oracle(page):
    sentence = re.search(r'<p class="sentence">(.*?)</p>', page, re.DOTALL)[1]
    assert re.match(
        r"Best of the denoisers: net, PESQ-WB \+0\.3\d \[\+0\.3\d, \+0\.3\d\] over noisy on 56 items\.",
        sentence,
    )
    assert "The best oracle, oracle-magnitude," in sentence


def test_coverage_and_reasons_are_shown(page):
    assert ">57/60<" in page
    assert ">59/60<" in page
    assert "out of memory" in page
    assert "000007: all 32000 samples of the estimate are zero" in page
    assert "gate could not be loaded" in page
    assert "No audio. RuntimeError: weights are missing" in page


def test_page_holds_its_limit_by_leaving_players_out(small, fakes):
    corpus, scores = small
    whole = render(corpus, scores, fakes, players=3)
    smaller = render(corpus, scores, fakes, players=3, max_bytes=len(whole.encode()) - 1)
    assert whole.count('class="player"') == 3
    assert smaller.count('class="player"') == 2
    assert len(smaller.encode()) < len(whole.encode())
    assert "1 more item was left out" in smaller
    with pytest.raises(ValueError, match="without players is larger than 10,000 bytes"):
        render(corpus, scores, fakes, max_bytes=10_000)


def test_the_page_tells_its_size(small, fakes):
    page = render(*small, fakes, players=2)
    told = re.search(r"take, with the pictures, ([\d.]+) of this page's ([\d.]+) MB", page)
    assert float(told[2]) == pytest.approx(len(page.encode()) / 1e6, abs=0.06)
    assert 0 < float(told[1]) < float(told[2])


def test_without_players_there_is_no_listening_section(small, fakes):
    corpus, scores = small
    page = render(corpus, scores, fakes, players=0)
    assert "<audio" not in page
    assert 'id="listen"' not in page


def test_progress_ends_at_its_total(small, fakes):
    corpus, scores = small
    calls = []
    render(corpus, scores, fakes, players=2, progress=lambda done, total: calls.append((done, total)))
    assert [total for _, total in calls] == [8] * 9
    assert [done for done, _ in calls] == [1, 2, 3, 4, 5, 6, 7, 8, 8]  # the last one says that all is done


def test_scores_without_noisy_oracles_or_rooms(fakes):
    corpus = fakes.Corpus(fakes.make_items(6, rooms=False))
    scores = fakes.make_scores(corpus.items, names=("wiener",), metrics=("pesq_wb",))
    page = render(corpus, scores, fakes, players=1)
    assert "Best of the denoisers: wiener, PESQ-WB 1." in page
    assert 'id="room"' not in page
    assert 'id="ladder"' not in page


def test_anchors_and_oracles_without_a_denoiser(fakes):
    corpus = fakes.Corpus(fakes.make_items(6))
    fakes.CEILING["clean"] = 3.0
    try:
        scores = fakes.make_scores(corpus.items, names=("noisy", "oracle-gains", "clean"), metrics=("pesq_wb",))
        page = render(corpus, scores, fakes, players=1)
    finally:
        del fakes.CEILING["clean"]
    assert "The best oracle, oracle-gains," in page  # not the clean speech
    assert "Anchors: what the metrics say" in page
    assert 'id="ladder"' in page
    assert "Share of the gap" not in page
    assert 'id="worst"' not in page


def test_nothing_scored_at_all_is_still_a_page(fakes):
    corpus = fakes.Corpus(fakes.make_items(4))
    scores = fakes.make_scores(corpus.items, names=("noisy", "wiener"), metrics=("pesq_wb", "stoi"))
    fakes.fail(scores, scores["item"] >= 0, "crashed", "signal 11")
    page = render(corpus, scores, fakes, players=1)
    assert "No denoiser has a PESQ-WB score." in page
    assert ">0/4<" in page


def test_one_item(fakes):
    corpus = fakes.Corpus(fakes.make_items(1))
    page = render(corpus, fakes.make_scores(corpus.items, metrics=("si_sdr",)), fakes, players=5)
    assert page.count('class="player"') == 1


def test_unknown_metric_and_odd_labels(fakes):
    items = fakes.make_items(10)
    items["noise_class"] = ["$x_1$", "雨", None, "%", "a" * 80] * 2
    scores = fakes.make_scores(items.assign(noise_class="babble"), names=("noisy", "wiener"), metrics=("stoi",))
    scores["metric"] = scores["metric"].replace("stoi", "shininess")
    page = render(fakes.Corpus(items), scores, fakes)
    assert "SHININESS" in page
    assert '"$x_1$"' in page
    assert "\\u96e8" in page


@pytest.mark.parametrize("players", [-1, 41])
def test_impossible_number_of_players(small, fakes, players):
    corpus, scores = small
    with pytest.raises(ValueError, match=f"players is {players}; give 0 to 40"):
        render(corpus, scores, fakes, players=players)


def test_scores_of_another_corpus_are_refused(small, fakes):
    corpus, scores = small
    other = fakes.Corpus(corpus.items.head(4))
    with pytest.raises(ValueError, match=r"6 scored items are not in the corpus \(the first: 4\)"):
        render(other, scores, fakes)
    with pytest.raises(ValueError, match="no rows"):
        render(corpus, scores.head(0), fakes)


def test_write_report_reads_and_writes_files(tmp_path, fakes, monkeypatch):
    corpus = fakes.Corpus(fakes.make_items(5))
    scores = fakes.make_scores(corpus.items, names=("noisy", "high-pass"), metrics=("stoi",))
    write_table(scores, tmp_path / "scores.parquet", kind="scores")
    monkeypatch.setattr("percepkit.eval.report.page.open_material", lambda folder: corpus)
    out = write_report(
        tmp_path / "scores.parquet", tmp_path / "my corpus", tmp_path / "out" / "report.html", players=1
    )
    text = out.read_text(encoding="utf-8")
    assert "<dd>fake corpus</dd>" in text
    assert text.rstrip().endswith("</html>")
    assert [file.name for file in out.parent.iterdir()] == ["report.html"]
    with pytest.raises(ValueError, match=r"none\.parquet"):
        write_report(tmp_path / "none.parquet", tmp_path, out)


def test_quarantined_items_are_counted(fakes):
    items = fakes.make_items(6)
    scores = fakes.make_scores(items.head(5), names=("noisy", "wiener"), metrics=("stoi",))
    items.loc[5, ["status", "seconds"]] = ["silent", np.nan]
    page = render(fakes.Corpus(items), scores, fakes)
    assert "1 silent." in page
    assert "Items scored</dt><dd>5<" in page
