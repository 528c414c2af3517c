"""The same people, answers and goals as different systems export them, one function per layout.

A dialect turns a frame of exports.py into (file name, bytes); what the system's export cannot say is left out. Layouts
follow the vendors' public documentation and sample files (docs/sources/), every person in them is synthetic.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import date, timedelta

import polars as pl

Files = list[tuple[str, bytes]]
AGREEMENT = {
    "english": ("Strongly disagree", "Disagree", "Neither agree nor disagree", "Agree", "Strongly agree"),
    "german": ("Stimme überhaupt nicht zu", "Stimme nicht zu", "Teils/teils", "Stimme zu", "Stimme voll und ganz zu"),
}
NO_ANSWER = {"english": "Don't know", "german": "Weiß nicht"}


def _csv(frame: pl.DataFrame, *, encoding: str = "utf-8", separator: str = ",", title: str = "") -> bytes:
    text = frame.cast(pl.String).write_csv(separator=separator)
    return (title + text).encode(encoding)


def _xlsx(frame: pl.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.write_excel(target, worksheet="Export")
    return target.getvalue()


def _day(name: str, written: str = "%Y-%m-%d") -> pl.Expr:
    return pl.col(name).str.to_date("%m/%d/%Y").dt.to_string(written)


def _words(name: str, words: dict[str, str]) -> pl.Expr:
    return pl.col(name).replace_strict(words, default=None, return_dtype=pl.String)


def _manager(column: str, people: pl.DataFrame) -> pl.Expr:
    """A column of the manager's own row."""
    known = dict(zip(people["Employee ID"], people[column], strict=True))
    return pl.col("Manager ID").replace_strict(known, default=None, return_dtype=pl.String)


def manager_or_none() -> pl.Expr:
    """The manager's id; null at the top."""
    return pl.when(pl.col("Manager ID") != "NO_MANAGER").then(pl.col("Manager ID")).alias("Manager")


def _named(people: pl.DataFrame) -> pl.DataFrame:
    """With names and addresses of managers, as exports repeat them."""
    people = people.with_columns(
        pl.concat_str([pl.col("First Name"), pl.col("Last Name")], separator=" ").alias("Name"),
        pl.concat_str([pl.col("Last Name"), pl.col("First Name")], separator=", ").alias("Last, First"),
    )
    return people.with_columns(
        _manager("Name", people).alias("Manager Name"),
        _manager("Last, First", people).alias("Manager Last, First"),
        _manager("Work Email", people).alias("Manager Email"),
        manager_or_none(),
    )


# --- HR systems: (people of a month, its first day) ------------------------------------------------------------


def workday_report(people: pl.DataFrame, day: date) -> Files:
    """Workday report writer: every other month as a workbook with real date cells."""
    people = _named(people)
    dates = [
        pl.col(name).str.to_date("%m/%d/%Y").alias(new)
        for name, new in (("Birth Date", "Date of Birth"), ("Hire Date",) * 2, ("Termination Date",) * 2)
    ]
    frame = people.select(
        "Employee ID",
        pl.col("Name").alias("Legal Name"),
        pl.col("Work Email").alias("Email - Primary Work"),
        *dates,
        (pl.lit("Terminate Employee > ") + pl.col("Termination Type")).alias("Primary Termination Category"),
        "Worker Status",
        (pl.col("Department") + " (CC-100)").alias("Cost Center"),
        pl.col("Site").alias("Location"),
        pl.col("Team ID").alias("Supervisory Organization"),
        (pl.col("Manager Name") + " (" + pl.col("Manager") + ")").alias("Worker's Manager"),
    )
    if day.month % 2:
        return [(f"workday_workers_{day:%Y-%m}.xlsx", _xlsx(frame))]
    total = pl.DataFrame({"Employee ID": [f"Total: {frame.height}"]})
    return [(f"workday_workers_{day:%Y-%m}.csv", _csv(pl.concat([frame.cast(pl.String), total], how="diagonal")))]


def bamboohr_report(people: pl.DataFrame, day: date) -> Files:
    """BambooHR custom report: no exit is 0000-00-00."""
    frame = _named(people).select(
        pl.col("Employee ID").alias("Employee #"),
        "First Name",
        "Last Name",
        "Work Email",
        _day("Birth Date"),
        _day("Hire Date"),
        _day("Termination Date").fill_null("0000-00-00"),
        _words(
            "Termination Type",
            {"Voluntary": "Resignation (Voluntary)", "Involuntary": "Termination (Involuntary)"},
        ),
        _words("Worker Status", {"Active": "Active", "Terminated": "Inactive"}).alias("Status"),
        "Department",
        pl.col("Site").alias("Location"),
        pl.col("Team ID").alias("Division"),
        pl.col("Manager").alias("Supervisor EID"),
        pl.col("Manager Last, First").alias("Reporting to"),
    )
    return [(f"bamboohr_report_{day:%Y-%m-%d}.csv", _csv(frame))]


def bamboohr_directory(people: pl.DataFrame, day: date) -> Files:
    """BambooHR's directory (API): only who is there now, fields described beside the rows."""
    there = _named(people.filter(pl.col("Termination Date").is_null())).select(
        pl.col("Employee ID").alias("id"),
        pl.col("First Name").alias("firstName"),
        pl.col("Last Name").alias("lastName"),
        pl.col("Work Email").alias("workEmail"),
        pl.col("Department").alias("department"),
        pl.col("Site").alias("location"),
        pl.col("Team ID").alias("division"),
        pl.col("Manager Name").alias("supervisor"),
    )
    fields = [{"id": name, "type": "text", "name": name.title()} for name in there.columns if name != "id"]
    document = {"fields": fields, "employees": there.to_dicts()}
    return [(f"bamboohr_directory_{day:%Y-%m-%d}.json", json.dumps(document).encode())]


def successfactors(people: pl.DataFrame, day: date) -> Files:
    """SuccessFactors user file: keys in row 1, labels in row 2; the top reports to NO_MANAGER."""
    frame = people.select(
        _words("Worker Status", {"Active": "active", "Terminated": "inactive"}).alias("STATUS"),
        pl.col("Employee ID").alias("USERID"),
        pl.col("Work Email").alias("USERNAME"),
        pl.col("First Name").alias("FIRSTNAME"),
        pl.col("Last Name").alias("LASTNAME"),
        pl.col("Work Email").alias("EMAIL"),
        pl.col("Manager ID").alias("MANAGER"),
        pl.lit("NO_HR").alias("HR"),
        pl.col("Department").alias("DEPARTMENT"),
        pl.col("Site").alias("LOCATION"),
        pl.col("Team ID").alias("DIVISION"),
        pl.col("Birth Date").alias("DATEOFBIRTH"),
        pl.col("Hire Date").alias("HIREDATE"),
        pl.col("Termination Date").alias("COMPANYEXITDATE"),
    )
    labels = pl.DataFrame({name: [name.title()] for name in frame.columns})
    return [(f"successfactors_users_{day:%Y%m%d}.csv", _csv(pl.concat([labels, frame])))]


def personio(people: pl.DataFrame, day: date) -> Files:
    """Personio, German: semicolons, dates day first."""
    german = "%d.%m.%Y"
    frame = _named(people).select(
        pl.col("Employee ID").alias("Personalnummer"),
        pl.col("First Name").alias("Vorname"),
        pl.col("Last Name").alias("Nachname"),
        pl.col("Work Email").alias("E-Mail"),
        _words("Worker Status", {"Active": "Aktiv", "Terminated": "Inaktiv"}).alias("Status"),
        _day("Birth Date", german).alias("Geburtsdatum"),
        _day("Hire Date", german).alias("Anstelldatum"),
        _day("Termination Date", german).alias("Ende des Arbeitsverhältnisses"),
        _words(
            "Termination Type",
            {"Voluntary": "Arbeitnehmerkündigung", "Involuntary": "Arbeitgeberkündigung"},
        ).alias("Kündigungsart"),
        pl.lit("38,5").alias("Wochenstunden"),
        pl.col("Department").alias("Abteilung"),
        pl.col("Site").alias("Standort"),
        pl.col("Team ID").alias("Team"),
        pl.col("Manager Name").alias("Vorgesetzter"),
    )
    return [(f"personio_export_{day:%Y-%m-%d}.csv", _csv(frame, separator=";"))]


def adp(people: pl.DataFrame, day: date) -> Files:
    """ADP Workforce Now: names as Last, First, dates without leading zeros; every third month with a title line."""
    short = "%-m/%-d/%Y"
    frame = _named(people).select(
        pl.col("Employee ID").alias("Associate ID"),
        pl.col("Last, First").alias("Payroll Name"),
        pl.col("Work Email").alias("Work Contact: Work Email"),
        _words("Worker Status", {"Active": "Active", "Terminated": "Terminated"}).alias("Position Status"),
        _day("Birth Date", short),
        _day("Hire Date", short),
        _day("Termination Date", short),
        pl.col("Termination Type").alias("Voluntary/Involuntary Termination Flag"),
        pl.col("Department").alias("Home Department Description"),
        pl.col("Site").alias("Location Description"),
        pl.col("Team ID").alias("Business Unit Description"),
        (pl.col("Manager Last, First") + " (" + pl.col("Manager") + ")").alias("Supervisor Legal Name"),
    )
    title = "Synthetic Company – Employee Roster\n" if day.month % 3 == 0 else ""
    return [(f"adp_roster_{day:%Y-%m-%d}.csv", _csv(frame, encoding="cp1252", title=title))]


def workday_tables(months: list[tuple[date, pl.DataFrame]]) -> Files:
    """Workday's history tables as connectors land them, from all months at once: versions with an open end in 9999."""
    seen = pl.concat([people.with_columns(pl.lit(day).alias("month")) for day, people in months])
    keys = ["Employee ID", "Hire Date"]
    stints = seen.sort("month").group_by(keys, maintain_order=True).agg(pl.all().last())
    begun, closing = months[0][0], _closing(months[-1][0]) - timedelta(days=1)
    stamp, synced = "%Y-%m-%d 00:00:00", f"{closing} 06:00:00"
    # The connector was switched on in the first month; it knows no version of before.
    start = pl.max_horizontal(pl.col("Hire Date").str.to_date("%m/%d/%Y"), pl.lit(begun)).dt.to_string(stamp)
    open_end = pl.lit("9999-12-31 23:59:59").alias("_fivetran_end")
    history = stints.select(
        pl.col("Employee ID").alias("id"),
        start.alias("_fivetran_start"),
        open_end,
        pl.lit("false").alias("_fivetran_deleted"),
        pl.lit(synced).alias("_fivetran_synced"),
        _words("Worker Status", {"Active": "true", "Terminated": "false"}).alias("active"),
        _day("Hire Date").alias("hire_date"),
        pl.lit("false").alias("hire_rescinded"),
        (pl.lit("Terminate_Employee_") + pl.col("Termination Type")).alias("primary_termination_category"),
        _day("Termination Date").alias("termination_date"),
    )
    position = (pl.lit("P-") + pl.col("Employee ID")).alias("position_id")
    positions = stints.select(
        position,
        pl.col("Employee ID").alias("worker_id"),
        start.alias("_fivetran_start"),
        open_end,
        pl.lit("false").alias("_fivetran_deleted"),
        pl.col("Site").alias("business_site_summary_name"),
        pl.lit("true").alias("is_primary_job"),
    )
    teams = seen.filter(pl.col("Termination Date").is_null() | (_last_day("Termination Date") >= pl.col("month")))
    memberships = pl.concat([_versions(teams, "Team ID", "T:"), _versions(teams, "Department", "D:")])
    memberships = memberships.select(
        pl.col("from").dt.to_string(stamp).alias("_fivetran_start"),
        position,
        pl.col("Employee ID").alias("worker_id"),
        pl.col("to").dt.to_string("%Y-%m-%d 23:59:59").fill_null("9999-12-31 23:59:59").alias("_fivetran_end"),
        pl.col("organisation").alias("organization_id"),
    )
    newest = seen.filter(pl.col("month") == months[-1][0])
    organisations = pl.concat(
        [
            newest.group_by("Team ID")
            .agg(pl.col("Manager").mode().sort().first())
            .select(
                (pl.lit("T:") + pl.col("Team ID")).alias("id"),
                pl.col("Team ID").alias("name"),
                pl.col("Manager").alias("manager_id"),
                pl.lit("SUPERVISORY").alias("type"),
            ),
            newest.select("Department")
            .unique()
            .select(
                (pl.lit("D:") + pl.col("Department")).alias("id"),
                pl.col("Department").alias("name"),
                pl.lit(None, dtype=pl.String).alias("manager_id"),
                pl.lit("COST_CENTER").alias("type"),
            ),
        ]
    ).with_columns(
        pl.lit("false").alias("_fivetran_deleted"), pl.lit(None, pl.String).alias("superior_organization_id")
    )
    return [
        (f"workday_{table}.csv", _csv(frame))
        for table, frame in (
            ("worker_history", history),
            ("worker_position_history", positions),
            ("worker_position_organization_history", memberships),
            ("organization", organisations.sort("id")),
        )
    ]


def _last_day(name: str) -> pl.Expr:
    return pl.col(name).str.to_date("%m/%d/%Y")


def _versions(seen: pl.DataFrame, column: str, prefix: str) -> pl.DataFrame:
    """From when to when somebody was in which organisation: runs of equal months."""
    ordered = seen.sort("Employee ID", "month").with_columns(
        (pl.col(column) != pl.col(column).shift(1)).fill_null(True).cum_sum().over("Employee ID").alias("run")
    )
    runs = ordered.group_by("Employee ID", "run", maintain_order=True).agg(
        pl.col("month").min().alias("from"), (pl.lit(prefix) + pl.col(column).first()).alias("organisation")
    )
    until = pl.col("from").shift(-1).over("Employee ID").dt.offset_by("-1d").alias("to")
    return runs.with_columns(until).select("Employee ID", "from", "to", "organisation")


# --- survey tools: (finished responses, questions, the launch) ------------------------------------------------------
# The frame has a row per response: EMail, Employee, Number, Start, End, and one column per item with codes 1–5 as text,
# "" where the person did not know.


def _labelled(answers: pl.DataFrame, items: dict[str, str], language: str | None) -> list[pl.Expr]:
    """The items under their question's text; as labels of a language, or as codes."""
    if language is None:
        return [pl.col(item).alias(text) for item, text in items.items()]
    words = {str(code + 1): label for code, label in enumerate(AGREEMENT[language])} | {"": NO_ANSWER[language]}
    return [_words(item, words).alias(text) for item, text in items.items()]


def google_forms(answers: pl.DataFrame, items: dict[str, str], day: date) -> Files:
    """Google Forms: the question's text is the header; no line end after the last record."""
    stamp = answers["End"].dt.to_string("%Y/%m/%d %-I:%M:%S %p") + " GMT"
    frame = answers.select(
        stamp.alias("Timestamp"), pl.col("EMail").alias("Email Address"), *_labelled(answers, items, "english")
    )
    return [(f"forms_{day}.csv", _csv(frame).removesuffix(b"\n"))]


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
    return [(f"microsoft_forms_{day}.xlsx", _xlsx(frame))]


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
    return [(f"culture_amp_{day}.csv", _csv(frame))]


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
    return [(f"glint_{day}.csv", _csv(pl.concat([frame, silent])))]


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
    return [(f"survey_wide_{day}.csv", _csv(frame))]


def long(answers: pl.DataFrame, items: dict[str, str], day: date) -> Files:
    """Any tool: one row per answer; questions that were not answered are left out."""
    frame = answers.select(*_facts(), *_labelled(answers, items, None)).unpivot(
        index=["response_id", "employee_id", "recorded_at"], variable_name="question", value_name="answer"
    )
    return [(f"survey_long_{day}.csv", _csv(frame.filter(pl.col("answer") != "").sort("response_id", "question")))]


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
    return [(f"survey_anonymous_{day}.csv", _csv(frame))]


# --- check-in and goal tools: (events, the month's first day) -------------------------------------------------------
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
    return [(f"15five_reports_{day:%Y-%m}.csv", _csv(frame))]


def lattice(goals: pl.DataFrame, day: date) -> Files:
    """Lattice goals."""
    frame = goals.select(
        pl.col("id").alias("Goal ID"),
        pl.col("email").alias("Owner Email"),
        pl.col("employee_id").alias("Owner Employee ID"),
        _iso_day("due", "%m/%d/%Y").alias("Due Date"),
        _words("status", {"met": "Closed - Complete", "missed": "Closed - Incomplete"}).alias("Status"),
        _words("set_by", {"team": "Group", "manager": "Company"}).alias("Goal Type"),
        _words("status", {"met": "100%", "missed": "40%"}).alias("Progress"),
    )
    return [(f"lattice_goals_{_closing(day):%Y-%m-%d}.csv", _csv(frame))]


def culture_amp_goals(goals: pl.DataFrame, day: date) -> Files:
    """Culture Amp goals."""
    frame = goals.select(
        pl.col("id").alias("Goal ID"),
        pl.col("email").alias("Owner Email"),
        pl.col("employee_id").alias("Owner Employee ID"),
        pl.col("due").alias("Due Date"),
        _words("status", {"met": "Completed", "missed": "Missed"}).alias("Status"),
        _words("set_by", {"team": "Team", "manager": "Manager"}).alias("Created By"),
        _words("status", {"met": "100", "missed": "40"}).alias("Progress (%)"),
    )
    return [(f"culture_amp_goals_{_closing(day):%Y-%m-%d}.csv", _csv(frame))]


def table(events: pl.DataFrame, day: date) -> Files:
    """Any tool: the fields of the log as a table."""
    frame = events.select("event", "id", "employee_id", "due", "status", "set_by")
    return [(f"checkins_{day:%Y-%m}.csv", _csv(frame))]


def _iso_day(name: str, written: str) -> pl.Expr:
    return pl.col(name).str.to_date("%Y-%m-%d").dt.to_string(written)


def _closing(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


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
    return [("lms_completions.csv", _csv(frame))]


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
