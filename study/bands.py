"""Bands of a number, declared by their rising limits, as the segments that people read."""

from __future__ import annotations

import itertools

PEOPLE = ("person", "people")
YEARS = ("year", "years")


def bands(dimension: str, limits: tuple[float, ...], units: tuple[str, str]) -> list[tuple]:
    """(dimension, band in words, lowest, below): the first from zero, the last without end."""
    edges = [None, *limits, None]
    found = []
    for lowest, below in itertools.pairwise(edges):
        words = (
            f"under {below:g}"
            if lowest is None
            else f"{lowest:g} and more"
            if below is None
            else f"{lowest:g} to under {below:g}"
        )
        unit = units[(below if lowest is None or below else lowest) != 1]
        found.append((dimension, f"{words} {unit}", lowest, below))
    return found
