"""`coaching sources …` and `coaching quarantine …`: what a file is, and what became of its records."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import duckdb
import polars as pl
import typer
from rich.table import Table

from ingest import land, load
from ingest.formats.records import FileRefused
from ingest.mapping.draft.document import DRAFTED_SOURCES, draft_mapping
from ingest.mapping.preview import Report, check, compare_ids
from ingest.mapping.registry import load_mappings
from ingest.pseudonyms import KeyMissing, Pseudonyms
from ingest.quarantine import (
    ADVICE,
    CannotFix,
    corrected_content,
    corrected_lines,
    correction_text,
    groups,
    layout_of,
    records,
    sent_lines,
)
from ingest.tables import TABLES_OF
from ingest.warehouse import REBUILD, WarehouseBusy, WarehouseUnreadable, prepare, warehouse
from orchestration.cli.terminal import BUSY, HERE, REFUSED, WRONG, WorkspaceOption, fail, next_command, opened, out
from orchestration.workspace import Workspace, first_line
from study.catalogue import catalogue
from study.model import load_study
from study.sections import Readiness
from study.strict_yaml import ConfigError
from study.validation import metrics_of

mapping = typer.Typer(no_args_is_help=True, help="Mappings: list them, try one on a file, draft one.")
quarantine = typer.Typer(no_args_is_help=True, help="Records that were not loaded: list, show, try again.")
FileArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]


def _beside_the_last_snapshot(file: Path, report: Report, there: Workspace) -> list[str]:
    """What is unlike the snapshot before it that was loaded; nothing where there is none, or a run holds it."""
    if not report.would_load or not there.warehouse.exists():
        return []
    try:
        with warehouse(there.warehouse) as connection:
            return compare_ids(file, report.mapping, connection, Pseudonyms.from_environment(there.key_file))
    except (WarehouseBusy, WarehouseUnreadable, duckdb.Error) as error:
        return [f"not compared with the last snapshot: {error}"]


def _mappings(workspace: Path):
    there = Workspace(workspace.resolve())
    if workspace != HERE and not there.study.exists():
        raise fail(f"{workspace} is no workspace (no study.yml in it); make one: coaching init {workspace}", WRONG)
    try:
        return load_mappings(there.sources)
    except ConfigError as error:
        raise fail(str(error)[:2_000], WRONG) from None


@mapping.command("list")
def list_mappings(workspace: WorkspaceOption = HERE) -> None:
    """All mappings in force, by inbox folder: the workspace's own and the built-in ones."""
    table = Table()
    for heading in ("mapping", "system", "files", "vintages"):
        table.add_column(heading, no_wrap=heading == "mapping")
    for one in sorted(_mappings(workspace), key=lambda one: (one.source, one.name)):
        vintages = ", ".join(version.vintage or "first" for version in one.versions)
        globs = dict.fromkeys(glob.lower() for glob in one.files)
        files = " ".join(f"{one.source}/{glob}" for glob in globs)
        table.add_row(one.name, one.system, files, vintages if one.earlier else "")
    out.print(table)


@mapping.command("check")
def check_mapping(
    file: FileArgument,
    source: Annotated[
        str | None, typer.Option("--source", "-s", help="A mapping's name, or hris, survey, checkins, roster.")
    ] = None,
    workspace: WorkspaceOption = HERE,
) -> None:
    """What FILE looks like, how each column is understood, what would be quarantined. Exit 3: it would not load."""
    mappings = _mappings(workspace)
    names = {name for one in mappings for name in (one.name, one.source)}
    if source is not None and source not in names:
        raise fail(f"--source {source}: no such mapping; see: {next_command('mapping list', workspace)}", WRONG)
    there = Workspace(workspace.resolve())
    report = check(file, mappings, source=source)
    try:
        _show(file, report, known_scales(there))
        for sentence in _beside_the_last_snapshot(file, report, there):
            out.print(_plain(f"- {sentence}"), style="yellow", soft_wrap=True)
    except (ConfigError, KeyMissing) as error:
        raise fail(str(error)[:2_000], WRONG) from None
    if not report.would_load:
        raise fail(
            f"It would not load: {report.refused[:1_900] or 'no record of it fits'}"
            + ("" if report.mapping else f"\nDraft a mapping: coaching mapping draft {file}"),
            REFUSED,
        )


def _show(file: Path, report: Report, scales: set[str]) -> None:
    if report.mapping is None:
        return
    vintage = f", vintage {report.vintage}" if report.vintage else ""
    system = f" ({report.mapping.system})" if report.mapping.system else ""
    out.print(f"{file.name} looks like {report.mapping.name}{system}{vintage}.", markup=False, highlight=False)
    if report.also_fits:
        out.print(f"Its header also fits {', '.join(report.also_fits)}; the first is taken.", markup=False)
    if report.columns:
        table = Table()
        for heading in ("column", "read as", "for example", "empty"):
            table.add_column(heading)
        for one in report.columns:
            table.add_row(_plain(one.header), _plain(one.read_as), _plain(" · ".join(one.samples)), str(one.n_empty))
        out.print(table)
    if report.became:
        table = Table(title="What it becomes", title_justify="left")
        for heading in ("field", "filled", "different", "most often"):
            table.add_column(heading, justify="right" if heading in ("filled", "different") else "left")
        for one in report.became:
            filled = f"{one.n_filled:,} of {one.n_rows:,}"
            style = "yellow" if one.n_rows and not one.n_filled else None
            table.add_row(one.field, filled, f"{one.n_distinct:,}", _plain(" · ".join(one.samples)), style=style)
        out.print(table)
    out.print(
        f"{report.n_records:,} records = {report.n_loaded:,} would load + {report.n_faulty:,} would be quarantined "
        f"+ {report.n_set_aside:,} set aside by declared rules.",
        highlight=False,
    )
    unknown = sorted({item.scale for item in report.mapping.items.values()} - scales)
    if unknown:
        message = f"No metric is made of the scale {', '.join(unknown)}; there are {', '.join(sorted(scales))}."
        out.print(message, style="yellow", markup=False, soft_wrap=True)
    for row in report.quarantine.iter_rows(named=True):
        if row["kind"] == "set_aside":
            message = f"- {row['n']:,} × set aside ({row['expected']}), first in line {row['first_line']}"
            out.print(_plain(message), soft_wrap=True)
            continue
        where = f' in "{row["column_name"]}"' if row["column_name"] else ""
        stands = f"; there stands {row['value_class']}" if row["value_class"] else ""
        text = (
            f"- {row['n']:,} × {row['rule']}{where}, first in line {row['first_line']}: "
            f"expected {row['expected']}{stands}. {ADVICE.get(row['rule'], '')}"
        )
        out.print(_plain(text[:2_000]), soft_wrap=True)
    for issue, resolution, n in report.issues:
        out.print(f"- {n:,} × {issue}: {resolution}", highlight=False, markup=False)


def known_scales(workspace: Workspace) -> set[str]:
    """Scales that a metric of the catalogue or of the study is made of, and the one that readiness is read from."""
    study = load_study(workspace.study) if workspace.study.exists() else None
    known = metrics_of(study) if study else catalogue()
    asked = {metric.of_what for metric in known.values() if metric.panel == "pnl_surveys"}
    return asked | {(study.readiness if study else Readiness()).scale}


def _plain(text: str) -> str:
    """Text of a file, harmless in a terminal."""
    from rich.markup import escape

    return escape("".join(mark if mark.isprintable() else "�" for mark in text))


@mapping.command("draft")
def print_draft(
    file: FileArgument,
    source: Annotated[str, typer.Option("--source", "-s", help="hris, survey, checkins or roster.")] = "hris",
) -> None:
    """Draft a mapping for FILE; every guess is marked and shows its evidence."""
    if source not in DRAFTED_SOURCES:
        raise fail(f"--source {', '.join(DRAFTED_SOURCES)}", WRONG)
    try:
        typer.echo(draft_mapping(file, source=source), nl=False)
    except FileRefused as error:
        raise fail(f"{file.name}: {error}", REFUSED) from None


@quarantine.command("list")
def list_quarantine(
    source: Annotated[str, typer.Option("--source", "-s", help="Only this source.")] = "",
    set_aside: Annotated[bool, typer.Option("--set-aside", help="Also what a declared rule set aside.")] = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """What was not loaded, by file, rule and column, and what to do about it."""
    if source and source not in TABLES_OF:
        raise fail(f"--source {source}: one of {', '.join(TABLES_OF)}", WRONG)
    frame = _asked(
        opened(workspace), lambda connection: groups(connection, source=source, kind="" if set_aside else "faulty")
    )
    if frame.is_empty():
        out.print("Nothing is quarantined.")
        return
    table = Table()
    for heading in ("load", "file", "rule", "column", "records", "first line"):
        table.add_column(heading, no_wrap=heading in ("load", "rule"), overflow="fold")
    for row in frame.iter_rows(named=True):
        cells = (row["load"], row["file"], row["rule"], row["column"], f"{row['n']:,}", str(row["first_line"]))
        table.add_row(*map(_plain, cells))
    out.print(table)
    for rule in sorted(set(frame["rule"]) & ADVICE.keys()):
        out.print(f"{rule}: {ADVICE[rule]}", markup=False, highlight=False, soft_wrap=True)


@quarantine.command("show")
def show_quarantine(
    load_id: Annotated[str, typer.Argument(metavar="LOAD", help="The beginning of a load's id, from the list.")],
    line: Annotated[int, typer.Option(help="Only this line.")] = 0,
    raw: Annotated[bool, typer.Option("--raw", help="With the line as it was sent; it may name people.")] = False,
    n: Annotated[int, typer.Option("-n", min=1, help="At most so many records.")] = 20,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Quarantined records with their line, what was expected and what kind of value stands there."""
    there = opened(workspace)
    found = _asked(there, lambda connection: records(connection, load_id, line=line, n=n)) if load_id else None
    if found is None or found.is_empty():
        raise fail(f"nothing is quarantined in {load_id!r}; see: {next_command('quarantine list', workspace)}", WRONG)
    if found["load_id"].n_unique() > 1:
        raise fail(
            f"{load_id} fits several loads; write more of its id: {next_command('quarantine list', workspace)}", WRONG
        )
    landed = {one.load_id: one for one in land.landed_files(there.landing)}
    mappings = _mappings(workspace)
    for row in found.iter_rows(named=True):
        where = f', column "{row["column"]}"' if row["column"] else ""
        stands = f"; there stands {row['stands_there']}" if row["stands_there"] else ""
        out.print(
            _plain(
                f"{row['file']}, line {row['line']}{where}: {row['rule']}: expected {row['expected']}{stands}"[:2_000]
            )
        )
        out.print(_plain(f"  do: {ADVICE.get(row['rule'], '')}"), style="bold")
        out.print(_plain(f"  record: {row['record']}"[:2_000]))
        layout = layout_of(mappings, row["mapping"], row["vintage"])
        if raw and layout:
            try:
                sent = sent_lines(there.landing, landed[row["load_id"]], layout, {row["line"]})
                out.print(_plain(f"  sent: {sent.get(row['line'], '')[:2_000]}"))
            except CannotFix as error:
                out.print(_plain(f"  sent: {error}"))


@quarantine.command("fix")
def fix_quarantine(
    load_id: Annotated[str, typer.Argument(metavar="LOAD", help="The beginning of a load's id, from the list.")],
    corrected: Annotated[
        Path | None, typer.Option("--with", exists=True, dir_okay=False, help="The file that was corrected by hand.")
    ] = None,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Write a load's quarantined records to a file; corrected by hand, they are sent again with the whole file."""
    there = opened(workspace)
    found = _asked(there, lambda connection: records(connection, load_id, n=1_000_000))
    found = found.filter(pl.col("kind") == "faulty")
    loads = found["load_id"].unique().to_list()
    if len(loads) != 1:
        message = "nothing faulty is quarantined" if not loads else f"{len(loads)} loads are meant"
        raise fail(f"{message} in {load_id}; see: {next_command('quarantine list', workspace)}", WRONG)
    landed = {one.load_id: one for one in land.landed_files(there.landing)}[loads[0]]
    layout = layout_of(_mappings(workspace), found["mapping"][0], found["vintage"][0])
    if layout is None:
        raise fail(f"the mapping {found['mapping'][0]} is gone; correct the file itself and drop it again", WRONG)
    try:
        sent = sent_lines(there.landing, landed, layout, set(found["line"]))
        if corrected is None:
            _write_correction_file(landed, sent, workspace)
            return
        changed = corrected_lines(corrected.read_text(encoding="utf-8"), sent)
        content = corrected_content(there.landing, landed, layout, changed)
    except (CannotFix, UnicodeError) as error:
        raise fail(str(error)[:2_000], WRONG) from None
    place = there.inbox / landed.source / landed.file_name
    target = place.with_name(f"{place.stem}.corrected{place.suffix}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    message = f"{_lines(changed)} corrected: inbox/{target.relative_to(there.inbox)} holds the whole file."
    message += f" Take {landed.file_name} out of the inbox and delete {corrected}. The next run loads it: "
    message += next_command("run", workspace)
    out.print(_plain(message), soft_wrap=True)


def _lines(sent: dict[int, str]) -> str:
    return f"{len(sent)} line{'s' * (len(sent) != 1)}"


def _write_correction_file(landed: land.Landed, sent: dict[int, str], workspace: Path) -> None:
    note = Path(f"fix_{landed.load_id[:8]}.txt")
    text = correction_text(sent, f"{landed.source}/{landed.file_name}, {len(sent)} quarantined lines")
    try:
        with os.fdopen(os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise fail(f"{note} is there already; fix it, or delete it", WRONG) from None
    out.print(f"{_lines(sent)} in {note} (it names people: delete it afterwards). Fix it, then:", markup=False)
    again = next_command(f"quarantine fix {landed.load_id[:8]} --with {note}", workspace)
    out.print(again, markup=False, highlight=False, soft_wrap=True)


@quarantine.command("replay")
def replay_quarantine(workspace: WorkspaceOption = HERE) -> None:
    """Read files anew whose mapping was corrected since, and say how many of their quarantined records load now."""
    from orchestration.lock import WorkspaceBusy, hold
    from orchestration.pending import taken_back

    there = opened(workspace)
    try:
        mappings, pseudonyms = _mappings(workspace), Pseudonyms.from_environment(there.key_file)
        with hold(there.lock, run_id="replay"), warehouse(there.warehouse) as connection:
            prepare(connection)
            before, landed = _faulty(connection), land.landed_files(there.landing)
            gone = taken_back(there, landed, land.scan(there.inbox, seen=there.seen))
            results = [
                result
                for source in TABLES_OF
                for result in load.load_source(
                    connection,
                    source,
                    landed,
                    there.landing,
                    mappings=mappings,
                    pseudonyms=pseudonyms,
                    taken_back=gone,
                )
                if result.status in ("loaded", "refused")
            ]
    except (KeyMissing, ConfigError, WarehouseUnreadable) as error:
        raise fail(str(error), WRONG) from None
    except (WorkspaceBusy, WarehouseBusy) as error:
        raise fail(str(error), BUSY) from None
    for result in results:
        was = before.get(result.landed.load_id, 0)
        message = result.reason or f"{was:,} quarantined before, {result.n_faulty:,} now; {result.n_loaded:,} loaded"
        out.print(_plain(f"{result.landed.source}/{result.landed.file_name}: {message}"[:2_000]), soft_wrap=True)
    if not results:
        out.print("No mapping has changed since: fix one in sources/, or drop a corrected file into the inbox.")
    else:
        out.print(f"The next run publishes it: {next_command('run', workspace)}", highlight=False)


def _faulty(connection) -> dict[str, int]:
    return dict(connection.execute("select load_id, n_faulty from raw.load_log").fetchall())


def _asked(workspace: Workspace, ask) -> pl.DataFrame:
    if not workspace.warehouse.exists():
        raise fail(f"nothing was loaded yet; first: {next_command('run', workspace.root)}", WRONG)
    try:
        with warehouse(workspace.warehouse) as connection:
            return ask(connection)
    except WarehouseBusy as error:
        raise fail(str(error), BUSY) from None
    except WarehouseUnreadable as error:
        raise fail(str(error), WRONG) from None
    except duckdb.Error as error:
        raise fail(f"{workspace.warehouse}: {first_line(error)} {REBUILD}", WRONG) from None
