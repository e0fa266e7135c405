"""Speaker, class and other labels of files, from their paths or from a CSV."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

__all__ = ["LABELS", "labels_of"]

LABELS = ("class", "speaker", "group", "split", "licence")

_TOKEN = re.compile(r"\*\*/|\*\*|\*|\{[^{}]*\}|[{}]")

Labels = dict[str, str]


def _regex(pattern: str) -> re.Pattern[str]:
    """Compile ``{class}/{speaker}/*``: a placeholder and ``*`` stay within one part of the path."""
    parts: list[str] = []
    seen: set[str] = set()
    end = 0
    for token in _TOKEN.finditer(pattern):
        parts.append(re.escape(pattern[end : token.start()]))
        parts.append(_translated(token.group(), pattern, seen))
        end = token.end()
    return re.compile("".join(parts) + re.escape(pattern[end:]), re.DOTALL)


def _translated(token: str, pattern: str, seen: set[str]) -> str:
    if token in ("**/", "**", "*"):
        return {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}[token]
    name = token.strip("{}")
    if token in "{}" or name not in LABELS:
        valid = " ".join(f"{{{label}}}" for label in LABELS)
        raise ValueError(f"--pattern {pattern!r}: unknown placeholder {token!r}; use {valid}, * and **")
    if name in seen:
        return f"(?P={name})"
    seen.add(name)
    return f"(?P<{name}>[^/]+?)"


def _from_pattern(paths: Sequence[str], pattern: str) -> tuple[list[Labels], list[str]]:
    regex = _regex(pattern)
    matches = [regex.fullmatch(path) for path in paths]
    unmatched = sum(match is None for match in matches)
    notes = [f"{unmatched} of {len(paths)} files do not match the pattern {pattern!r}"] if unmatched else []
    return [match.groupdict() if match else {} for match in matches], notes


def _read_csv(path: str | os.PathLike[str]) -> pd.DataFrame:
    try:
        # Text only: a speaker called 007 or NA keeps its name.
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"cannot read the metadata {path}: {error.strerror or error}") from None
    except ValueError as error:
        raise ValueError(f"{path}: not a CSV table in UTF-8 ({' '.join(str(error).split())})") from None
    if "path" not in table:
        raise ValueError(
            f"{path}: expected a column 'path' (relative to the folder) and any of {', '.join(LABELS)}; "
            f"found {', '.join(map(str, table.columns))}"
        )
    table["path"] = [str(PurePosixPath(entry)) for entry in table["path"]]
    twice = table["path"][table["path"].duplicated()]
    if len(twice):
        raise ValueError(f"{path}: {len(twice)} paths are listed twice, the first is {twice.iloc[0]!r}")
    return table


def _from_csv(paths: Sequence[str], csv: str | os.PathLike[str]) -> tuple[list[Labels], list[str]]:
    table = _read_csv(csv)
    names = [name for name in LABELS if name in table]
    rows: Mapping[str, Labels] = {
        row["path"]: {name: row[name] for name in names if row[name]} for row in table.to_dict("records")
    }
    notes = []
    known = set(paths)
    strangers = [path for path in rows if path not in known]
    if strangers:
        notes.append(
            f"{len(strangers)} of {len(rows)} paths in {Path(csv).name} are not in the folder, "
            f"the first is {strangers[0]!r}"
        )
    bare = sum(path not in rows for path in paths)
    if bare:
        notes.append(f"{bare} of {len(paths)} files have no row in {Path(csv).name}")
    return [rows.get(path, {}) for path in paths], notes


def labels_of(
    paths: Sequence[str], *, pattern: str | None = None, metadata: str | os.PathLike[str] | None = None
) -> tuple[list[Labels], list[str]]:
    """Labels of each path; a CSV wins over the pattern, and the folder is the group where neither says.

    Parameters
    ----------
    paths : sequence of str
        Posix paths relative to the scanned folder.
    pattern : str, optional
        Such as ``{class}/{speaker}/*``; see `LABELS` for the placeholders. ``**`` stands for any depth.
    metadata : path, optional
        CSV with a column ``path`` and any of `LABELS`; other columns are ignored, empty cells unknown.

    Returns
    -------
    labels : list of dict
        One for each path; an unknown label is left out.
    notes : list of str
        What did not match, counted.

    Raises
    ------
    ValueError
        For an unknown placeholder, and for a CSV that cannot be read or lists a path twice.

    Examples
    --------
    >>> labels_of(["read/anna/1.wav"], pattern="{class}/{speaker}/*")[0]
    [{'group': 'read/anna', 'class': 'read', 'speaker': 'anna'}]
    """
    labels: list[Labels] = []
    for path in paths:
        folder = path.rpartition("/")[0]
        labels.append({"group": folder} if folder else {})
    notes: list[str] = []
    found = []
    if pattern is not None:
        found.append(_from_pattern(paths, pattern))
    if metadata is not None:
        found.append(_from_csv(paths, metadata))
    for more, new_notes in found:
        labels = [before | after for before, after in zip(labels, more, strict=True)]
        notes += new_notes
    return labels, notes
