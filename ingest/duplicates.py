"""Keys that come again within a file: of equal records one stays, of different ones none unless a rule says which."""

from __future__ import annotations

from ingest.land import Landed
from ingest.mapping.model import Mapping
from ingest.tables import PARTS, RESPONSES, ROSTER, RawTable


def quarantine_doubles(connection, file: Landed, mapping: Mapping, table: RawTable) -> None:
    """A key that comes again within a file: equal records keep the first; of records that differ none is chosen.

    Unless the mapping says which: `conflicts: first` or `last`. Of responses the one with most answers counts, then the
    latest: a link that was opened again does not take back what was answered.
    """
    keys = ", ".join((mapping.key if table is mapping.record else ()) or table.key)
    if not _find_suspects(connection, file, table, keys):
        return
    is_response = table is RESPONSES and mapping.conflicts == "refused"
    chosen, order = MOST_ANSWERED if is_response else (CHOSEN[mapping.conflicts], "line")
    _find_doubles(connection, file, table, keys, chosen=chosen, order=order)
    _set_aside(connection, file, mapping, table, keys, decides=is_response or mapping.conflicts != "refused")
    connection.execute(
        f"delete from raw.{table.name} where load_id = $load and rowid in (select row from doubles)",
        {"load": file.load_id},
    )


# Which of the lines with one key stays, where they are numbered by `line`.
CHOSEN = {"refused": "n_contents = 1 and place = 1", "first": "place = 1", "last": "place = n_lines"}
MOST_ANSWERED = (
    "place = 1",
    "coalesce(n_parts, 0) desc, recorded_at desc nulls last, if(n_contents = 1, line, -line)",
)


def _find_suspects(connection, file: Landed, table: RawTable, keys: str) -> int:
    """Make `suspects`, the hashes of keys that come again, and say how many: few are, so the rest is read once."""
    connection.execute(
        "create or replace temp table suspects as "
        f"select hash({keys}) as code from raw.{table.name} where load_id = $load group by code having count(*) > 1",
        {"load": file.load_id},
    )
    return connection.execute("select count(*) from suspects").fetchone()[0]


def _find_doubles(connection, file: Landed, table: RawTable, keys: str, *, chosen: str, order: str) -> None:
    """Make `doubles`, the lines that do not stay, with how many different records their key has."""
    values = ", ".join(f'"{name}"' for name in table.fields)
    connection.execute(
        f"""
        create or replace temp table doubles as
        with more as ({_contents_of_parts(file, table)})
        , counted as (
            select records.rowid as row, records.*, more.n_parts,
                count(*) over (partition by {keys}) as n_lines,
                len(list_distinct(list(hash({values}, more.content)) over (partition by {keys}))) as n_contents
            from raw.{table.name} as records left join more using (line)
            where load_id = $load and hash({keys}) in (select code from suspects)
        )
        select row, line, n_contents from (
            select row, line, n_lines, n_contents, row_number() over (partition by {keys} order by {order}) as place
            from counted
        ) where not ({chosen})
        """,
        {"load": file.load_id},
    )


def _set_aside(connection, file: Landed, mapping: Mapping, table: RawTable, keys: str, *, decides: bool) -> None:
    connection.execute(
        """
        insert into raw.quarantine by name
        select $load as load_id, $source as source, line,
            case when ($decides and n_contents > 1) or ($is_list and n_contents = 1) then 'set_aside' else 'faulty' end
                as kind,
            case when n_contents = 1 then 'duplicate_key' when $refuses then 'conflicting_key' else 'replaced_key' end
                as rule,
            '' as column_name, '' as value_class, $expected as expected, '{}' as record
        from doubles
        """,
        {
            "load": file.load_id,
            "source": file.source,
            "refuses": not decides,
            # A rule says which of several counts; and a list with a row per person names a unit once per person.
            "decides": decides,
            "is_list": table is ROSTER and "person_id" not in {name for name, _ in mapping.all_columns},
            "expected": f"one record per {keys}",
        },
    )


def _contents_of_parts(file: Landed, table: RawTable) -> str:
    """What else a record says (answers, attributes), as one number per line: two that differ there are not the same."""
    parts = [
        f"select line, hash({', '.join(part.fields)}) as content from raw.{part.name} where load_id = $load"
        for part in PARTS[file.source]
        if part is not table
    ]
    every = " union all ".join(parts) or "select 0 as line, 0::ubigint as content where false"
    return f"select line, bit_xor(content) as content, count(*) as n_parts from ({every}) group by line"


def one_response_each(connection, file: Landed) -> None:
    """Records that are answers carry their response along; it is kept once."""
    connection.execute(
        "delete from raw.raw_survey__responses where load_id = $load and line not in "
        "(select min(line) from raw.raw_survey__answers where load_id = $load group by response_id)",
        {"load": file.load_id},
    )


def drop_orphans(connection, file: Landed, records: RawTable, part: RawTable) -> None:
    """What follows from a record goes where the record went."""
    connection.execute(
        f"delete from raw.{part.name} where load_id = ? "
        f"and line not in (select line from raw.{records.name} where load_id = ?)",
        [file.load_id, file.load_id],
    )
