"""Tables for people: laid out once, printed on a terminal, or written as Markdown, LaTeX or CSV."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd
from rich import box
from rich.markup import escape
from rich.table import Table

__all__ = ["FORMATS", "Sheet", "sheets_text", "split_sheet", "terminal_table", "to_latex", "to_markdown"]

FORMATS = ("markdown", "latex", "csv")
_GAP = 3  # characters between two columns on a terminal

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "±": r"$\pm$", "≤": r"$\le$", "²": r"$^2$",
}  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """A table as text.

    Attributes
    ----------
    columns : list of str
        Headings; the first column is aligned left, the others right. Line breaks are kept.
    rows : list of lists of str
    title : str
        Empty for none.
    notes : list of str
        Lines below the table.
    left : tuple of str
        Further columns that are aligned left.
    repeat : tuple of str, optional
        Columns that stand, as the first one does, in every part if the table is split for want of room; it is
        never split without.
    """

    columns: list[str]
    rows: list[list[str]]
    title: str = ""
    notes: list[str] = field(default_factory=list)
    left: tuple[str, ...] = ()
    repeat: tuple[str, ...] | None = None

    def is_left(self, position: int) -> bool:
        """Whether a column is text."""
        return position == 0 or self.columns[position] in self.left


def terminal_table(sheet: Sheet) -> Table:
    """Lay a sheet out for a terminal; the notes are left to be printed."""
    table = Table(title=escape(sheet.title) or None, title_justify="left", box=box.SIMPLE_HEAD)
    for position, column in enumerate(sheet.columns):
        table.add_column(escape(column), justify="left" if sheet.is_left(position) else "right")
    for row in sheet.rows:
        table.add_row(*map(escape, row))
    return table


def split_sheet(sheet: Sheet, width: int) -> list[Sheet]:
    """Split a table that is too wide by its columns; the first part keeps the title, the last one the notes.

    Parameters
    ----------
    sheet : Sheet
    width : int
        Characters in a line. A part whose columns cannot be parted is wider.

    Examples
    --------
    >>> wide = Sheet(["who", "x", "y", "n"], [["a", "1" * 9, "2" * 9, "5"]], repeat=("n",))
    >>> [part.columns for part in split_sheet(wide, 30)]
    [['who', 'x', 'n'], ['who', 'y', 'n']]
    """
    places = range(len(sheet.columns))
    needs = [_width_of([sheet.columns[k], *(row[k] for row in sheet.rows)]) + _GAP for k in places]
    if sheet.repeat is None or 1 + sum(needs) <= width:
        return [sheet]
    kept = [k for k in places if k == 0 or sheet.columns[k] in sheet.repeat]
    room = width - 1 - sum(needs[k] for k in kept)
    parts: list[list[int]] = [[]]
    for k in (k for k in places if k not in kept):
        if parts[-1] and sum(needs[other] for other in parts[-1]) + needs[k] > room:
            parts.append([])
        parts[-1].append(k)
    chosen = [sorted([*kept, *part]) for part in parts]
    return [
        replace(
            sheet,
            columns=[sheet.columns[k] for k in part],
            rows=[[row[k] for k in part] for row in sheet.rows],
            title=sheet.title if number == 0 else "",
            notes=sheet.notes if number == len(chosen) - 1 else [],
        )
        for number, part in enumerate(chosen)
    ]


def to_markdown(sheet: Sheet) -> str:
    r"""Write a sheet as a Markdown table; what would be markup is escaped, line breaks become ``<br>``.

    Examples
    --------
    >>> print(to_markdown(Sheet(["who", "x"], [["a|b", "1"]])), end="")
    | who | x |
    | --- | ---: |
    | a\|b | 1 |
    """
    rules = ["---" if sheet.is_left(position) else "---:" for position in range(len(sheet.columns))]
    lines = [[_markdown(cell) for cell in sheet.columns], rules]
    lines += [[_markdown(cell) for cell in row] for row in sheet.rows]
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    title = f"**{_markdown(sheet.title)}**\n\n" if sheet.title else ""
    return title + text + "".join(f"\n{_markdown(note)}\n" for note in sheet.notes)


def to_latex(sheet: Sheet) -> str:
    r"""Write a sheet as a LaTeX ``tabular``, which needs the package booktabs.

    The second line of a cell goes into a row of its own below.

    Examples
    --------
    >>> print(to_latex(Sheet(["who", "x"], [["a_b", "1 %"]])), end="")
    % \usepackage{booktabs}
    \begin{tabular}{lr}
    \toprule
    who & x \\
    \midrule
    a\_b & 1 \% \\
    \bottomrule
    \end{tabular}
    """
    places = "".join("l" if sheet.is_left(position) else "r" for position in range(len(sheet.columns)))
    title = f"% {sheet.title}\n" if sheet.title else ""
    head = "% \\usepackage{booktabs}\n" + title + f"\\begin{{tabular}}{{{places}}}\n\\toprule\n"
    body = "".join(_latex_rows(row) for row in sheet.rows)
    notes = "".join(f"\n{_latex(note)}\n" for note in sheet.notes)
    return head + _latex_rows(sheet.columns) + "\\midrule\n" + body + "\\bottomrule\n\\end{tabular}\n" + notes


def sheets_text(sheets: Sequence[Sheet], numbers: pd.DataFrame, *, form: str) -> str:
    """Write tables in one of `FORMATS`.

    Parameters
    ----------
    sheets : sequence of Sheet
        What Markdown and LaTeX show.
    numbers : DataFrame
        What CSV holds: the numbers themselves, unrounded.
    form : {"markdown", "latex", "csv"}
    """
    if form not in FORMATS:
        raise ValueError(f"unknown format {form!r}; choose from {', '.join(FORMATS)}")
    if form == "csv":
        return str(numbers.to_csv(index=False, lineterminator="\n"))
    one = to_markdown if form == "markdown" else to_latex
    return "\n".join(one(sheet) for sheet in sheets)


def _width_of(cells: Sequence[str]) -> int:
    return max(len(line) for cell in cells for line in cell.split("\n"))


def _markdown(text: str) -> str:
    escaped = re.sub(r"([\\|*_`<>\[\]])", r"\\\1", text)
    return escaped.strip().replace("\n", "<br>")


def _latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def _latex_rows(row: Sequence[str]) -> str:
    lines = [cell.split("\n") for cell in row]
    height = max(map(len, lines), default=0)
    filled = [cell + [""] * (height - len(cell)) for cell in lines]
    rows = [" & ".join(_latex(cell[k]) for cell in filled) for k in range(height)]
    return "".join(f"{line} \\\\\n" for line in rows if line.strip(" &"))
