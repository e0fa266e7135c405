"""What denoisers cost: a table that somebody measured, to be drawn against quality."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from percepkit.engine.tables import read_table
from percepkit.eval.cost import KIND
from percepkit.eval.report.roster import Entry
from percepkit.eval.report.sections import plain

__all__ = ["COLUMNS", "Costs", "read_costs"]

#: Known columns of a cost table, all the less the better: label and unit.
COLUMNS = {
    "rtf": ("Real-time factor", "s per s of sound"),
    "latency_ms": ("Latency", "ms"),
    "macs_per_second": ("Multiply-adds", "1/s"),
    "parameters": ("Parameters", ""),
    "file_mb": ("File", "MB"),
    "peak_mb": ("Memory", "MB"),
}


@dataclass(frozen=True)
class Costs:
    """Costs by denoiser.

    Attributes
    ----------
    table : DataFrame
        Indexed by denoiser; some of `COLUMNS`.
    """

    table: pd.DataFrame

    def data(self, entries: Sequence[Entry]) -> dict[str, Any]:
        """Columns with their labels, and a row for each entry; None where nothing is known."""
        names = list(self.table.columns)
        return {
            "columns": [dict(zip(("label", "unit"), COLUMNS[name], strict=True)) for name in names],
            "rows": [plain(*self.table.reindex([entry.name]).to_numpy()[0]) for entry in entries],
        }


def read_costs(path: str | Path) -> Costs:
    """Read a cost table: that of `percepkit eval cost`, or CSV with a column ``denoiser`` and some of `COLUMNS`.

    Raises
    ------
    ValueError
        For a table that cannot be read, without these columns, with the same denoiser twice or with costs that are
        no numbers from 0 up.
    """
    if Path(path).suffix == ".parquet":
        table = read_table(path, kind=KIND)
    else:
        try:
            table = pd.read_csv(path, dtype={"denoiser": str})
        except (OSError, ValueError) as error:
            raise ValueError(f"{path}: expected a table of costs as CSV: {error}") from None
    known = [name for name in COLUMNS if name in table and table[name].notna().any()]
    if "denoiser" not in table or not known:
        raise ValueError(
            f"{path}: expected the column denoiser and some of {', '.join(COLUMNS)}; "
            f"found {', '.join(map(str, table.columns))}"
        )
    if table["denoiser"].duplicated().any():
        twice = table.loc[table["denoiser"].duplicated(), "denoiser"].iloc[0]
        raise ValueError(f"{path}: {twice} stands in more than one row; keep one")
    for name in known:
        if not pd.api.types.is_numeric_dtype(table[name]) or (table[name] < 0).any():
            raise ValueError(f"{path}: expected numbers from 0 up in the column {name}")
    return Costs(table.set_index("denoiser")[known].astype(float))
