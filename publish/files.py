"""A release's files: tables as Parquet and CSV, the manifest, then sealed: read-only and on disk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import polars as pl

import durable

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_table(table: pl.DataFrame, name: str, *, parquet: Path, csv: Path) -> dict:
    """Write a table into both folders; its facts as the manifest has them: rows, and the hash of the Parquet file."""
    durable.step(f"write {name}")
    path = parquet / f"{name}.parquet"
    table.write_parquet(path)
    write_csv(table, csv / f"{name}.csv")
    return {"rows": table.height, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def write_csv(table: pl.DataFrame, path: Path) -> None:
    """A table for spreadsheets: with a byte-order mark, without which they take UTF-8 for something else."""
    harmless(table).write_csv(path, include_bom=True)


def harmless(table: pl.DataFrame) -> pl.DataFrame:
    """Text that a spreadsheet would run as a formula gets an apostrophe in front."""
    texts = [name for name, kind in table.schema.items() if kind == pl.String]
    return table.with_columns(
        pl.when(pl.col(name).str.slice(0, 1).is_in(FORMULA))
        .then("'" + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name in texts
    )


def write_manifest(manifest: dict, folder: Path) -> None:
    """Write the manifest: the last of a folder's files."""
    text = json.dumps(manifest, indent=2, default=str, ensure_ascii=False) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8")


def seal(folder: Path, *, file_mode: int, folder_mode: int) -> None:
    """Make files read-only and folders closed to others, and see both on disk."""
    for path in sorted(folder.rglob("*")):
        path.chmod(folder_mode if path.is_dir() else file_mode)
        durable.sync(path)
    folder.chmod(folder_mode)
