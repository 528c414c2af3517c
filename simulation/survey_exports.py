"""The waves of the simulated survey, as a survey tool writes them."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from simulation import facts
from simulation.dialects.tables import SURVEY
from simulation.export_files import format_ids, team_ids, write_files
from simulation.organisation import (
    DEPARTMENTS,
    ENGAGEMENT_POINTS,
    Organisation,
)
from simulation.truth import Truth

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


def _latent_engagement(org: Organisation, month: int, slots: np.ndarray, *, treated: bool, shock: np.ndarray):
    team = org.slot_team[slots]
    wave = month // 3
    effect = org.effect(ENGAGEMENT_POINTS, month)[team] if treated else 0.0
    return 62 - 0.5 * wave + 6 * org.team_quality[team] + org.trait[slots] + shock[team] + effect


def _likert(latent: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(1 + latent / 25), 1, 5).astype(np.int64)


def write_survey(org: Organisation, month: int, folder: Path, truth: Truth, dialect: str) -> None:
    """Write the export of the wave that is launched in a month."""
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
    frame = pl.DataFrame(
        {
            **_columns_of_everybody(org, slots[kept], launch),
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
    if dialect in SURVEY:
        groups = pl.DataFrame(
            {
                "Team": team_ids(org.slot_team[slots[kept]]),
                "Department": np.array(DEPARTMENTS)[org.team_department[org.slot_team[slots[kept]]]],
            }
        )
        questions = {item: text for item, (text, _, _) in SURVEY_ITEMS.items()}
        write_files(SURVEY[dialect](_finished(frame.hstack(groups)), questions, launch), folder)
        return
    _with_header_rows(frame.hstack(further)).write_csv(folder / f"pulse_{launch:%Y-%m-%d}.csv")


def _columns_of_everybody(org: Organisation, slots: np.ndarray, launch: date) -> dict[str, pl.Series]:
    """What Qualtrics writes beside the answers."""
    start = pl.select(
        pl.lit(launch).cast(pl.Datetime)
        + pl.duration(minutes=pl.Series(org.rng.integers(0, 10 * 1440, size=slots.size)))
    ).to_series()
    finished = org.rng.random(slots.size) > 0.02
    number = pl.Series(org.employee[slots]).cast(pl.String).str.zfill(7)
    return {
        "StartDate": start.dt.to_string("%Y-%m-%d %H:%M:%S"),
        "EndDate": start.dt.offset_by("6m").dt.to_string("%Y-%m-%d %H:%M:%S"),
        "Status": pl.select(
            pl.when(pl.int_range(slots.size, eager=True) < 2)
            .then(pl.lit("Survey Preview"))
            .otherwise(pl.lit("IP Address"))
        ).to_series(),
        "Progress": pl.Series(np.where(finished, "100", "40")),
        "Finished": pl.Series(np.where(finished, "True", "False")),
        "RecordedDate": start.dt.offset_by("6m").dt.to_string("%Y-%m-%d %H:%M:%S"),
        "ResponseId": pl.select(
            pl.lit(f"R_{launch:%y%m}") + pl.Series(org.employee[slots]).cast(pl.String).str.zfill(9)
        ).to_series(),
        "RecipientLastName": pl.select(pl.lit("Person ") + number).to_series(),
        "RecipientFirstName": pl.Series(["Synthetic"]).new_from_index(0, slots.size),
        "RecipientEmail": pl.select(pl.lit("person.") + number + pl.lit("@example.invalid")).to_series(),
        "ExternalReference": format_ids("E", org.employee[slots]),
    }


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
