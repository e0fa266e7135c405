"""Which files of a manifest a recipe draws from: limits on what was measured, and one of each set of copies."""

from typing import NamedTuple, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict, model_validator

from percepkit.manifests.table import contents, file_ids

__all__ = ["Keep", "Kept", "Limits", "keep_files"]


class Limits(BaseModel):
    """Smallest and largest value allowed, either or both."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("expected {at_least: number}, {at_most: number} or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"expected at_least <= at_most, found {self.at_least:g} and {self.at_most:g}")
        return self

    def allow(self, values: pd.Series) -> pd.Series:
        """Whether each value is within the limits; an unknown one never is.

        Examples
        --------
        >>> Limits(at_least=2).allow(pd.Series([1, 2, float("nan")])).tolist()
        [False, True, False]
        """
        low = -float("inf") if self.at_least is None else self.at_least
        high = float("inf") if self.at_most is None else self.at_most
        return values.astype("float64").between(low, high)

    def __str__(self) -> str:
        parts = {"at least": self.at_least, "at most": self.at_most}
        return " and ".join(f"{name} {value:g}" for name, value in parts.items() if value is not None)


class Keep(BaseModel):
    """Limits by column of the manifest; a file without a value is not kept.

    With ``duplicates: false`` one file of each set of copies is kept, the best of those within the limits; see
    `percepkit.manifests.duplicates`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    duration: Limits | None = None
    sample_rate: Limits | None = None
    channels: Limits | None = None
    effective_bandwidth: Limits | None = None
    active_level: Limits | None = None
    activity_share: Limits | None = None
    clipped_share: Limits | None = None
    dc_offset: Limits | None = None
    quality: Limits | None = None
    rms_level: Limits | None = None
    peak: Limits | None = None
    duplicates: bool = True

    @property
    def limits(self) -> dict[str, Limits]:
        """What is limited, by column."""
        return {name: value for name, value in self if isinstance(value, Limits)}


class Kept(NamedTuple):
    """Rows that remain, and what became of the others: one sentence for each limit."""

    rows: pd.DataFrame
    dropped: tuple[str, ...]


def keep_files(rows: pd.DataFrame, keep: Keep, key: str) -> Kept:
    """Apply the limits.

    Each limit is counted on all files, so that a file can count more than once; copies are looked for among the
    files that all limits allow.

    Parameters
    ----------
    rows : DataFrame
        Rows of a manifest.
    keep : Keep
    key : str
        Where the recipe has it, for the sentences.

    Returns
    -------
    Kept

    Raises
    ------
    ValueError
        When a limited column is empty, and when nothing is left; it says what each limit drops.
    """
    allowed = pd.Series(True, index=rows.index)
    sentences = []
    for name, limits in keep.limits.items():
        if len(rows) and rows[name].isna().all():
            remedy = "run `percepkit manifest score`" if name == "quality" else "scan the folder again"
            raise ValueError(f"{key}.{name}: the manifest's column {name} is empty; {remedy}, or drop the limit")
        good = limits.allow(rows[name])
        unknown = int(rows[name].isna().sum())
        missing = f", {unknown} of them without a value" if unknown else ""
        sentences.append(f"{key}.{name} ({limits}) drops {int((~good).sum())} of {len(rows)} files{missing}")
        allowed &= good
    kept = rows[allowed]
    if not keep.duplicates:
        kept = _one_of_each(kept)
        sentences.append(f"{key}.duplicates drops {int(allowed.sum()) - len(kept)} copies among the other files")
    if kept.empty and len(rows):
        raise ValueError(f"{key} leaves none of {len(rows)} files: {'; '.join(sentences)}")
    return Kept(kept.reset_index(drop=True), tuple(sentences))


def _one_of_each(rows: pd.DataFrame) -> pd.DataFrame:
    """The file that the others are copies of, where it is there, else the first by name."""
    name = contents(rows)
    ids = file_ids(rows)
    order = pd.DataFrame({"copy": rows["duplicate_of"].notna(), "id": ids}).sort_values(["copy", "id"]).index
    again = name.loc[order].duplicated() & name.loc[order].notna()
    return rows[~again.reindex(rows.index)]
