"""The identity of tables: what a verdict names and a release is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import polars as pl


def content_hash(content: Mapping[str, pl.DataFrame]) -> str:
    """sha256 over names, columns, types and values of all tables."""
    digest = hashlib.sha256()
    for name in sorted(content):
        frame = content[name]
        digest.update(repr((name, [(column, str(kind)) for column, kind in frame.schema.items()])).encode())
        digest.update(frame.write_csv(float_precision=None).encode())
    return digest.hexdigest()
