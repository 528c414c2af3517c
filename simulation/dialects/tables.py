"""All dialects by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl

from simulation.dialects.checkins import culture_amp_goals, fifteen_five, lattice, table
from simulation.dialects.hris import adp, bamboohr_directory, bamboohr_report, personio, successfactors, workday_report
from simulation.dialects.survey import (
    anonymous,
    culture_amp,
    glint,
    google_forms,
    long,
    microsoft_forms,
    qualtrics_legacy,
    surveymonkey,
    wide,
)
from simulation.dialects.writing import Files

HRIS: dict[str, Callable[[pl.DataFrame, date], Files]] = {
    "workday_report": workday_report,
    "bamboohr_report": bamboohr_report,
    "bamboohr_directory": bamboohr_directory,
    "successfactors": successfactors,
    "personio": personio,
    "adp": adp,
}

SURVEY: dict[str, Callable[[pl.DataFrame, dict[str, str], date], Files]] = {
    "google_forms": google_forms,
    "microsoft_forms": microsoft_forms,
    "surveymonkey": surveymonkey,
    "culture_amp": culture_amp,
    "glint": glint,
    "qualtrics_legacy": qualtrics_legacy,
    "wide": wide,
    "long": long,
    "anonymous": anonymous,
}

# Which events a tool knows: check-ins, goals or both.
CHECKINS: dict[str, tuple[tuple[str, ...], Callable[[pl.DataFrame, date], Files]]] = {
    "15five": (("checkin",), fifteen_five),
    "lattice": (("goal",), lattice),
    "culture_amp_goals": (("goal",), culture_amp_goals),
    "table": (("checkin", "goal"), table),
}
