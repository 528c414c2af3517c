"""HR systems: (people of a month, its first day)."""

from __future__ import annotations

import json
from datetime import date, timedelta

import polars as pl

from simulation.dialects.writing import Files, closing_day, format_day, replace_words, write_csv, write_xlsx


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
        return [(f"workday_workers_{day:%Y-%m}.xlsx", write_xlsx(frame))]
    total = pl.DataFrame({"Employee ID": [f"Total: {frame.height}"]})
    return [(f"workday_workers_{day:%Y-%m}.csv", write_csv(pl.concat([frame.cast(pl.String), total], how="diagonal")))]


def bamboohr_report(people: pl.DataFrame, day: date) -> Files:
    """BambooHR custom report: no exit is 0000-00-00."""
    frame = _named(people).select(
        pl.col("Employee ID").alias("Employee #"),
        "First Name",
        "Last Name",
        "Work Email",
        format_day("Birth Date"),
        format_day("Hire Date"),
        format_day("Termination Date").fill_null("0000-00-00"),
        replace_words(
            "Termination Type",
            {"Voluntary": "Resignation (Voluntary)", "Involuntary": "Termination (Involuntary)"},
        ),
        replace_words("Worker Status", {"Active": "Active", "Terminated": "Inactive"}).alias("Status"),
        "Department",
        pl.col("Site").alias("Location"),
        pl.col("Team ID").alias("Division"),
        pl.col("Manager").alias("Supervisor EID"),
        pl.col("Manager Last, First").alias("Reporting to"),
    )
    return [(f"bamboohr_report_{day:%Y-%m-%d}.csv", write_csv(frame))]


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
        replace_words("Worker Status", {"Active": "active", "Terminated": "inactive"}).alias("STATUS"),
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
    return [(f"successfactors_users_{day:%Y%m%d}.csv", write_csv(pl.concat([labels, frame])))]


def personio(people: pl.DataFrame, day: date) -> Files:
    """Personio, German: semicolons, dates day first."""
    german = "%d.%m.%Y"
    frame = _named(people).select(
        pl.col("Employee ID").alias("Personalnummer"),
        pl.col("First Name").alias("Vorname"),
        pl.col("Last Name").alias("Nachname"),
        pl.col("Work Email").alias("E-Mail"),
        replace_words("Worker Status", {"Active": "Aktiv", "Terminated": "Inaktiv"}).alias("Status"),
        format_day("Birth Date", german).alias("Geburtsdatum"),
        format_day("Hire Date", german).alias("Anstelldatum"),
        format_day("Termination Date", german).alias("Ende des Arbeitsverhältnisses"),
        replace_words(
            "Termination Type",
            {"Voluntary": "Arbeitnehmerkündigung", "Involuntary": "Arbeitgeberkündigung"},
        ).alias("Kündigungsart"),
        pl.lit("38,5").alias("Wochenstunden"),
        pl.col("Department").alias("Abteilung"),
        pl.col("Site").alias("Standort"),
        pl.col("Team ID").alias("Team"),
        pl.col("Manager Name").alias("Vorgesetzter"),
    )
    return [(f"personio_export_{day:%Y-%m-%d}.csv", write_csv(frame, separator=";"))]


def adp(people: pl.DataFrame, day: date) -> Files:
    """ADP Workforce Now: names as Last, First, dates without leading zeros; every third month with a title line."""
    short = "%-m/%-d/%Y"
    frame = _named(people).select(
        pl.col("Employee ID").alias("Associate ID"),
        pl.col("Last, First").alias("Payroll Name"),
        pl.col("Work Email").alias("Work Contact: Work Email"),
        replace_words("Worker Status", {"Active": "Active", "Terminated": "Terminated"}).alias("Position Status"),
        format_day("Birth Date", short),
        format_day("Hire Date", short),
        format_day("Termination Date", short),
        pl.col("Termination Type").alias("Voluntary/Involuntary Termination Flag"),
        pl.col("Department").alias("Home Department Description"),
        pl.col("Site").alias("Location Description"),
        pl.col("Team ID").alias("Business Unit Description"),
        (pl.col("Manager Last, First") + " (" + pl.col("Manager") + ")").alias("Supervisor Legal Name"),
    )
    title = "Synthetic Company – Employee Roster\n" if day.month % 3 == 0 else ""
    return [(f"adp_roster_{day:%Y-%m-%d}.csv", write_csv(frame, encoding="cp1252", title=title))]


def workday_tables(months: list[tuple[date, pl.DataFrame]]) -> Files:
    """Workday's history tables as connectors land them, from all months at once: versions with an open end in 9999."""
    seen = pl.concat([people.with_columns(pl.lit(day).alias("month")) for day, people in months])
    keys = ["Employee ID", "Hire Date"]
    stints = seen.sort("month").group_by(keys, maintain_order=True).agg(pl.all().last())
    begun, closing = months[0][0], closing_day(months[-1][0]) - timedelta(days=1)
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
        replace_words("Worker Status", {"Active": "true", "Terminated": "false"}).alias("active"),
        format_day("Hire Date").alias("hire_date"),
        pl.lit("false").alias("hire_rescinded"),
        (pl.lit("Terminate_Employee_") + pl.col("Termination Type")).alias("primary_termination_category"),
        format_day("Termination Date").alias("termination_date"),
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
    return [
        (f"workday_{table}.csv", write_csv(frame))
        for table, frame in (
            ("worker_history", history),
            ("worker_position_history", positions),
            ("worker_position_organization_history", memberships),
            ("organization", _organisations(newest)),
        )
    ]


def _organisations(newest: pl.DataFrame) -> pl.DataFrame:
    """Teams with their managers, and departments, as they are in the newest month."""
    found = pl.concat(
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
    return found.sort("id")


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
