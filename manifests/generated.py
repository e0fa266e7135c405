"""Generated noises as rows of a manifest: no file, but a kind and perhaps parameters."""

from collections.abc import Sequence

import pandas as pd

from percepkit.dsp.noise import parse_noise
from percepkit.manifests.table import as_manifest

__all__ = ["GENERATED_ROOT", "generated_rows"]

#: Root name of generated noises; their path is the noise itself, such as ``hum(frequency_hz=50)``.
GENERATED_ROOT = "(generated)"


def generated_rows(noises: Sequence[str], *, label: str | None = None) -> pd.DataFrame:
    """Manifest rows of generated noises.

    Parameters
    ----------
    noises : sequence of str
        As `percepkit.dsp.noise.parse_noise` reads them. Parameters that are not given are drawn for every item.
    label : str, optional
        Class of all of them; the kind of each by default.

    Returns
    -------
    DataFrame
        A manifest; how long and at which rate a noise sounds is for the recipe to say.

    Raises
    ------
    ValueError
        For an unknown kind or parameter.

    Examples
    --------
    >>> generated_rows(["hum(frequency_hz=50)"])["class"].tolist()
    ['hum']
    """
    kinds = [parse_noise(text)[0] for text in noises]
    rows = pd.DataFrame({"path": list(noises), "class": kinds}, dtype=object)
    if label is not None:
        rows["class"] = label
    return as_manifest(rows.assign(kind="noise", root_name=GENERATED_ROOT, status="ok"))
