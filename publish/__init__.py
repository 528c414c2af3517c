"""What leaves the warehouse: disclosure control, wording, the page, the release and the ledger.

Belongs here: everything between judged numbers and a reader. Does not belong here: computing numbers (`inference`),
judging them (`expectations`). Nothing in this room ever sees a person's row.
"""
