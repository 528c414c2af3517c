"""Organisations with known true effects, written as the export files that real systems would send.

Belongs here: drawing an organisation, its programme and its true effects; writing exports.
Does not belong here: reading exports (`ingest`), estimating anything (`inference`). Nothing in the project reads
`truth.json` but the demo's last table.
"""

from simulation.exports import simulate
from simulation.organisation import Design

__all__ = ["Design", "simulate"]
