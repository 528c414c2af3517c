"""What would become of a file: which mapping fits, how every column is understood, what would be quarantined and why.

It loads the file, as the run would, into a database in memory with a key that is thrown away.
"""

from __future__ import annotations

import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ingest import land, load
from ingest.conform.masking import value_class
from ingest.formats.header import numbered
from ingest.formats.reader import open_file
from ingest.formats.records import FileRefused
from ingest.mapping.headers import normalise_name
from ingest.mapping.model import Mapping
from ingest.mapping.registry import candidates
from ingest.pseudonyms import Pseudonyms
from ingest.tables import ANSWERS, ATTRIBUTES, PERSONAL, WORKERS
from ingest.warehouse import prepare, warehouse

SAMPLES = 3
HASHED = set(PERSONAL) - {"birth_year"}


@dataclass(frozen=True)
class Understood:
    """One column of the file: what it is read as, and the shape of what stands in it (never a personal value)."""

    header: str
    read_as: str
    samples: tuple[str, ...]
    n_empty: int


@dataclass(frozen=True)
class Became:
    """One field as it would stand in the warehouse: in how many rows it is filled, and its commonest values."""

    field: str
    n_filled: int
    n_rows: int
    n_distinct: int
    samples: tuple[str, ...]


@dataclass
class Report:
    """The findings about one file."""

    mapping: Mapping | None = None
    vintage: str = ""
    also_fits: list[str] = field(default_factory=list)
    columns: list[Understood] = field(default_factory=list)
    became: list[Became] = field(default_factory=list)
    refused: str = ""
    n_records: int = 0
    n_loaded: int = 0
    n_faulty: int = 0
    n_set_aside: int = 0
    quarantine: pl.DataFrame = field(default_factory=pl.DataFrame)
    issues: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def would_load(self) -> bool:
        """Whether the run would take the file, and at least one record of it."""
        return self.mapping is not None and not self.refused and not (self.n_faulty and not self.n_loaded)


QUARANTINE_QUERY = """
    select kind, rule, column_name, value_class, expected, count(*)::int as n, min(line)::int as first_line
    from raw.quarantine group by all order by n desc, first_line limit 50
"""
ISSUES_QUERY = "select issue, resolution, count(*)::int as n from raw.data_issues group by all order by n desc, issue"


def check(path: Path, mappings: list[Mapping], *, source: str | None = None) -> Report:
    """The report about `path`. `source` is a mapping's name or one of the inbox's folders."""
    asked = [m for m in mappings if source is None or source in (m.name, m.source)]
    by_name = [m for m in asked if m.name == source or m in candidates(asked, m.source, path.name)]
    fitting, refusals = _fitting(path, by_name)
    if not fitting and source is not None and by_name:
        return Report(mapping=by_name[0], refused=refusals[0])
    if not fitting:
        others, _ = _fitting(path, [m for m in asked if m not in by_name])
        names = ", ".join(m.name for m in others)
        hint = (
            f"; but its columns fit {names}: rename it, or widen files:"
            if others
            else f"; {refusals[0]}"
            if refusals
            else ""
        )
        return Report(refused=f"no mapping reads a file of this name and these columns{hint}")
    chosen = fitting[0]
    report = Report(mapping=chosen, also_fits=[m.name for m in fitting[1:]])
    try:
        report.columns = _columns(path, chosen)
    except FileRefused as error:
        report.refused = str(error)
        return report
    _load(path, chosen, report)
    return report


def _fitting(path: Path, mappings: list[Mapping]) -> tuple[list[Mapping], list[str]]:
    fitting, refusals = [], []
    for mapping in mappings:
        try:
            open_file(path, mapping)
            fitting.append(mapping)
        except FileRefused as error:
            refusals.append(str(error))
    return fitting, refusals


def _load(path: Path, mapping: Mapping, report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder, warehouse(Path(":memory:")) as connection:
        place = Path(folder) / "landing"
        inbox = land.Inbox({a.load_id: a for a in [land.Arrival(mapping.source, path, land.sha256(path))]}, ())
        land.land(inbox, place)
        prepare(connection)
        anywhere = mapping.model_copy(update={"files": ("*",)})
        [result] = load.load_source(
            connection,
            mapping.source,
            land.landed_files(place),
            place,
            mappings=[anywhere],
            pseudonyms=Pseudonyms(secrets.token_bytes(32)),
        )
        report.refused = result.reason
        report.vintage = result.opened.reading.layout.vintage if result.opened else ""
        report.n_records, report.n_loaded = result.n_records, result.n_loaded
        report.n_faulty, report.n_set_aside = result.n_faulty, result.n_set_aside
        report.quarantine = connection.sql(QUARANTINE_QUERY).pl()
        report.issues = connection.execute(ISSUES_QUERY).fetchall()
        if result.opened and not report.refused:
            report.became = _became(connection, result.opened.reading.layout, set(result.opened.reading.names))


def compare_ids(path: Path, mapping: Mapping, connection, pseudonyms: Pseudonyms) -> list[str]:
    """What in a snapshot of workers speaks against its ids, beside the last one of the same mapping in the warehouse:
    sentences. The gate refuses a run for the same (expectations/tables/loads.py, IDENTITIES); this says it before."""
    if mapping.record is not WORKERS or mapping.rows != "snapshots" or mapping.delivery != "full":
        return []
    with tempfile.TemporaryDirectory() as folder, warehouse(Path(":memory:")) as alone:
        place = Path(folder) / "landing"
        arrival = land.Arrival(mapping.source, path, land.sha256(path))
        land.land(land.Inbox({arrival.load_id: arrival}, ()), place)
        prepare(alone)
        anywhere = mapping.model_copy(update={"files": ("*",)})
        landed = land.landed_files(place)
        load.load_source(alone, mapping.source, landed, place, mappings=[anywhere], pseudonyms=pseudonyms)
        now = alone.sql(OF_FILE).pl()
        zeros = alone.sql("select coalesce(sum(n_leading_zero), 0)::int from raw.id_shapes").fetchall()[0][0]
    if now.is_empty():
        return []
    first_day = now["snapshot_date"].min()
    before = connection.sql(LAST_BEFORE, params={"mapping": mapping.name, "day": first_day}).pl()
    gone = before.filter(~pl.col("person_id").is_in(now["person_id"].to_list()))
    has_lost_zeros = before.height > 0 and before["n_leading_zero"][0] > 0 and not zeros
    if gone.height < FEW and not (has_lost_zeros and gone.height == before.height):
        return []
    fresh = now.filter(~pl.col("person_id").is_in(before["person_id"].to_list()))
    n_known = gone.join(fresh.drop_nulls("email_key"), on="email_key", how="semi").height
    n_named = gone.join(fresh.drop_nulls("name_key"), on=["name_key", "hired_date"], how="semi").height
    known, found = max(n_known, n_named), before.height - gone.height
    if known < FEW and 2 * found >= before.height:
        return []
    why = (
        "the ids have lost their leading zeros; export them as text, or declare zero_pad:"
        if has_lost_zeros
        else "the ids are of another number space, or a crosswalk of old to new ids is missing (hris_crosswalk)"
    )
    return [
        f"{found:,} of the {before.height:,} people of {before['snapshot_date'][0]} are found again, and {known:,} of "
        f"the others are known by e-mail address or name under another id: {why}"
    ]


FEW = 5
OF_FILE = "select person_id, snapshot_date, hired_date, email_key, name_key from raw.raw_hris__workers"
LAST_BEFORE = """
    with listed as (
        select workers.*, loads.load_id as of_load from raw.raw_hris__workers as workers
        inner join raw.load_log as loads on workers.load_id = loads.load_id
        where loads.mapping = $mapping and workers.snapshot_date < $day
    )
    select listed.person_id, listed.snapshot_date, listed.hired_date, listed.email_key, listed.name_key,
        (select coalesce(sum(n_leading_zero), 0)::int from raw.id_shapes where load_id = listed.of_load)
            as n_leading_zero
    from listed
    where listed.snapshot_date = (select max(snapshot_date) from listed)
        and (listed.left_date is null or listed.left_date >= date_trunc('month', listed.snapshot_date))
"""


def _became(connection, layout: Mapping, there: set[str]) -> list[Became]:
    """What the fields, attributes and items became, over the rows that loaded; without those that the file lacks."""
    fields = {name for name, one in layout.all_columns if not one.headers or not one.optional or there & {*one.headers}}
    fields |= {layout.record.dated} if layout.snapshot else set()
    [(n_rows,)] = connection.execute(f"select count(*)::int from raw.{layout.record.name}").fetchall()
    found = [
        _summed_up(connection, name, f'"{name}" from raw.{layout.record.name}', n_rows, kind in HASHED)
        for name, kind in layout.record.fields.items()
        if name in fields
    ]
    words = f"coalesce(word, number::varchar) from raw.{ATTRIBUTES.name} where attribute = '{{}}'"
    for name, one in layout.attributes.items():
        found.append(_summed_up(connection, name, words.format(name), n_rows, bool(one.personal)))
    answers = f"answer from raw.{ANSWERS.name} where item = '{{}}'"
    return found + [_summed_up(connection, name, answers.format(name), n_rows, False) for name in layout.items]


def _summed_up(connection, name: str, values: str, n_rows: int, is_hashed: bool) -> Became:
    """`values` is an expression and where it stands; names of attributes and items are words of letters and digits."""
    rows = connection.execute(
        f"select v::varchar, count(*)::int as n from (select {values}) as t (v) group by v"
    ).fetchall()
    filled = sorted(((word, n) for word, n in rows if word is not None), key=lambda pair: (-pair[1], pair[0]))
    samples = ("keyed hashes",) if is_hashed and filled else tuple(word[:40] for word, _ in filled[:SAMPLES])
    return Became(name, sum(n for _, n in filled), n_rows, len(filled), samples)


def _columns(path: Path, mapping: Mapping) -> list[Understood]:
    reading = open_file(path, mapping)
    batch = next(iter(reading.batches))
    uses = _uses(reading.layout)
    personal = reading.layout.masked_headers
    dropped = {normalise_name(name) for name in reading.layout.dropped}
    found = []
    for header in dict.fromkeys([*numbered(reading.names), *batch.frame.columns[1:]]):
        words = batch.frame[header] if header in batch.frame.columns else None
        default = "dropped, as declared" if header in dropped else "not read"
        found.append(
            Understood(
                header,
                ", ".join(uses.get(header, [default])),
                _samples(words, is_personal=header in personal) if words is not None else (),
                int((words.fill_null("") == "").sum()) if words is not None else 0,
            )
        )
    return found


def _samples(words: pl.Series, *, is_personal: bool) -> tuple[str, ...]:
    present = words.filter(words.fill_null("") != "").head(500).unique(maintain_order=True).to_list()
    if is_personal:
        return tuple(dict.fromkeys(value_class(word, is_personal=True) for word in present))[:SAMPLES]
    return tuple(word[:40] for word in present[:SAMPLES])


def _uses(mapping: Mapping) -> dict[str, list[str]]:
    """Header → what it is read as."""
    uses: dict[str, list[str]] = {}
    for name, column in mapping.all_columns:
        kind = mapping.record.fields[name]
        stored = "hashed" if kind in HASHED else "year only" if kind == "birth_year" else kind
        formats = f" written {' or '.join(column.formats)}" if column.formats else ""
        for header in column.headers:
            uses.setdefault(header, []).append(f"{name} ({stored}{formats})")
    for name, attribute in mapping.attributes.items():
        how = "in bands" if attribute.bands else attribute.personal or attribute.kind
        for header in attribute.headers:
            uses.setdefault(header, []).append(f"attribute {name} ({how})")
    for name, item in mapping.items.items():
        for header in item.headers:
            uses.setdefault(header, []).append(f"item {name} of {item.scale}" + (", reversed" if item.reverse else ""))
    if mapping.long:
        uses.setdefault(normalise_name(mapping.long.question), []).append("which item is answered")
        uses.setdefault(normalise_name(mapping.long.answer), []).append("the answer")
    for rule in mapping.set_aside:
        if rule.column is None:
            continue
        uses.setdefault(normalise_name(rule.column), []).append(f"set aside: {rule.reason}")
    if mapping.snapshot and mapping.snapshot.column:
        uses.setdefault(normalise_name(mapping.snapshot.column), []).append(mapping.record.dated)
    return uses
