"""From cells to estimates: pure functions over sufficient statistics. No Dagster, no SQL, no files.

Belongs here: estimators, their errors and intervals, multiplicity, the smallest detectable effect.
Does not belong here: persons (they end at `panels`), wording (`publish`), thresholds of the gate (`expectations`).
"""

from inference.results import Estimate, NotEstimable, Result

__all__ = ["Estimate", "NotEstimable", "Result"]
