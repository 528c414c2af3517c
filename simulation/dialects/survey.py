"""Survey tools: (finished responses, questions, the launch)."""

from __future__ import annotations

from datetime import date

import polars as pl

from simulation.dialects.writing import AGREEMENT, NO_ANSWER_WORDS, Files, replace_words, write_csv, write_xlsx


# The frame has a row per response: EMail, Employee, Number, Start, End, and one column per item with codes 1–5 as text,
# "" where the person did not know.
def _labelled(answers: pl.DataFrame, items: dict[str, str], language: str | None) -> list[pl.Expr]:
    """The items under their question's text; as labels of a language, or as codes."""
    if language is None:
        return [pl.col(item).alias(text) for item, text in items.items()]
    words = {str(code + 1): label for code, label in enumerate(AGREEMENT[language])} | {"": NO_ANSWER_WORDS[language]}
    return [replace_words(item, words).alias(text) for item, text in items.items()]


def google_forms(answers: pl.DataFrame, items: dict[str, str], day: date) -> Files:
    """Google Forms: the question's text is the header; no line end after the last record."""
    stamp = answers["End"].dt.to_string("%Y/%m/%d %-I:%M:%S %p") + " GMT"
    frame = answers.select(
        stamp.alias("Timestamp"), pl.col("EMail").alias("Email Address"), *_labelled(answers, items, "english")
    )
    return [(f"forms_{day}.csv", write_csv(frame).removesuffix(b"\n"))]


def microsoft_forms(answers: pl.DataFrame, items: dict[str, str], day: date) -> Files:
    """Microsoft Forms: a workbook with real times; labels in the language of whoever asked."""
    frame = answers.select(
        pl.col("Number").alias("ID"),
        pl.col("Start").alias("Start time"),
        pl.col("End").alias("Completion time"),
        pl.col("EMail").alias("Email"),
        pl.lit("").alias("Name"),
        *_labelled(answers, items, "german"),
    )
    return [(f"microsoft_forms_{day}.xlsx", write_xlsx(frame))]


def surveymonkey(answers: pl.DataFrame, items: dict[str, str], day: date) -> Files:
    """SurveyMonkey: question above options; a blank header cell goes on with the question to its left."""
    stamp = "%m/%d/%Y %I:%M:%S %p"
    helped = pl.col("Number").cast(pl.Int64) % 3
    frame = answers.select(
        pl.col("Number").alias("Respondent ID"),
        pl.lit("900").alias("Collector ID"),
        pl.col("Start").dt.to_string(stamp).alias("Start Date"),
        pl.col("End").dt.to_string(stamp).alias("End Date"),
        pl.lit("").alias("IP Address"),
        pl.col("EMail").alias("Email Address"),
        pl.col("Employee").alias("Custom Data 1"),
        *_labelled(answers, items, "english"),
        pl.when(helped != 1).then(pl.lit("My coach")).alias("My coach"),
        pl.when(helped != 2).then(pl.lit("My peers")).alias("My peers"),
    )
    n_facts, n_items = 7, len(items)
    first = [*frame.columns[:n_facts], "How much do you agree?", *[""] * (n_items - 1)]
    first += ["Who helped you most this quarter?", ""]
    second = ["Response" if name == "Custom Data 1" else "" for name in frame.columns[:n_facts]]
    second = ["" for _ in second] + frame.columns[n_facts:]
    head = pl.DataFrame([first, second], schema=frame.columns, orient="row")
    body = pl.concat([head, frame.cast(pl.String)]).write_csv(include_header=False)
    return [(f"surveymonkey_{day}.csv", body.encode())]


def culture_amp(answers: pl.DataFrame, items: dict[str, str], day: date) -> Files:
    """Culture Amp, raw data: codes under the question's text."""
    frame = answers.select(
        pl.col("Employee").alias("Employee ID"),
        pl.col("EMail").alias("Email"),
        (pl.col("End").dt.to_string("%Y-%m-%d %H:%M:%S") + " UTC").alias("Submitted At"),
        *_labelled(answers, items, None),
    )
    return [(f"culture_amp_{day}.csv", write_csv(frame))]


def glint(answers: pl.DataFrame, items: dict[str, str], day: date) -> Files:
    """Viva Glint, raw export: codes, a comment column beside each question, somebody who did not answer."""
    questions = [
        column
        for expression, text in zip(_labelled(answers, items, None), items.values(), strict=True)
        for column in (expression, pl.lit("").alias(f"{text}_COMMENT"))
    ]
    frame = answers.select(
        pl.lit("Synthetic").alias("First Name"),
        (pl.lit("Person ") + pl.col("Number")).alias("Last Name"),
        pl.col("EMail").alias("Email"),
        pl.lit("ACTIVE").alias("Status"),
        pl.col("Employee").alias("EMP ID"),
        pl.col("End").dt.to_string("%d-%m-%Y %H:%M").alias("Survey Cycle Completion Date"),
        pl.lit(day.strftime("%d-%m-%Y 08:00")).alias("Survey Cycle Sent Date"),
        *questions,
    )
    silent = frame.head(1).with_columns(
        pl.lit("person.silent@example.invalid").alias("Email"),
        pl.lit("E9999999").alias("EMP ID"),
        pl.lit(None, pl.String).alias("Survey Cycle Completion Date"),
    )
    return [(f"glint_{day}.csv", write_csv(pl.concat([frame, silent])))]


def qualtrics_legacy(answers: pl.DataFrame, items: dict[str, str], day: date) -> Files:
    """Qualtrics before 2017: V1 … V10 and question numbers, labels below, a comma after the last column."""
    stamp = "%Y-%m-%d %H:%M:%S"
    frame = answers.select(
        (pl.lit("R_") + pl.col("Number")).alias("V1"),
        pl.lit("SV_1").alias("V2"),
        pl.lit("Pulse").alias("V3"),
        pl.col("Employee").alias("V4"),
        pl.col("EMail").alias("V5"),
        pl.lit("").alias("V6"),
        pl.lit("0").alias("V7"),
        pl.col("Start").dt.to_string(stamp).alias("V8"),
        pl.col("End").dt.to_string(stamp).alias("V9"),
        pl.lit("1").alias("V10"),
        *[pl.col(item) for item in items],
        pl.lit("").alias(" "),
    )
    labels = ["ResponseID", "ResponseSet", "Name", "ExternalDataReference", "EmailAddress", "IPAddress", "Status"]
    labels += ["StartDate", "EndDate", "Finished", *items.values(), ""]
    rows = pl.concat([pl.DataFrame([labels], schema=frame.columns, orient="row"), frame])
    head = ",".join(frame.columns[:-1]) + ",\n"
    return [(f"qualtrics_legacy_{day}.csv", head.encode() + rows.write_csv(include_header=False).encode())]


def wide(answers: pl.DataFrame, items: dict[str, str], day: date) -> Files:
    """Any tool: one row per response."""
    frame = answers.select(*_facts(), *_labelled(answers, items, "english"))
    return [(f"survey_wide_{day}.csv", write_csv(frame))]


def long(answers: pl.DataFrame, items: dict[str, str], day: date) -> Files:
    """Any tool: one row per answer; questions that were not answered are left out."""
    frame = answers.select(*_facts(), *_labelled(answers, items, None)).unpivot(
        index=["response_id", "employee_id", "recorded_at"], variable_name="question", value_name="answer"
    )
    return [(f"survey_long_{day}.csv", write_csv(frame.filter(pl.col("answer") != "").sort("response_id", "question")))]


def _facts() -> list[pl.Expr]:
    at = pl.col("End").dt.to_string("%Y-%m-%d %H:%M:%S")
    return [
        pl.col("Number").alias("response_id"),
        pl.col("Employee").alias("employee_id"),
        at.alias("recorded_at"),
    ]


def anonymous(answers: pl.DataFrame, items: dict[str, str], day: date) -> Files:
    """No person, only the groups."""
    frame = answers.select(
        pl.col("Department").alias("department"), pl.col("Team").alias("team"), *_labelled(answers, items, "english")
    )
    return [(f"survey_anonymous_{day}.csv", write_csv(frame))]
