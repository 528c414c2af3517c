"""Published data that several estimators are checked on."""

import numpy as np
import polars as pl
import pytest

from inference.panel import Panel


@pytest.fixture(scope="session")
def mpdta(reference) -> Panel:
    rows = pl.read_csv(reference("trials/mpdta.csv")).sort("countyreal", "year")
    wide = rows.pivot(on="year", index=["countyreal", "first_treat"], values="lemp")
    outcome = wide.select(pl.exclude("countyreal", "first_treat")).to_numpy()
    first = wide["first_treat"].to_numpy()
    return Panel(np.ones_like(outcome), outcome, np.where(first > 0, first - 2002, 0), np.ones(len(first)))
