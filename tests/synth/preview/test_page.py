import re
from html.parser import HTMLParser
from pathlib import PurePosixPath

import pytest

from percepkit.audio.files import info, read
from percepkit.synth.plan import draw_plan
from percepkit.synth.preview.page import write_preview
from percepkit.synth.render import Renderer


class Reader(HTMLParser):
    """Collects tags, addresses and handlers."""

    def __init__(self):
        super().__init__()
        self.tags, self.addresses, self.handlers = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "action", "poster", "srcset", "data"):
                self.addresses.append(value)
            if name.startswith("on"):
                self.handlers.append(name)


def parsed(folder):
    reader = Reader()
    reader.feed((folder / "index.html").read_text(encoding="utf-8"))
    return reader


def test_stems_are_those_that_are_rendered(preview, roots):
    rate = preview.recipe.sample_rate
    for item in preview.good:
        row = draw_plan(preview.recipe, preview.sources, first=item.item, count=1).to_dict("records")[0]
        rendered = Renderer(preview.recipe, roots)(row)
        assert item.files == [f"{item.item_id}.{stem}.wav" for stem in preview.recipe.stems]
        for file, stem in zip(item.files, preview.recipe.stems, strict=True):
            x, found_rate = read(preview.folder / "out" / file, channel=0)
            assert found_rate == rate
            assert x == pytest.approx(rendered.stem(stem), abs=2**-15)


def test_every_address_is_a_sound_in_the_folder(preview):
    out = preview.folder / "out"
    addresses = {a for a in parsed(out).addresses if not a.startswith(("data:", "#"))}
    for address in addresses:
        path = PurePosixPath(address)
        assert not path.is_absolute()
        assert ".." not in path.parts
        assert info(out / path).frames == preview.recipe.n_samples
    assert addresses == {path.relative_to(out).as_posix() for path in out.rglob("*.wav")}


def test_names_from_data_are_escaped(preview):
    reader = parsed(preview.folder / "out")
    assert reader.handlers == []
    assert reader.tags.count("script") == 1
    page = (preview.folder / "out" / "index.html").read_text(encoding="utf-8")
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_every_stage_has_a_title_axes_and_a_player(preview):
    page = (preview.folder / "out" / "index.html").read_text(encoding="utf-8")
    figures = re.findall(r'<figure class="tile">.*?</figure>', page, re.DOTALL)
    assert len(figures) == sum(len(group.figures) for item in preview.good for group in item.groups)
    for figure in figures:
        assert re.search(r"<figcaption>(<span.*?</span>)?\w", figure)
        assert re.search(r'class="up">.*(Hz|dB|1 )</span>', figure)
        assert re.search(r'class="across">.*\d s</span>', figure)
    titles = {figure.title for item in preview.good for group in item.groups for figure in group.figures}
    assert titles >= {
        "As cut", "After random filter", "In its room", "Energy decay", "As cut or generated",
        "After equaliser", "Background", "Layer rival", "Layer knocks", "Mixed", "After clipping", "Clean",
        "Also dry", "Also reverberant", "ERB gains", "Comb strengths", "Pitch",
    }  # fmt: skip


def test_a_bad_source_is_told_and_the_others_are_shown(preview):
    statuses = {item.status for item in preview.bad}
    assert statuses == {"ok", "silent"}
    page = (preview.folder / "bad" / "index.html").read_text(encoding="utf-8")
    for item in preview.bad:
        assert f"<h2>Item {item.item_id}</h2>" in page
        if item.status == "silent":
            assert "this room impulse response is silent" in item.reason
            assert item.facts
            assert not item.groups
            assert not list((preview.folder / "bad").glob(f"**/{item.item_id}*"))
    n_bad = sum(item.status != "ok" for item in preview.bad)
    assert f"stage by stage. {n_bad} could not be rendered" in page
    assert page.count("Quarantined: silent.") == sum(item.status == "silent" for item in preview.bad)


def test_a_page_of_another_kind_is_left_alone(preview, roots, tmp_path):
    (tmp_path / "index.html").write_text("my site")
    with pytest.raises(ValueError, match=r"index\.html is a page of another kind; name another folder"):
        write_preview(preview.recipe, preview.sources, roots, tmp_path, numbers=[0])
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_a_missing_root_is_named(preview, tmp_path):
    with pytest.raises(ValueError, match=r"under the root 'noise'; say where it lies: --root noise=FOLDER"):
        write_preview(preview.recipe, preview.sources, {}, tmp_path / "out", numbers=[0])
    assert not (tmp_path / "out").exists()


def test_the_same_recipe_gives_the_same_page(preview, roots, tmp_path):
    done = []
    write_preview(
        preview.recipe, preview.sources, roots, tmp_path, numbers=[0, 1, 2],
        progress=lambda n, total: done.append((n, total)),
    )  # fmt: skip
    assert done == [(1, 3), (2, 3), (3, 3)]
    for path in (preview.folder / "out").rglob("*.*"):
        assert (tmp_path / path.relative_to(preview.folder / "out")).read_bytes() == path.read_bytes()
