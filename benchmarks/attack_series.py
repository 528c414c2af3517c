"""A series of releases of one simulated organisation, with troubles, for the attack."""

from __future__ import annotations

import csv
import os
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from unittest import mock

import duckdb
import polars as pl

from orchestration import reproduce
from orchestration.workspace import PROJECT_ROOT, Workspace
from publish.catalogue import OVERLAPS, prepare, publishable, published_tables
from publish.recipe import Recipe
from publish.release import current_release, released_tables
from simulation import Design, simulate

K = 10

MONTHS = 24

KEY = "a key of the benchmark, long enough to be one"

PANEL = """
    select people.metric, people.period_start, subject_id, cohort, arm, value,
        (people.metric, people.period_start) in (select (metric, period_start) from closed.periods) as was_closed
    from panels.pnl_values as people
    inner join panels.pnl_calendar as calendar
        on people.metric = calendar.metric and people.period_start = calendar.period_start
    where is_closed and value is not null
"""

KEPT = "select metric, day as period_start, population as cohort from closed.restatement where kind = 'means'"

YEARS_QUERY = "from comparisons.cmp_turnovers where span = 'year' and scope = 'arm' and is_chosen"

READINESS_QUERY = """
    select assessed_date, arm, readiness, sum(n_managers)::int as n from cells.cell_readiness group by all
"""

EMAIL_IN_BYTES = re.compile(rb"[A-Za-z0-9._-]+@[a-z0-9-]+\.[a-z]{2,}")


@dataclass
class Seen:
    """One release, and what is true of its groups. `restates`: closed periods were computed again, but for `kept`."""

    tables: dict[str, pl.DataFrame]
    control: dict[str, pl.DataFrame]
    panel: pl.DataFrame
    restates: bool
    kept: pl.DataFrame
    years: pl.DataFrame
    readiness: pl.DataFrame
    differing: dict[tuple[str, str], int]
    text: bytes = b""


def series(people: int, seed: int, n_releases: int) -> Iterator[Seen]:
    """Releases of one organisation, a month apart."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        design = Design(people=people, months=MONTHS, seed=seed)
        simulate(design, root / "all", truth_path=root / "truth.json")
        due = _disturb(root / "all", design, random.Random(seed))
        there = Workspace(root / "workspace")
        there.root.mkdir()
        shutil.copy(PROJECT_ROOT / "orchestration" / "templates" / "study.yml", there.study)
        for month in range(MONTHS - n_releases, MONTHS):
            day = design.month(month)
            for path in sorted((root / "all").rglob("*")):
                target = there.inbox / path.relative_to(root / "all")
                if path.is_file() and not target.exists() and due.get(path.name, _day_in(path.name)) < day:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, target)
            if _run(there, day, "restate" if n_releases > 2 and month == MONTHS - n_releases // 2 else "run"):
                yield _seen(there)


def _disturb(folder: Path, design: Design, chance: random.Random) -> dict[str, date]:
    """What real files do beside what the simulation does. File name → the day on which it is sent, where that is not
    the day in its name."""
    due, lives_in, dissolved = {}, {}, ""
    for number, path in enumerate(sorted((folder / "hris").glob("*.csv"))):
        head, *rows = _rows(path)
        who, team = (head.index(name) for name in ("Employee ID", "Team ID"))
        people = [row for row in rows if len(row) == len(head) and row[team]]
        sizes = Counter(row[team] for row in people)
        dissolved = dissolved or min(sizes, key=lambda team: (abs(sizes[team] - 8), team))
        others = sorted(sizes.keys() - {dissolved})
        if number > MONTHS // 2:
            for row in people:
                row[team] = row[team] if row[team] != dissolved else others[0]
        lives_in[path.stem[-7:]] = {row[who]: row[team] for row in people}
        _write(path, [head, *rows])
        for row in chance.sample(people, 3):  # the month once more, two months later, with three people elsewhere
            row[team] = chance.choice(others)
        _write(again := path.with_stem(f"{path.stem}_again"), [head, *rows])
        due[again.name] = design.month(number + 2)
    for path in sorted((folder / "survey").glob("*.csv")):
        lines = _rows(path)
        heads, rows = lines[:3], lines[3:]
        who, first = (heads[0].index(name) for name in ("ExternalReference", "Q1_1"))
        teams = lives_in.get(path.stem[6:13], {})
        for row in rows:
            if teams.get(row[who]) == others[-1]:  # one voice
                row[first : first + 5] = ["4"] * 5
        late = set(chance.sample(range(len(rows)), 6))
        _write(path, [*heads, *(row for number, row in enumerate(rows) if number not in late)])
        for row in chance.sample(rows, 2):
            row[first : first + 5] = ["2"] * 5
        _write(again := path.with_stem(f"{path.stem}_again"), [*heads, *rows])
        due[again.name] = _day_in(path.name) + timedelta(days=75)
    return due


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _write(path: Path, rows: Iterable[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def _day_in(name: str) -> date:
    found = re.search(r"(\d{4})-(\d{2})(?:-(\d{2}))?", name)
    return date(int(found[1]), int(found[2]), int(found[3] or 1)) if found else date.min


def _run(there: Workspace, day: date, what: str) -> bool:
    with mock.patch.dict(os.environ, {"COACHING_PSEUDONYM_KEY": KEY}):
        code, printed = reproduce.run_in_child([what, "--workspace", str(there.root), "--as-of", str(day)])
    if code:
        print(f"{day}: exit code {code}: {printed[-300:]}", file=sys.stderr, flush=True)
    return code == 0


def _seen(there: Workspace) -> Seen:
    release = current_release(there.releases)
    with duckdb.connect(str(there.warehouse), read_only=True) as connection:
        prepare(connection)
        connection.execute("insert into shown_headlines select distinct metric, 1 from estimates.est_estimates")
        differing = {(one, other): n for one, other, n in connection.execute(OVERLAPS).fetchall()}
        naive = {
            name: publishable(connection.sql(table.query).pl(), replace(table, suppress=()), minimum=K, alpha=0.05)
            for name, table in published_tables().items()
        }
        return Seen(
            tables=released_tables(release),
            control=naive,
            panel=connection.sql(PANEL).pl(),
            restates=Recipe.of(there.root, release.name).restates,
            kept=connection.sql(KEPT).pl(),
            years=connection.sql(YEARS_QUERY).pl(),
            readiness=connection.sql(READINESS_QUERY).pl(),
            differing=differing,
            text=b"".join(path.read_bytes() for path in sorted(release.rglob("*")) if path.is_file()),
        )
