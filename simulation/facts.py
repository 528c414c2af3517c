"""What the exports hold beyond who, where and when: working time, level, output, further scales, meetings, trainings.

All of it is drawn from `Organisation.aside`, so that people, exits, answers and goals are the same with and without it.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from simulation.organisation import CONTROL, DEPARTMENTS, TRAINED_OUTSIDE, Organisation
from simulation.truth import Truth

OUTPUT_UNITS = (2.0, 1.6, 1.2)  # full effect on cases closed per full-time month, by cohort
SCALE_POINTS = (5.0, 4.0, 3.0)  # full effect on the further scales' latent 0–100
PRIORITIES = ("Customers first", "Safe operations", "Half the paper")
READINESS_DIP = 10.0  # a coached manager's first quarter
READINESS_GAIN = 22.0
# column → (question, scale, highest answer); the lowest is 1, of the 0–10 question 0
FURTHER_ITEMS = {
    "Q3_1": ("New ideas are tried here.", "innovation", 5),
    "Q3_2": ("We learn from what did not work.", "innovation", 5),
    "Q4_1": ("I know which company priority my work serves.", "alignment", 5),
    "Q4_2": ("My team's goals support the company's.", "alignment", 5),
    "Q5_1": ("I can bring up problems.", "psychological_safety", 5),
    "Q5_2": ("Mistakes are not held against people here.", "psychological_safety", 5),
    "Q6_1": ("My manager helps me to find my own answers.", "manager_support", 5),
    "Q6_2": ("My manager asks before telling.", "manager_support", 5),
    "Q7_1": ("How likely are you to recommend us as a place to work?", "recommendation", 10),
    "Q8_1": ("I feel ready to lead by coaching.", "readiness", 5),
    "Q8_2": ("I have the time and help that coaching needs.", "readiness", 5),
}


def _share(numbers: np.ndarray, salt: int) -> np.ndarray:
    """A number in [0, 1) that belongs to the employee for good."""
    mixed = (numbers.astype(np.uint64) + np.uint64(salt)) * np.uint64(0x9E3779B97F4A7C15)
    return ((mixed >> np.uint64(40)) & np.uint64(0xFFFF)).astype(float) / 65536


def working_time(org: Organisation) -> np.ndarray:
    """Full-time equivalents per slot: 1, or for one in six 0.5 or 0.8."""
    share = _share(org.employee, 1)
    return np.where(share < 0.05, 0.5, np.where(share < 0.16, 0.8, 1.0))


def of_work(org: Organisation, month: int, truth: Truth) -> dict[str, pl.Series]:
    """Columns of the worker report: FTE, job level, kind of contract, cases closed (of coached-or-control teams)."""
    n = org.employee.size
    fte = working_time(org)
    first_member = 1 + len(DEPARTMENTS) + org.n_teams
    level = np.where(_share(org.employee, 2) < 0.5, "L1", np.where(_share(org.employee, 2) < 0.8, "L2", "L3"))
    level[:first_member], level[: 1 + len(DEPARTMENTS)], level[0] = "L4", "L5", "L6"
    contract = np.where(_share(org.employee, 3) < 0.03, "Contractor", "Employee")
    team = org.slot_team
    shock = org.aside.normal(0, 0.5, size=org.team_quality.size)
    gained = org.effect(OUTPUT_UNITS, month)[team]
    closed = fte * (20 + 1.5 * org.team_quality[team] + shock[team] + gained) + org.aside.normal(0, 3, size=n)
    works = org.team_cohort[team] != TRAINED_OUTSIDE
    truth.add_mean("output_per_fte_month", org, month, np.flatnonzero(works), gained[works])
    cases = pl.Series(np.rint(np.maximum(closed, 0)).astype(np.int64)).cast(pl.String)
    return {
        "FTE": pl.Series(fte).cast(pl.String),
        "Job Level": pl.Series(level),
        "Worker Type": pl.Series(contract),
        "Cases Closed": pl.select(pl.when(pl.Series(works)).then(cases)).to_series(),
    }


def regretted(org: Organisation, voluntary: np.ndarray) -> pl.Series:
    """Yes or No beside a voluntary exit."""
    word = np.where(_share(org.employee, 4) < 0.4, "Yes", "No")
    return pl.select(pl.when(pl.Series(voluntary)).then(pl.Series(word))).to_series()


def further_answers(org: Organisation, month: int, slots: np.ndarray, truth: Truth | None) -> pl.DataFrame:
    """Answers to FURTHER_ITEMS, as text; readiness is asked of the teams' managers only."""
    team = org.slot_team[slots]
    gained = org.effect(SCALE_POINTS, month)[team]
    latent = 58 + 4 * org.team_quality[team] + org.trait[slots] + org.aside.normal(0, 2, org.team_quality.size)[team]
    led = np.full(org.slot_team.size, -1)
    led[org.manager_of_team] = np.arange(org.n_teams)
    leads = led[slots] >= 0
    quarters = np.where(leads, (month - org.kickoff_of_team()[led[slots]]) // 3, -1)
    change = np.where(quarters < 0, 0.0, np.where(quarters == 0, -READINESS_DIP, READINESS_GAIN))
    ready = 25 + 50 * _share(org.employee[slots], 5) + change
    columns, score = {}, {"with": [], "without": []}
    for item, (_, scale, highest) in FURTHER_ITEMS.items():
        noise = org.aside.normal(0, 12, size=slots.size)
        if scale == "recommendation":
            answer = np.clip(np.rint((latent + gained + noise) / 10 + 1), 0, highest)
        elif scale == "readiness":
            answer = np.clip(np.rint(1 + (ready + noise) / 25), 1, highest)
        else:
            answer = np.clip(np.rint(1 + (latent + gained + noise) / 25), 1, highest)
        if scale == "innovation":
            score["with"].append((answer - 1) * 25)
            score["without"].append((np.clip(np.rint(1 + (latent + noise) / 25), 1, highest) - 1) * 25)
        word = pl.Series(answer.astype(np.int64)).cast(pl.String)
        columns[item] = pl.select(pl.when(pl.Series((scale != "readiness") | leads)).then(word)).to_series()
    if truth is not None:
        gain = np.mean(score["with"], axis=0) - np.mean(score["without"], axis=0)
        truth.add_mean("innovation_score", org, month, slots, gain)
    return pl.DataFrame(columns)


def of_goals(org: Organisation, slots: np.ndarray, first: date, status: pl.Series) -> pl.DataFrame:
    """Which company priority a goal names, and when it was reported as done."""
    coached = org.effect((1.0, 1.0, 1.0), (first.year - org.design.start.year) * 12 + first.month - 1) > 0
    named = org.aside.random(slots.size) < 0.55 + 0.10 * coached[org.slot_team[slots]]
    which = np.array(PRIORITIES)[org.aside.integers(len(PRIORITIES), size=slots.size)]
    # One goal in eight is met a few days after it was due.
    late = org.aside.random(slots.size) < 0.12
    days = np.where(late, org.aside.integers(1, 9, slots.size), -org.aside.integers(0, 12, slots.size))
    closing = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    reported = pl.select(
        pl.when(status == "met").then((pl.lit(closing) + pl.duration(days=pl.Series(days))).dt.to_string("%Y-%m-%d"))
    ).to_series()
    return pl.DataFrame(
        {"priority": pl.select(pl.when(pl.Series(named)).then(pl.Series(which))).to_series(), "submitted": reported}
    )


def of_meetings(org: Organisation, slots: np.ndarray, due: pl.Series, held: pl.Series, coached: np.ndarray):
    """Of meetings that were held: who led, who set the agenda, minutes, when the notes were read."""
    n = slots.size
    draw = org.aside.random((3, n))
    manager = org.slot_manager[slots]
    led_by = np.where((draw[0] < 0.12 + 0.22 * coached) | (manager < 0), slots, manager)
    agenda = np.where(draw[1] < 0.25 + 0.30 * coached, "team", "manager")
    minutes = np.clip(np.rint(org.aside.normal(32 + 6 * coached, 8)), 10, 90).astype(np.int64)
    after = org.aside.exponential(3.5 - 1.5 * coached).astype(np.int64)
    read = pl.select(
        pl.when(pl.Series(draw[2] < 0.92)).then(
            (due.str.to_date() + pl.duration(days=pl.Series(after))).dt.to_string("%Y-%m-%d 12:00:00")
        )
    ).to_series()
    leader = pl.select(pl.lit("E") + pl.Series(org.employee[led_by]).cast(pl.String).str.zfill(7)).to_series()
    frame = pl.DataFrame({"led_by": leader, "agenda_by": agenda, "minutes": minutes, "reviewed": read})
    return frame.select(pl.when(held).then(pl.col(name)).alias(name) for name in frame.columns)


def withdrawn(org: Organisation) -> np.ndarray:
    """Which teams' coaches withdrew from their training: the last of each wave (shape: teams)."""
    cohort = org.team_cohort[: org.n_teams]
    gone = np.zeros(org.n_teams, bool)
    for wave in range(int(cohort.max()) + 1):
        members = np.flatnonzero(cohort == wave)
        gone[members[-1:]] = members.size > 1
    return gone


def trainings(org: Organisation, coach: pl.Series, trained: list[str | None]) -> pl.DataFrame:
    """The coaches' training: the first wave by a faculty from outside, each later one by coaches of the wave before."""
    cohort = org.team_cohort[: org.n_teams]
    number = pl.Series(org.employee[org.manager_of_team]).cast(pl.String).str.zfill(7)
    address = pl.select(pl.lit("person.") + number + pl.lit("@example.invalid")).to_series()
    trainer: list[str | None] = [None] * org.n_teams
    gone = withdrawn(org)
    for wave in range(1, int(cohort.max()) + 1):
        before = np.flatnonzero((cohort == wave - 1) & ~gone)
        for turn, team in enumerate(np.flatnonzero(cohort == wave)):
            trainer[team] = address[int(before[turn % before.size])] if before.size else None
    return pl.DataFrame(
        {
            "employee_id": coach,
            "email": address,
            "completed": [None if out else day for day, out in zip(trained, gone, strict=True)],
            "withdrawn": [day if out else None for day, out in zip(trained, gone, strict=True)],
            "trainer": pl.Series(trainer, dtype=pl.String),
        }
    ).filter(pl.Series(cohort != CONTROL))
