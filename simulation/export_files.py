"""What all simulated exports share: ids, days, and writing files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from simulation.dialects.writing import Files


def format_ids(prefix: str, numbers: np.ndarray, width: int = 7) -> pl.Series:
    """Ids with a prefix and leading zeros."""
    return pl.select(pl.lit(prefix) + pl.Series(numbers).cast(pl.String).str.zfill(width)).to_series()


def to_days(days: np.ndarray) -> pl.Series:
    """Days since 1970-01-01 as dates."""
    return pl.Series(days.astype(np.int32)).cast(pl.Date)


def team_ids(teams: np.ndarray) -> pl.Series:
    """Ids of teams."""
    return format_ids("T", teams + 1, 5)


def write_files(files: Files, folder: Path) -> None:
    """Write named contents into a folder."""
    for name, data in files:
        (folder / name).write_bytes(data)
