"""Check-in, goal and learning tools: (events, the month's first day)."""

from __future__ import annotations

from datetime import date

import polars as pl

from simulation.dialects.writing import Files, closing_day, iso_day, replace_words, write_csv


# Goals: id, employee_id, email, due, status (met, missed), set_by (team, manager). Check-ins: held or skipped.
def fifteen_five(checkins: pl.DataFrame, day: date) -> Files:
    """15Five, reports: what was never sent has no time of sending."""
    sent = pl.when(pl.col("status") == "held").then(pl.col("due") + " 16:05:00")
    frame = checkins.select(
        pl.col("id").alias("report id"),
        pl.col("email").alias("user"),
        "employee_id",
        pl.col("due").alias("due_date"),
        sent.alias("submit_ts"),
        pl.when(pl.col("status") == "held").then(pl.col("due") + " 18:30:00").alias("reviewed_ts"),
        pl.lit("").alias("reviewed_by"),
        pl.when(pl.col("status") == "held").then(pl.lit("False")).alias("was_submitted_late"),
    )
    return [(f"15five_reports_{day:%Y-%m}.csv", write_csv(frame))]


def lattice(goals: pl.DataFrame, day: date) -> Files:
    """Lattice goals."""
    frame = goals.select(
        pl.col("id").alias("Goal ID"),
        pl.col("email").alias("Owner Email"),
        pl.col("employee_id").alias("Owner Employee ID"),
        iso_day("due", "%m/%d/%Y").alias("Due Date"),
        replace_words("status", {"met": "Closed - Complete", "missed": "Closed - Incomplete"}).alias("Status"),
        replace_words("set_by", {"team": "Group", "manager": "Company"}).alias("Goal Type"),
        replace_words("status", {"met": "100%", "missed": "40%"}).alias("Progress"),
    )
    return [(f"lattice_goals_{closing_day(day):%Y-%m-%d}.csv", write_csv(frame))]


def culture_amp_goals(goals: pl.DataFrame, day: date) -> Files:
    """Culture Amp goals."""
    frame = goals.select(
        pl.col("id").alias("Goal ID"),
        pl.col("email").alias("Owner Email"),
        pl.col("employee_id").alias("Owner Employee ID"),
        pl.col("due").alias("Due Date"),
        replace_words("status", {"met": "Completed", "missed": "Missed"}).alias("Status"),
        replace_words("set_by", {"team": "Team", "manager": "Manager"}).alias("Created By"),
        replace_words("status", {"met": "100", "missed": "40"}).alias("Progress (%)"),
    )
    return [(f"culture_amp_goals_{closing_day(day):%Y-%m-%d}.csv", write_csv(frame))]


def table(events: pl.DataFrame, day: date) -> Files:
    """Any tool: the fields of the log as a table."""
    frame = events.select("event", "id", "employee_id", "due", "status", "set_by")
    return [(f"checkins_{day:%Y-%m}.csv", write_csv(frame))]


def lms(trainings: pl.DataFrame) -> Files:
    """A learning system's completions: employee_id, email, completed, withdrawn, trainer (an address) and minutes."""
    done, gone = pl.col("completed").is_not_null(), pl.col("withdrawn").is_not_null()
    frame = trainings.select(
        pl.col("employee_id").alias("Employee ID"),
        pl.col("email").alias("Email"),
        pl.lit("Organizational coach, foundation").alias("Course"),
        pl.when(gone)
        .then(pl.lit("Withdrawn"))
        .when(done)
        .then(pl.lit("Completed"))
        .otherwise(pl.lit("Enrolled"))
        .alias("Status"),
        pl.col("completed").alias("Completed On"),
        pl.col("withdrawn").alias("Withdrawn On"),
        pl.col("trainer").alias("Instructor Email"),
    )
    return [("lms_completions.csv", write_csv(frame))]
