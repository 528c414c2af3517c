"""What leaves the warehouse: suppression, rounding, wording, the page, the release and the ledger.

Belongs here: everything between judged numbers and a reader. Does not belong here: computing numbers (`inference`),
judging them (`expectations`). Nothing in this package ever sees a person's row.
"""
