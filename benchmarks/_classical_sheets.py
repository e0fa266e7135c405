"""The tables of docs/baselines.md, laid out from scores."""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from percepkit.engine.tables import write_text
from percepkit.eval.clusters import known_dimensions
from percepkit.eval.score import NOISY
from percepkit.eval.statistics import summarise
from percepkit.eval.tables import Sheet

__all__ = ["check_part", "class_sheets", "drop_sheet", "grid_sheets", "pair_sheet", "snr_sheets", "write_part"]

TITLES = {"pesq_wb": "PESQ-WB", "stoi": "STOI", "estoi": "ESTOI", "si_sdr": "SI-SDR, dB"}
DIGITS = {"pesq_wb": 2, "stoi": 3, "estoi": 3, "si_sdr": 1}
CLASSES = ("stationary", "non-stationary", "transient", "babble", "music")
NOTICED = 0.02  # drops of STOI beyond it are listed


def class_sheets(scores: pd.DataFrame, items: pd.DataFrame) -> list[Sheet]:
    """Improvements by class of noise, a table for each metric; all in the order of the mean PESQ."""
    whole, parts = _summary(scores, items), _summary(scores, items, "noise_class")
    counts = parts[parts["denoiser"] == NOISY].drop_duplicates("noise_class").set_index("noise_class")["n"]
    columns = {"all": whole} | {name: parts[parts["noise_class"] == name] for name in CLASSES if name in counts}
    heads = {name: f"{name}\n{counts.get(name, whole['n'].max())} items" for name in columns}
    return [_sheet(metric, {heads[name]: part for name, part in columns.items()}, whole) for metric in TITLES]


def snr_sheets(scores: pd.DataFrame, items: pd.DataFrame) -> list[Sheet]:
    """Improvements of PESQ and STOI in stationary noise, by SNR."""
    steady = items[items["noise_class"] == "stationary"]
    if steady.empty:
        return []
    used = scores[scores["item"].isin(steady["item"])]
    whole, parts = _summary(used, steady), _summary(used, steady, "snr_db")
    columns = {str(level): part for level, part in parts.groupby("snr_db", observed=True, sort=True)}
    return [_sheet(metric, columns, whole) for metric in ("pesq_wb", "stoi")]


def drop_sheet(scores: pd.DataFrame, items: pd.DataFrame) -> Sheet:
    """Classes in which a denoiser loses more than `NOTICED` of STOI."""
    parts = _summary(scores, items, "noise_class")
    lost = parts[(parts["metric"] == "stoi") & (parts["delta"] < -NOTICED)]
    rows = [
        [str(name), ", ".join(f"{row['noise_class']} {_change(row, 3)}" for row in part.to_dict("records"))]
        for name, part in lost.sort_values("delta").groupby("denoiser", sort=True)
    ]
    heading = f"mean STOI lost, where more than {NOTICED}"
    return Sheet(["denoiser", heading], rows, left=(heading,))


def grid_sheets(scores: pd.DataFrame, items: pd.DataFrame, estimators: Sequence[str]) -> list[Sheet]:
    """Gain laws down, noise estimators across: improvements of PESQ and STOI."""
    summary = _summary(scores, items).set_index(["metric", "denoiser"])
    laws = list(dict.fromkeys(name.partition("+")[0] for _, name in summary.index if "+" in name))
    sheets = []
    for metric in ("pesq_wb", "stoi"):
        found = summary.loc[metric]
        rows = [
            [law, *(_change(found.loc[f"{law}+{name}"], DIGITS[metric]) for name in estimators)] for law in laws
        ]
        sheets.append(Sheet(["gain law", *estimators], rows, title=f"{TITLES[metric]}, improvement"))
    return sheets


def pair_sheet(scores: pd.DataFrame) -> Sheet:
    """Means over a few pairs, and the improvement of PESQ; best first."""
    means = scores.pivot_table(index="denoiser", columns="metric", values="value", dropna=False)
    gained = means["pesq_wb"] - means.loc[NOISY, "pesq_wb"]
    rows = [
        [name, *(f"{means.loc[name, metric]:z.{DIGITS[metric]}f}" for metric in TITLES), f"{gained[name]:+z.2f}"]
        for name in gained.sort_values(ascending=False, kind="stable").index
    ]
    return Sheet(["denoiser", *TITLES.values(), "PESQ-WB gained"], rows)


def write_part(page: Path, name: str, text: str) -> None:
    """Replace what stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``; see `check_part`."""
    before, begin, end, after = check_part(page, name)
    write_text(page, f"{before}{begin}\n\n{text}\n{end}{after}")


def check_part(page: Path, name: str) -> tuple[str, str, str, str]:
    """Text before a part of a page, its marks, and the text after it; ValueError where it is not there once."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    whole = page.read_text(encoding="utf-8")
    if len(re.findall(f"{begin}.*?{end}", whole, re.DOTALL)) != 1:
        raise ValueError(f"{page}: expected one part between {begin} and {end}")
    before, _, rest = whole.partition(begin)
    return before, begin, end, rest.partition(end)[2]


def _summary(scores: pd.DataFrame, items: pd.DataFrame, by: str = "") -> pd.DataFrame:
    return summarise(scores, items, [by] if by else [], clusters=known_dimensions(items))


def _sheet(metric: str, columns: dict[str, pd.DataFrame], whole: pd.DataFrame) -> Sheet:
    """A row for each denoiser, the noisy input first, with its own score; the others' is what they add to it."""
    order = whole[whole["metric"] == "pesq_wb"].sort_values("mean", ascending=False)["denoiser"]
    cells = {head: part[part["metric"] == metric].set_index("denoiser") for head, part in columns.items()}
    rows = [[NOISY, *(_value(part.loc[NOISY], DIGITS[metric]) for part in cells.values())]]
    rows += [
        [name, *(_change(part.loc[name], DIGITS[metric]) for part in cells.values())]
        for name in order
        if name != NOISY
    ]
    return Sheet(["denoiser", *columns], rows, title=f"{TITLES[metric]}: noisy, and the improvement over it")


def _value(row: pd.Series, digits: int) -> str:
    return f"{row['mean']:z.{digits}f}"


def _change(row: pd.Series, digits: int) -> str:
    if not row["delta_n"]:
        return "none"
    missing = f" ({row['delta_n']:.0f} of {row['n']:.0f})" if row["delta_n"] < row["n"] else ""
    bounds = f" [{row['delta_low']:+z.{digits}f}, {row['delta_high']:+z.{digits}f}]"
    return f"{row['delta']:+z.{digits}f}{'' if pd.isna(row['delta_low']) else bounds}{missing}"
