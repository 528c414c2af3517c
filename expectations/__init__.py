"""The gate: may these numbers leave? Great Expectations over small tables, a verdict that names what was judged.

Belongs here: fitness to publish (coverage, balance, plausibility, jumps), thresholds with their reasons.
Does not belong here: file shape (`ingest`), keys and logic (dbt tests), what is shown to whom (`publish`).
"""

from expectations.verdict import Verdict

__all__ = ["Verdict"]
