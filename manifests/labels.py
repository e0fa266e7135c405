"""Speaker, class and other labels of files, from their paths or from a CSV."""

import csv
import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

__all__ = ["LABELS", "labels_of", "path_regex"]

LABELS = ("class", "speaker", "group", "split", "licence")

_TOKEN = re.compile(r"\*\*/|\*\*|\*|\{[^{}]*\}|[{}]")

Labels = dict[str, str]


def path_regex(pattern: str, *, names: Sequence[str] | None = None) -> re.Pattern[str]:
    """Compile ``{class}/{speaker}/*``: a placeholder and ``*`` stay within one part of the path.

    Placeholders are one of ``names``, or any word.

    Examples
    --------
    >>> path_regex("{name}_clean.*").fullmatch("m2_script1_clean.flac")["name"]
    'm2_script1'
    """
    parts: list[str] = []
    seen: set[str] = set()
    end = 0
    for token in _TOKEN.finditer(pattern):
        parts.append(re.escape(pattern[end : token.start()]))
        parts.append(_translated(token.group(), pattern, seen, names))
        end = token.end()
    return re.compile("".join(parts) + re.escape(pattern[end:]), re.DOTALL)


def _translated(token: str, pattern: str, seen: set[str], names: Sequence[str] | None) -> str:
    if token in ("**/", "**", "*"):
        return {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}[token]
    name = token.strip("{}")
    if token in "{}" or (name not in names if names else not re.fullmatch("[A-Za-z_]+", name)):
        valid = " ".join(f"{{{label}}}" for label in names) if names else "{a_word}"
        raise ValueError(f"--pattern {pattern!r}: unknown placeholder {token!r}; use {valid}, * and **")
    if name in seen:
        return f"(?P={name})"
    seen.add(name)
    return f"(?P<{name}>[^/]+?)"


def _from_pattern(paths: Sequence[str], pattern: str) -> tuple[list[Labels], list[str]]:
    regex = path_regex(pattern, names=LABELS)
    matches = [regex.fullmatch(path) for path in paths]
    unmatched = sum(match is None for match in matches)
    notes = [f"{unmatched} of {len(paths)} files do not match the pattern {pattern!r}"] if unmatched else []
    return [match.groupdict() if match else {} for match in matches], notes


def _read_csv(path: str | os.PathLike[str]) -> dict[str, Labels]:
    """Labels by path. All is text: a speaker called 007 or NA keeps its name."""
    rows: dict[str, Labels] = {}
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = reader.fieldnames or []
            if "path" not in columns:
                raise ValueError(
                    f"{path}: expected a column 'path' (relative to the folder) and any of "
                    f"{', '.join(LABELS)}; found {', '.join(columns) or 'nothing'}"
                )
            names = [name for name in LABELS if name in columns]
            for row in reader:
                if any(row.pop(None, [])):
                    raise ValueError(f"{path}, line {reader.line_num}: more cells than columns")
                key = str(PurePosixPath(row["path"]))
                if key in rows:
                    raise ValueError(f"{path}, line {reader.line_num}: {key!r} is listed a second time")
                rows[key] = {name: row[name] for name in names if row[name]}
    except OSError as error:
        raise ValueError(f"cannot read the metadata {path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: not a CSV table in UTF-8 ({error})") from None
    return rows


def _from_csv(paths: Sequence[str], table: str | os.PathLike[str]) -> tuple[list[Labels], list[str]]:
    rows = _read_csv(table)
    notes = []
    known = set(paths)
    strangers = [path for path in rows if path not in known]
    if strangers:
        notes.append(
            f"{len(strangers)} of {len(rows)} paths in {Path(table).name} are not in the folder, "
            f"the first is {strangers[0]!r}"
        )
    bare = sum(path not in rows for path in paths)
    if bare:
        notes.append(f"{bare} of {len(paths)} files have no row in {Path(table).name}")
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
