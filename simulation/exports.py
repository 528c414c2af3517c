"""The organisation's export files, month by month, as an HRIS, a survey tool and a check-in tool would write them.

Files per run (`out/`): `hris/hris_YYYY-MM.csv` (the last one XLSX), `survey/pulse_YYYY-MM.csv` (Qualtrics layout,
three header rows), `checkins/checkins_YYYY-MM.jsonl`, `checkins/goals_YYYY-MM.jsonl`, `roster/programme_roster.csv`,
`roster/lms_completions.csv`. Other layouts: dialects.py; what they tell beyond who, where and when: facts.py. The true
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

from simulation import dialects as systems
from simulation import facts
from simulation.organisation import (
    COHORTS,
    CONTROL,
    DEPARTMENTS,
    ENGAGEMENT_POINTS,
    GOALS_SHARE,
    OUTSIDE,
    SITES,
    Design,
    Organisation,
)
from simulation.truth import Truth

WORKBOOK_ROWS = 200_000  # nobody sends a larger workbook, and no reader should accept it
LATE_EXIT_SHARE = 0.17  # 277 of 1,616 in the real file of the reference folder
SURVEY_ITEMS = {  # column → (question, scale, reverse)
    "Q1_1": ("I am proud to work here.", "engagement", False),
    "Q1_2": ("I would recommend working here to a friend.", "engagement", False),
    "Q1_3": ("I rarely think about looking for a job elsewhere.", "engagement", False),
    "Q1_4": ("My work gives me a sense of accomplishment.", "engagement", False),
    "Q1_5": ("Most days I have to drag myself to work.", "engagement", True),
    "Q2_1": ("My team sets its own goals.", "autonomy", False),
    "Q2_2": ("I decide how I do my work.", "autonomy", False),
    "Q2_3": ("I may try things, even if they fail.", "autonomy", False),
}
QUALTRICS_HEAD = {
    "StartDate": ("Start Date", "startDate"),
    "EndDate": ("End Date", "endDate"),
    "Status": ("Response Type", "status"),
    "Progress": ("Progress", "progress"),
    "Finished": ("Finished", "finished"),
    "RecordedDate": ("Recorded Date", "recordedDate"),
    "ResponseId": ("Response ID", "_recordId"),
    "RecipientLastName": ("Recipient Last Name", "recipientLastName"),
    "RecipientFirstName": ("Recipient First Name", "recipientFirstName"),
    "RecipientEmail": ("Recipient Email", "recipientEmail"),
    "ExternalReference": ("External Data Reference", "externalDataReference"),
}


# Layouts by source; the first writes the mess that the others leave out.
DIALECTS = {
    "hris": ("report", "workday_tables", *systems.HRIS),
    "survey": ("qualtrics", *systems.SURVEY),
    "checkins": ("log", *systems.CHECKINS),
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
    answers and goals, as another system would write them. `progress` is told each finished month. Memory is bounded by
    one month of one export (but for `workday_tables`, which tell all at once). Raises KeyError for an unknown dialect.
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
            history.append((design.month(month), people.with_columns(systems.manager_or_none())))
        else:
            _write_hris(people, design, month, out / "hris", layout["hris"])
        _write_checkins(org, month, out / "checkins", truth, layout["checkins"])
        if month % 3 == 1:
            _write_survey(org, month, out / "survey", truth, layout["survey"])
        org.refill(leaving, month + 1)
        org.move(month + 1)
        progress(f"{design.month(month):%Y-%m}")
    if history:
        _write(systems.workday_tables(history), out / "hris")
    truth_path.parent.mkdir(parents=True, exist_ok=True)
    truth_path.write_text(json.dumps(truth.summary(), indent=2) + "\n")


def _id(prefix: str, numbers: np.ndarray, width: int = 7) -> pl.Series:
    return pl.select(pl.lit(prefix) + pl.Series(numbers).cast(pl.String).str.zfill(width)).to_series()


def _days(days: np.ndarray) -> pl.Series:
    return pl.Series(days.astype(np.int32)).cast(pl.Date)


def _team_ids(teams: np.ndarray) -> pl.Series:
    return _id("T", teams + 1, 5)


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
            "Employee ID": _id("E", org.employee),
            "First Name": pl.Series(["Synthetic"]).new_from_index(0, n),
            # Two spaces where a system once joined a middle name that nobody has.
            "Last Name": pl.select(pl.lit("Person  ") + number).to_series(),
            "Work Email": pl.select(pl.lit("person.") + number + pl.lit("@example.invalid")).to_series(),
            "Birth Date": _days(org.born).dt.to_string("%m/%d/%Y"),
            "Hire Date": _days(org.hired).dt.to_string("%m/%d/%Y"),
            "Termination Date": pl.select(
                pl.when(known).then(_days(np.maximum(left, 0)).dt.to_string("%m/%d/%Y"))
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
            "Team ID": _team_ids(org.slot_team),
            "Manager ID": pl.select(
                pl.when(pl.Series(manager > 0)).then(_id("E", manager)).otherwise(pl.lit("NO_MANAGER"))
            ).to_series(),
            **facts.of_work(org, month, truth),
            "Regretted": facts.regretted(org, (left >= 0) & voluntary),
        }
    )
    shown_late = pl.concat(org.pending) if org.pending else frame.clear()
    org.pending = [_late_rows(frame, leaving[late], first + day[late])] if late.any() else []
    return pl.concat([frame, shown_late]).sort("Employee ID")


def _late_rows(frame: pl.DataFrame, slots: np.ndarray, left: np.ndarray) -> pl.DataFrame:
    """The rows by which next month's file tells of exits that this month's file did not know yet."""
    hired = pl.col("Hire Date").str.to_date("%m/%d/%Y")
    return frame[slots].with_columns(
        pl.max_horizontal(_days(left), hired).dt.to_string("%m/%d/%Y").alias("Termination Date"),
        pl.lit("Voluntary").alias("Termination Type"),
        pl.lit("Terminated").alias("Worker Status"),
        pl.lit("No").alias("Regretted"),
    )


def _write(files: systems.Files, folder: Path) -> None:
    for name, data in files:
        (folder / name).write_bytes(data)


def _write_hris(frame: pl.DataFrame, design: Design, month: int, folder: Path, dialect: str) -> None:
    if dialect in systems.HRIS:
        _write(systems.HRIS[dialect](frame, design.month(month)), folder)
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


def _latent_engagement(org: Organisation, month: int, slots: np.ndarray, *, treated: bool, shock: np.ndarray):
    team = org.slot_team[slots]
    wave = month // 3
    effect = org.effect(ENGAGEMENT_POINTS, month)[team] if treated else 0.0
    return 62 - 0.5 * wave + 6 * org.team_quality[team] + org.trait[slots] + shock[team] + effect


def _likert(latent: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(1 + latent / 25), 1, 5).astype(np.int64)


def _write_survey(org: Organisation, month: int, folder: Path, truth: Truth, dialect: str) -> None:
    launch = org.design.month(month) + timedelta(days=9)
    slots = np.flatnonzero(org.hired < (launch - date(1970, 1, 1)).days)
    shock = org.rng.normal(0, 2.0, size=org.team_quality.size)
    noise = {item: org.rng.normal(0, 14, size=slots.size) for item in SURVEY_ITEMS}
    with_effect = _latent_engagement(org, month, slots, treated=True, shock=shock)
    without = _latent_engagement(org, month, slots, treated=False, shock=shock)
    engagement = [i for i, (_, scale, _) in SURVEY_ITEMS.items() if scale == "engagement"]
    score = {
        name: np.mean([(_likert(latent + noise[i]) - 1) * 25 for i in engagement], axis=0)
        for name, latent in (("with", with_effect), ("without", without))
    }
    truth.add_mean("engagement_score", org, month, slots, score["with"] - score["without"])

    answered = org.rng.random(slots.size) < 0.78 + 0.03 * np.clip(org.team_quality[org.slot_team[slots]], -1, 1)
    kept = np.flatnonzero(answered)
    n = kept.size
    answers = {
        item: (6 - _likert(with_effect + noise[item]) if reverse else _likert(with_effect + noise[item]))[kept]
        for item, (_, _, reverse) in SURVEY_ITEMS.items()
    }
    dont_know = {item: org.rng.random(n) < 0.01 for item in SURVEY_ITEMS}
    further = facts.further_answers(org, month, slots[kept], truth if dialect == "qualtrics" else None)
    start = pl.select(
        pl.lit(launch).cast(pl.Datetime) + pl.duration(minutes=pl.Series(org.rng.integers(0, 10 * 1440, size=n)))
    ).to_series()
    finished = org.rng.random(n) > 0.02
    number = pl.Series(org.employee[slots[kept]]).cast(pl.String).str.zfill(7)
    frame = pl.DataFrame(
        {
            "StartDate": start.dt.to_string("%Y-%m-%d %H:%M:%S"),
            "EndDate": start.dt.offset_by("6m").dt.to_string("%Y-%m-%d %H:%M:%S"),
            "Status": pl.select(
                pl.when(pl.int_range(n, eager=True) < 2).then(pl.lit("Survey Preview")).otherwise(pl.lit("IP Address"))
            ).to_series(),
            "Progress": pl.Series(np.where(finished, "100", "40")),
            "Finished": pl.Series(np.where(finished, "True", "False")),
            "RecordedDate": start.dt.offset_by("6m").dt.to_string("%Y-%m-%d %H:%M:%S"),
            "ResponseId": pl.select(
                pl.lit(f"R_{launch:%y%m}") + pl.Series(org.employee[slots[kept]]).cast(pl.String).str.zfill(9)
            ).to_series(),
            "RecipientLastName": pl.select(pl.lit("Person ") + number).to_series(),
            "RecipientFirstName": pl.Series(["Synthetic"]).new_from_index(0, n),
            "RecipientEmail": pl.select(pl.lit("person.") + number + pl.lit("@example.invalid")).to_series(),
            "ExternalReference": _id("E", org.employee[slots[kept]]),
            **{
                item: pl.select(
                    pl.when(pl.Series(dont_know[item]))
                    .then(pl.lit("Don't know"))
                    .otherwise(pl.Series(values).cast(pl.String))
                ).to_series()
                for item, values in answers.items()
            },
        }
    )
    if dialect in systems.SURVEY:
        groups = pl.DataFrame(
            {
                "Team": _team_ids(org.slot_team[slots[kept]]),
                "Department": np.array(DEPARTMENTS)[org.team_department[org.slot_team[slots[kept]]]],
            }
        )
        questions = {item: text for item, (text, _, _) in SURVEY_ITEMS.items()}
        _write(systems.SURVEY[dialect](_finished(frame.hstack(groups)), questions, launch), folder)
        return
    _with_header_rows(frame.hstack(further)).write_csv(folder / f"pulse_{launch:%Y-%m-%d}.csv")


def _finished(frame: pl.DataFrame) -> pl.DataFrame:
    """The responses that count, as dialects take them; previews and unfinished ones are Qualtrics' own."""
    stamp = "%Y-%m-%d %H:%M:%S"
    counting = (pl.col("Status") != "Survey Preview") & (pl.col("Finished") == "True")
    return frame.filter(counting).select(
        pl.col("RecipientEmail").alias("EMail"),
        pl.col("ExternalReference").alias("Employee"),
        pl.col("ResponseId").str.tail(7).str.strip_chars_start("0").alias("Number"),
        pl.col("StartDate").str.to_datetime(stamp).alias("Start"),
        pl.col("EndDate").str.to_datetime(stamp).alias("End"),
        "Team",
        "Department",
        *[pl.col(item).replace("Don't know", "") for item in SURVEY_ITEMS],
    )


def _with_header_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Qualtrics writes the labels and the ImportIds as two rows below the names."""
    items = SURVEY_ITEMS | facts.FURTHER_ITEMS
    labels = [label for label, _ in QUALTRICS_HEAD.values()] + [item[0] for item in items.values()]
    imports = [key for _, key in QUALTRICS_HEAD.values()] + [item.replace("Q", "QID") for item in items]
    cells = [json.dumps({"ImportId": key}, separators=(",", ":")) for key in imports]
    return pl.concat([pl.DataFrame([labels, cells], schema=frame.columns, orient="row"), frame])


def _write_checkins(org: Organisation, month: int, folder: Path, truth: Truth, dialect: str) -> None:
    """One goal a month for most people, two check-ins a month for everybody in a coached-or-control team."""
    first = org.design.month(month)
    slots = np.flatnonzero(org.team_cohort[org.slot_team] != OUTSIDE)
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
            "id": _id(f"G{first:%y%m}-", org.employee[who]),
            "employee_id": _id("E", org.employee[who]),
            "due": str(last),
            "status": np.where(met[has_goal], "met", "missed"),
            "set_by": np.where(own[has_goal], "team", "manager"),
        }
    )
    if dialect == "log":
        goals.hstack(facts.of_goals(org, who, first, goals["status"])).write_ndjson(
            folder / f"goals_{first:%Y-%m}.jsonl"
        )
    held_chance = 0.70 + 0.20 * (gained > 0)
    meetings = []
    for turn in (0, 1):
        held = org.rng.random(slots.size) < held_chance
        due = first + timedelta(days=7 + 14 * turn)
        meetings.append(
            pl.DataFrame(
                {
                    "event": "checkin",
                    "id": _id(f"C{first:%y%m}{turn}-", org.employee[slots]),
                    "employee_id": _id("E", org.employee[slots]),
                    "due": str(due),
                    "status": np.where(held, "held", "skipped"),
                    "set_by": None,
                },
                schema_overrides={"set_by": pl.String},
            )
        )
    if dialect in systems.CHECKINS:
        known, write = systems.CHECKINS[dialect]
        events = pl.concat([goals, *meetings]).filter(pl.col("event").is_in(known))
        address = pl.lit("person.") + pl.col("employee_id").str.slice(1) + pl.lit("@example.invalid")
        _write(write(events.with_columns(address.alias("email")), first), folder)
        return
    path = folder / f"checkins_{first:%Y-%m}.jsonl"
    events = pl.concat(meetings)
    told = facts.of_meetings(org, np.tile(slots, 2), events["due"], events["status"] == "held", np.tile(gained > 0, 2))
    events.hstack(told).write_ndjson(path)
    if month % 6 == 4:  # the export was cut in mid-record and resumed
        with path.open("a", encoding="utf-8") as file:
            file.write('{"event":"checkin","id":"C\n')


def _write_roster(org: Organisation, path: Path) -> None:
    teams = np.arange(org.n_teams)
    cohort = org.team_cohort[teams]
    names = np.array([*COHORTS, "control"])
    kickoffs = [org.design.month(m) for m in org.design.kickoff_months]
    coached = cohort != CONTROL
    coach = _id("E", org.employee[org.manager_of_team])
    trained = [str(kickoffs[c] - timedelta(days=14)) if c != CONTROL else None for c in cohort]
    pl.DataFrame(
        {
            "Team ID": _team_ids(teams),
            "Wave": names[cohort],
            "Arm": np.where(coached, "Pilot", "Control"),
            "Kick-off": [str(kickoffs[c]) if c != CONTROL else None for c in cohort],
            "Coach Employee ID": coach,
            "Training completed": [
                None if gone else day for day, gone in zip(trained, facts.withdrawn(org), strict=True)
            ],
        }
    ).write_csv(path)
    _write(systems.lms(facts.trainings(org, coach, trained)), path.parent)
