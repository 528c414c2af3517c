"""The organisation's export files, month by month, as an HRIS, a survey tool and a check-in tool would write them.

Files per run (`out/`): `hris/hris_YYYY-MM.csv` (the last one XLSX), `survey/pulse_YYYY-MM.csv` (Qualtrics layout,
three header rows), `checkins/checkins_YYYY-MM.jsonl`, `checkins/goals_YYYY-MM.jsonl`, `roster/programme_roster.csv`,
`roster/lms_completions.csv`. Other layouts: dialects.py; what they hold beyond who, where and when: facts.py. The true
effects go to a file outside the inboxes. The mess is deliberate: exits that first appear a month late, a broken record
here and there, survey previews, unfinished responses, doubled spaces in names.
"""

from __future__ import annotations

import calendar
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from simulation import facts
from simulation.dialects.checkins import lms
from simulation.dialects.hris import manager_or_none, workday_tables
from simulation.dialects.tables import CHECKINS, HRIS, SURVEY
from simulation.export_files import format_ids, team_ids, to_days, write_files
from simulation.organisation import (
    COHORTS,
    CONTROL,
    DEPARTMENTS,
    GOALS_SHARE,
    SITES,
    TRAINED_OUTSIDE,
    Design,
    Organisation,
)
from simulation.survey_exports import write_survey
from simulation.truth import Truth

WORKBOOK_ROWS = 200_000  # nobody sends a larger workbook, and no reader should accept it

LATE_EXIT_SHARE = 0.17  # 277 of 1,616 in the real file of the reference folder

# Layouts by source; the first writes the mess that the others leave out.
DIALECTS = {
    "hris": ("report", "workday_tables", *HRIS),
    "survey": ("qualtrics", *SURVEY),
    "checkins": ("log", *CHECKINS),
}


def simulate(
    design: Design,
    out: Path,
    *,
    truth_path: Path,
    dialects: dict[str, str] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> None:
    """Write all exports of `design` below `out` and the true effects to `truth_path`.

    `dialects` names the layout of a source (DIALECTS; the first of each where it is not named): the same people,
    answers and goals, as another system would write them. `progress` gets each finished month. Memory is bounded by
    one month of one export (but for `workday_tables`, which hold all at once). Raises KeyError for an unknown dialect.
    """
    layout = {source: (dialects or {}).get(source, names[0]) for source, names in DIALECTS.items()}
    for source, name in layout.items():
        if name not in DIALECTS[source]:
            raise KeyError(f"{source} has no dialect {name!r}; there are {', '.join(DIALECTS[source])}")
    history: list[tuple[date, pl.DataFrame]] = []
    for source in ("hris", "survey", "checkins", "roster"):
        (out / source).mkdir(parents=True, exist_ok=True)
    org = Organisation.draw(design)
    truth = Truth(design)
    _write_roster(org, out / "roster" / "programme_roster.csv")
    for month in range(design.months):
        leaving, day = org.leave(month)
        if month == design.kickoff_months[0]:
            truth.start(org)
        if month in design.kickoff_months:
            truth.add_retention(org, month)
        people = _hris_rows(org, month, leaving, day, truth)
        if layout["hris"] == "workday_tables":
            history.append((design.month(month), people.with_columns(manager_or_none())))
        else:
            _write_hris(people, design, month, out / "hris", layout["hris"])
        _write_checkins(org, month, out / "checkins", truth, layout["checkins"])
        if month % 3 == 1:
            write_survey(org, month, out / "survey", truth, layout["survey"])
        org.refill(leaving, month + 1)
        org.move(month + 1)
        progress(f"{design.month(month):%Y-%m}")
    if history:
        write_files(workday_tables(history), out / "hris")
    truth_path.parent.mkdir(parents=True, exist_ok=True)
    truth_path.write_text(json.dumps(truth.summary(), indent=2) + "\n")


def _hris_rows(org: Organisation, month: int, leaving: np.ndarray, day: np.ndarray, truth: Truth) -> pl.DataFrame:
    """Everybody employed in the month; those whose exit is already known carry it."""
    first = (org.design.month(month) - date(1970, 1, 1)).days
    n = org.employee.size
    late = org.rng.random(leaving.size) < LATE_EXIT_SHARE
    left = np.full(n, -1)
    left[leaving[~late]] = first + day[~late]
    left = np.where((left >= 0) & (left < org.hired), org.hired, left)
    voluntary = org.rng.random(n) < 0.75
    number = pl.Series(org.employee).cast(pl.String).str.zfill(7)
    known = pl.Series(left >= 0)
    manager = np.where(org.slot_manager >= 0, org.employee[org.slot_manager], 0)
    frame = pl.DataFrame(
        {
            "Employee ID": format_ids("E", org.employee),
            "First Name": pl.Series(["Synthetic"]).new_from_index(0, n),
            # Two spaces where a system once joined a middle name that nobody has.
            "Last Name": pl.select(pl.lit("Person  ") + number).to_series(),
            "Work Email": pl.select(pl.lit("person.") + number + pl.lit("@example.invalid")).to_series(),
            "Birth Date": to_days(org.born).dt.to_string("%m/%d/%Y"),
            "Hire Date": to_days(org.hired).dt.to_string("%m/%d/%Y"),
            "Termination Date": pl.select(
                pl.when(known).then(to_days(np.maximum(left, 0)).dt.to_string("%m/%d/%Y"))
            ).to_series(),
            "Termination Type": pl.select(
                pl.when(known).then(
                    pl.when(pl.Series(voluntary)).then(pl.lit("Voluntary")).otherwise(pl.lit("Involuntary"))
                )
            ).to_series(),
            "Worker Status": pl.select(
                pl.when(known).then(pl.lit("Terminated")).otherwise(pl.lit("Active"))
            ).to_series(),
            "Department": pl.Series(np.array(DEPARTMENTS)[org.team_department[org.slot_team]]),
            "Site": pl.Series(np.array(SITES)[org.team_site[org.slot_team]]),
            "Team ID": team_ids(org.slot_team),
            "Manager ID": pl.select(
                pl.when(pl.Series(manager > 0)).then(format_ids("E", manager)).otherwise(pl.lit("NO_MANAGER"))
            ).to_series(),
            **facts.of_work(org, month, truth),
            "Regretted": facts.regretted(org, (left >= 0) & voluntary),
        }
    )
    shown_late = pl.concat(org.pending) if org.pending else frame.clear()
    org.pending = [_late_rows(frame, leaving[late], first + day[late])] if late.any() else []
    return pl.concat([frame, shown_late]).sort("Employee ID")


def _late_rows(frame: pl.DataFrame, slots: np.ndarray, left: np.ndarray) -> pl.DataFrame:
    """The rows by which next month's file reports exits that this month's file did not know yet."""
    hired = pl.col("Hire Date").str.to_date("%m/%d/%Y")
    return frame[slots].with_columns(
        pl.max_horizontal(to_days(left), hired).dt.to_string("%m/%d/%Y").alias("Termination Date"),
        pl.lit("Voluntary").alias("Termination Type"),
        pl.lit("Terminated").alias("Worker Status"),
        pl.lit("No").alias("Regretted"),
    )


def _write_hris(frame: pl.DataFrame, design: Design, month: int, folder: Path, dialect: str) -> None:
    if dialect in HRIS:
        write_files(HRIS[dialect](frame, design.month(month)), folder)
        return
    stem = f"hris_{design.month(month):%Y-%m}"
    if month == design.months - 1 and frame.height <= WORKBOOK_ROWS:
        frame.write_excel(folder / f"{stem}.xlsx", worksheet="Headcount")
        return
    if month % 5 == 2:  # an impossible date, typed by hand
        frame = frame.with_columns(
            pl.when(pl.int_range(pl.len()) == 11)
            .then(pl.lit("02/30/2021"))
            .otherwise(pl.col("Hire Date"))
            .alias("Hire Date")
        )
    path = folder / f"{stem}.csv"
    frame.write_csv(path)
    if month % 7 == 3:  # a record that lost its end
        with path.open("a", encoding="utf-8") as file:
            file.write("E0000012,Synthetic,Person  0000012\n")


def _write_checkins(org: Organisation, month: int, folder: Path, truth: Truth, dialect: str) -> None:
    """One goal a month for most people, two check-ins a month for everybody in a coached-or-control team."""
    first = org.design.month(month)
    slots = np.flatnonzero(org.team_cohort[org.slot_team] != TRAINED_OUTSIDE)
    team = org.slot_team[slots]
    shock = org.rng.normal(0, 0.03, size=org.team_quality.size)

    def chance(effect):
        return np.clip(0.60 + 0.05 * org.team_quality[team] + shock[team] + effect, 0.02, 0.98)

    gained = org.effect(GOALS_SHARE, month)[team]
    truth.add_mean("goals_met_share", org, month, slots, chance(gained) - chance(0.0))
    has_goal = org.rng.random(slots.size) < 0.85
    met = org.rng.random(slots.size) < chance(gained)
    own = org.rng.random(slots.size) < 0.35 + 0.25 * (gained > 0)
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    who = slots[has_goal]
    goals = pl.DataFrame(
        {
            "event": "goal",
            "id": format_ids(f"G{first:%y%m}-", org.employee[who]),
            "employee_id": format_ids("E", org.employee[who]),
            "due": str(last),
            "status": np.where(met[has_goal], "met", "missed"),
            "set_by": np.where(own[has_goal], "team", "manager"),
        }
    )
    if dialect == "log":
        goals.hstack(facts.of_goals(org, who, first, goals["status"])).write_ndjson(
            folder / f"goals_{first:%Y-%m}.jsonl"
        )
    meetings = _meetings(org, first, slots, 0.70 + 0.20 * (gained > 0))
    if dialect in CHECKINS:
        known, write = CHECKINS[dialect]
        events = pl.concat([goals, *meetings]).filter(pl.col("event").is_in(known))
        address = pl.lit("person.") + pl.col("employee_id").str.slice(1) + pl.lit("@example.invalid")
        write_files(write(events.with_columns(address.alias("email")), first), folder)
        return
    path = folder / f"checkins_{first:%Y-%m}.jsonl"
    events = pl.concat(meetings)
    meetings = facts.of_meetings(
        org, np.tile(slots, 2), events["due"], events["status"] == "held", np.tile(gained > 0, 2)
    )
    events.hstack(meetings).write_ndjson(path)
    if month % 6 == 4:  # the export was cut in mid-record and resumed
        with path.open("a", encoding="utf-8") as file:
            file.write('{"event":"checkin","id":"C\n')


def _meetings(org: Organisation, first: date, slots: np.ndarray, held_chance: np.ndarray) -> list[pl.DataFrame]:
    """Two check-ins of the month for each slot."""
    meetings = []
    for turn in (0, 1):
        held = org.rng.random(slots.size) < held_chance
        due = first + timedelta(days=7 + 14 * turn)
        meetings.append(
            pl.DataFrame(
                {
                    "event": "checkin",
                    "id": format_ids(f"C{first:%y%m}{turn}-", org.employee[slots]),
                    "employee_id": format_ids("E", org.employee[slots]),
                    "due": str(due),
                    "status": np.where(held, "held", "skipped"),
                    "set_by": None,
                },
                schema_overrides={"set_by": pl.String},
            )
        )
    return meetings


def _write_roster(org: Organisation, path: Path) -> None:
    teams = np.arange(org.n_teams)
    cohort = org.team_cohort[teams]
    names = np.array([*COHORTS, "control"])
    kickoffs = [org.design.month(m) for m in org.design.kickoff_months]
    coached = cohort != CONTROL
    coach = format_ids("E", org.employee[org.manager_of_team])
    trained = [str(kickoffs[c] - timedelta(days=14)) if c != CONTROL else None for c in cohort]
    pl.DataFrame(
        {
            "Team ID": team_ids(teams),
            "Wave": names[cohort],
            "Arm": np.where(coached, "Pilot", "Control"),
            "Kick-off": [str(kickoffs[c]) if c != CONTROL else None for c in cohort],
            "Coach Employee ID": coach,
            "Training completed": [
                None if gone else day for day, gone in zip(trained, facts.withdrawn(org), strict=True)
            ],
        }
    ).write_csv(path)
    write_files(lms(facts.trainings(org, coach, trained)), path.parent)
