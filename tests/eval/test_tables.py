"""Markdown, LaTeX and CSV: what is markup there comes out as text."""

import io
import re

import pandas as pd
import pytest
from rich.console import Console

from percepkit.eval.tables import Sheet, sheets_text, split_sheet, terminal_table, to_latex, to_markdown

SHEET = Sheet(
    ["denoiser", "pesq_wb ↑", "n"],
    [["my|net_1 & <b>", "2.31 [2.20, 2.43]\n+0.4 [0.3, 0.5]", "5"], ["50%#~^\\{}$", "1", "5"]],
    title="SNR [red] 5 dB",
    notes=["a_note"],
)


def test_markdown_has_one_line_a_row_and_no_markup_from_names():
    text = to_markdown(SHEET)
    lines = text.splitlines()
    assert lines[0] == r"**SNR \[red\] 5 dB**"
    assert lines[2] == r"| denoiser | pesq\_wb ↑ | n |"
    assert lines[3] == "| --- | ---: | ---: |"
    assert lines[4] == r"| my\|net\_1 & \<b\> | 2.31 \[2.20, 2.43\]<br>+0.4 \[0.3, 0.5\] | 5 |"
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 4 for line in lines[2:6])
    assert lines[-1] == r"a\_note"


def test_latex_rows_are_complete_and_specials_escaped():
    text = to_latex(SHEET)
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 4  # heading, two rows, and the second line of one cell
    assert all(len(re.findall(r"(?<!\\)&", row)) == 2 for row in rows)
    assert r"my\textbar{}net\_1 \& \textless{}b\textgreater{}" in text
    assert r"50\%\#\textasciitilde{}\textasciicircum{}\textbackslash{}\{\}\$" in text
    assert r"\begin{tabular}{lrr}" in text


def test_csv_holds_the_numbers():
    numbers = pd.DataFrame({"denoiser": ["a,b"], "mean": [1 / 3]})
    text = sheets_text([SHEET], numbers, form="csv")
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(text)), numbers)


def test_the_terminal_shows_names_as_they_are():
    console = Console(file=io.StringIO(), width=100)
    console.print(terminal_table(SHEET))
    assert "SNR [red] 5 dB" in console.file.getvalue()
    assert "2.31 [2.20, 2.43]" in console.file.getvalue()


def test_unknown_formats():
    with pytest.raises(ValueError, match="unknown format 'html'; choose from markdown, latex, csv"):
        sheets_text([SHEET], pd.DataFrame(), form="html")


def test_a_wide_table_is_split_to_fit_and_nothing_wraps():
    metrics = [f"metric_{k} ↑\nMOS-LQO" for k in range(9)]
    rows = [[name, *(f"2.31 [2.20, 2.4{k}]\n+0.4 [0.3, 0.5]" for k in range(9)), "5"] for name in ("noisy", "net")]
    wide = Sheet(["denoiser", *metrics, "n"], rows, title="all", notes=["a note"], repeat=("n",))
    for width in (60, 100):
        parts = split_sheet(wide, width)
        console = Console(file=io.StringIO(), width=1000)
        for part in parts:
            console.print(terminal_table(part))
        lines = console.file.getvalue().splitlines()
        assert max(len(line.rstrip()) for line in lines) <= width
        assert [head for part in parts for head in part.columns[1:-1]] == metrics
        assert {(part.columns[0], part.columns[-1], part.rows[1][0]) for part in parts} == {
            ("denoiser", "n", "net")
        }
        assert [part.title for part in parts] == ["all"] + [""] * (len(parts) - 1)
        assert parts[-1].notes == ["a note"]
        assert not parts[0].notes
    assert len(split_sheet(wide, 100)) == 3
    assert split_sheet(wide, 1000) == [wide]
    assert split_sheet(SHEET, 10) == [SHEET]
