"""A made-up set of items, and tables of scores of them."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import pytest

N = 150


@pytest.fixture(scope="session")
def items() -> pd.DataFrame:
    """Items of 15 speakers at five SNRs."""
    return pd.DataFrame(
        {
            "item": range(N),
            "speaker": [f"s{item % 15}" for item in range(N)],
            "snr_db": [-5.0 + 5 * (item % 5) for item in range(N)],
        }
    )


@pytest.fixture(scope="session")
def scores() -> Callable[..., pd.DataFrame]:
    """Maker of score tables: (values of each denoiser, metric)."""

    def make(columns: Mapping[str, np.ndarray], metric: str = "pesq_wb") -> pd.DataFrame:
        wide = pd.DataFrame(columns, index=pd.Index(range(N), name="item")).reset_index()
        table = wide.melt("item", var_name="denoiser", value_name="value").assign(metric=metric)
        return table.assign(status=np.where(table["value"].isna(), "infinite", "ok"))

    return make
