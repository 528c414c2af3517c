"""What one snapshot of the workforce contradicts in itself, row by row, with the rule by which it is resolved.

A finding is never a reason to drop a row: it stands in `raw.data_issues` beside the row it is about, and the models say
what they do with it. What needs several files (people who vanish, late terminations) is dbt's (int_data_issues).
"""

from __future__ import annotations

import numpy as np

WORKERS_TABLE = "raw.raw_hris__workers"
# issue, resolution, rows: people (aliased w) of one load; `employed` are those without an exit before the snapshot.
FINDINGS = (
    ("last day before the hire date", "taken as the last day of an earlier stint", "w.left_date < w.hired_date"),
    ("valid_to before valid_from", "the row counts nowhere", "w.valid_to_date < w.valid_from_date"),
    ("born after, or less than 14 years before the hire date", "reported", "w.birth_year > year(w.hired_date) - 14"),
    ("reports to themselves", "no manager is taken", "w.manager_id = w.person_id"),
    (
        "the manager is not in the snapshot",
        "no manager is taken",
        """w.line in (from unknown_by_id)
        and not exists (from employed e where e.snapshot_date = w.snapshot_date and e.email_key = w.manager_email_key)
        and not exists (from employed e where e.snapshot_date = w.snapshot_date and e.name_key = w.manager_name_key)""",
    ),
    (
        "several people have the manager's name or e-mail",
        "no manager is taken by it",
        """w.line in (from unknown_by_id)
        and (w.snapshot_date, w.manager_name_key) in (from doubled_names)""",
    ),
    (
        "one e-mail address, several ids",
        "they count as several people; join them with a crosswalk file",
        "(w.snapshot_date, w.email_key) in (from doubled_addresses)",
    ),
    (
        "overlapping stints",
        "jobs at once: one stint, described by the primary job",
        """exists (from employed e where e.snapshot_date = w.snapshot_date and e.person_id = w.person_id
            and e.hired_date > w.hired_date and (w.left_date is null or e.hired_date <= w.left_date))""",
    ),
)
ROOTS = """
    select line, person_id from employed
    where coalesce(manager_id, manager_email_key, manager_name_key) is null
        and snapshot_date in (
            select snapshot_date from employed
            group by snapshot_date
            having count(*) filter (coalesce(manager_id, manager_email_key, manager_name_key) is null) > 1
                and count(coalesce(manager_id, manager_email_key, manager_name_key)) > 0
        )
"""
LINKS = """
    with numbered as (
        select line, snapshot_date, person_id, manager_id, row_number() over (order by line) - 1 as node
        from employed
    )
    select p.line, p.node, m.node as parent
    from numbered as p inner join numbered as m
        on p.snapshot_date = m.snapshot_date and p.manager_id = m.person_id and p.person_id <> m.person_id
"""


# What only a file that lists everybody can contradict: of changes, the manager may be in another file.
OF_WHOLE_FILES = ("the manager is not in the snapshot", "several people have the manager's name or e-mail")
EARLY = """
    insert into raw.data_issues by name
    select $load as load_id, 'survey' as source, line, 'recorded before the survey was launched' as issue,
        'people' as about, response_id as subject_id,
        'reported: is the day in the file''s name the day of the export?' as resolution
    from raw.raw_survey__responses where load_id = $load and recorded_at < launched_date
"""


def find_early_responses(connection, load_id: str) -> None:
    """Write down responses that are older than their survey."""
    connection.execute(EARLY, {"load": load_id})


def find_issues(connection, load_id: str, *, is_whole: bool) -> None:
    """Write the findings about one load of workers to `raw.data_issues`; `is_whole`: the file lists everybody."""
    at = {"load": load_id}
    connection.execute(
        f"""
        create or replace temp table employed as
        select line, snapshot_date, person_id, hired_date, left_date, name_key, email_key,
            manager_id, manager_email_key, manager_name_key
        from {WORKERS_TABLE}
        where load_id = $load and (left_date is null or left_date >= date_trunc('month', snapshot_date))
        """,
        at,
    )
    for name, column in (("doubled_names", "name_key"), ("doubled_addresses", "email_key")):
        connection.execute(
            f"create or replace temp table {name} as select snapshot_date, {column} from employed "
            f"where {column} is not null group by all having count(distinct person_id) > 1"
        )
    connection.execute(
        f"""
        create or replace temp table unknown_by_id as
        select w.line from {WORKERS_TABLE} as w
        where w.load_id = $load and coalesce(w.manager_id, w.manager_email_key, w.manager_name_key) is not null
            and not exists (from employed e where e.snapshot_date = w.snapshot_date and e.person_id = w.manager_id)
        """,
        at,
    )
    for issue, resolution, rows in FINDINGS:
        if issue in OF_WHOLE_FILES and not is_whole:
            continue
        connection.execute(
            f"""
            insert into raw.data_issues by name
            select $load as load_id, 'hris' as source, w.line, $issue as issue, 'people' as about,
                w.person_id as subject_id, $resolution as resolution
            from {WORKERS_TABLE} as w where w.load_id = $load and {rows}
            """,
            at | {"issue": issue, "resolution": resolution},
        )
    if not is_whole:
        return
    _write(connection, load_id, "one of several people without a manager", "each is the top of a tree", ROOTS)
    lines = cycle_lines(connection)
    if lines:
        connection.execute("create or replace temp table in_cycle as select unnest($lines) as line", {"lines": lines})
        cycles = "select employed.line, employed.person_id from employed inner join in_cycle using (line)"
        _write(connection, load_id, "is their own manager's manager", "reported; layers above are not counted", cycles)


def _write(connection, load_id: str, issue: str, resolution: str, rows: str) -> None:
    connection.execute(
        f"""
        insert into raw.data_issues by name
        select $load as load_id, 'hris' as source, line, $issue as issue, 'people' as about,
            person_id as subject_id, $resolution as resolution
        from ({rows}) as found
        """,
        {"load": load_id, "issue": issue, "resolution": resolution},
    )


def cycle_lines(connection) -> list[int]:
    """Lines of people who are reached again when one goes up from them; self-managers are reported apart.

    Everybody steps up to their manager 2^k times at once (pointer jumping): who is still on the way after more steps
    than there are people stands in a cycle.
    """
    links = connection.execute(LINKS).fetchnumpy()
    if not len(links["node"]):
        return []
    size = int(max(links["node"].max(), links["parent"].max())) + 1
    up = np.full(size + 1, size)  # the last one is nobody
    up[links["node"]] = links["parent"]
    for _ in range(size.bit_length()):
        up = up[up]
    in_cycle = np.unique(up[up < size])
    lines = np.full(size, -1)
    lines[links["node"]] = links["line"]
    return sorted(int(line) for line in lines[in_cycle] if line >= 0)
