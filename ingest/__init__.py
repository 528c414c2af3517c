"""From files that somebody dropped to typed, pseudonymised tables in the schema `raw`, with nothing lost.

Belongs here: what a file must look like (sources), reading, casting, pseudonyms, landing, loading, profiles.
Does not belong here: what a record *means* for the programme (dbt), whether numbers may leave (expectations).
"""
