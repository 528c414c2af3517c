"""All promises: layer → table → promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from expectations.suites.promise import LEVELS, Promise, Threshold, thresholds
from expectations.suites.publication import release, restricted
from expectations.suites.raw import raw
from expectations.suites.warehouse import cells, comparisons, drift, estimates, panels


def declared(known: Mapping[str, Threshold] | None = None) -> dict[str, tuple[str, list[Promise]]]:
    """Table → (layer, promises): those that block, and beside each with a number to warn at the same once more."""
    known = known or thresholds()
    found: dict[str, tuple[str, list[Promise]]] = {}
    for layer, suite in SUITES.items():
        levels = {level: suite({name: one.at(level) for name, one in known.items()}) for level in LEVELS}
        for table in levels["block"]:
            promises = [
                replace(promise, level=level)
                for both in zip(*(levels[level][table] for level in LEVELS), strict=True)
                for level, promise in zip(LEVELS, both, strict=True)
                if (known[promise.threshold].has(level) if promise.threshold else level == "block")
            ]
            found[table] = (layer, promises)
    return found


def waivable() -> set[str]:
    """The checks whose findings somebody may sign for in study.yml."""
    return {promise.check for _, promises in declared().values() for promise in promises if promise.waived_by}


SUITES = {
    "raw": raw,
    "panels": panels,
    "cells": cells,
    "comparisons": comparisons,
    "estimates": estimates,
    "drift": drift,
    "release": release,
    "restricted": restricted,
}

# Judged before disclosure control, on the content; what would be written is judged by itself, just before it is.
CONTENT_LAYERS = tuple(layer for layer in SUITES if layer not in ("release", "restricted"))
