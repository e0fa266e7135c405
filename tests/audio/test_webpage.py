import base64
import hashlib
import re

import jinja2
import pytest

from percepkit.audio.webpage import data_address, render_webpage

TEMPLATE = "<style>{{ style }}</style><p>{{ name }}</p><script>{{ script }}</script><i>{{ script_hash }}</i>"


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "page.html"
    path.write_text(TEMPLATE)
    return path


def test_names_are_escaped_and_styles_and_scripts_are_not(template):
    page = render_webpage(template, {"name": "<b>&"}, style="p > i { margin: 0 }", script="if (1 && 2 > 1) {}")
    assert "<p>&lt;b&gt;&amp;</p>" in page
    assert page.index(".player") < page.index("p > i { margin: 0 }</style>")
    assert "if (1 && 2 > 1) {}</script>" in page


def test_the_hash_is_that_of_the_whole_script(template):
    page = render_webpage(template, {"name": ""}, script="let x = 'é';")
    [script] = re.findall(r"<script>(.*)</script>", page, re.DOTALL)
    assert script.endswith("let x = 'é';")
    assert f"<i>{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}</i>" in page


def test_a_forgotten_value_is_an_error(template):
    with pytest.raises(jinja2.UndefinedError, match="'name' is undefined"):
        render_webpage(template, {})


def test_a_data_address_gives_the_data_back():
    data = bytes(range(256))
    kind, _, text = data_address("image/png", data).partition(",")
    assert (kind, base64.b64decode(text)) == ("data:image/png;base64", data)
