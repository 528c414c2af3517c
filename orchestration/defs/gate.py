"""gate: Great Expectations judges, the verdict names exactly what was judged, and a failed one blocks the release."""

import hmac
import json

import dagster as dg
import duckdb
import polars as pl

import durable
from expectations.candidate import candidate, coaches
from expectations.drift import against_last_release
from expectations.gate import judge
from expectations.suites import thresholds
from expectations.tables import gather
from expectations.verdict import Acceptance, Verdict
from ingest import land, load
from orchestration.alarm import notify
from orchestration.faults import told_safely
from orchestration.looks import alpha_on
from orchestration.resources import Night
from publish.content import SOURCES, content_hash, read_content
from publish.release import current_release, manifest_of, released_tables
from publish.restricted import COACHES

VERDICTS = dg.AssetKey(["gate", "verdicts"])
CONTENT = [dg.AssetKey(table.split(".")) for table in SOURCES.values()]


def judge_warehouse(connection: duckdb.DuckDBPyConnection, night: Night) -> Verdict:
    """Gather the small tables and judge them, against the last release where it answers the same questions."""
    study, workspace = night.study, night.workspace
    content = read_content(connection)
    identity = content_hash(content)
    tables = gather(
        connection,
        load_ids=sorted(land.scan(workspace.inbox, seen=workspace.seen).files),
        unit=study.assignment.unit,
        day=night.day,
        alpha=alpha_on(study, night.day),
        vanished_group_size=thresholds()["vanished_group_size"].at("block"),
    )
    # Another study asks other things, and a look back knows less than a release of a later day.
    last = current_release(workspace.releases)
    manifest = manifest_of(last) if last else {}
    same = manifest.get("questions_hash") == study.questions_digest and manifest["as_of"] <= str(night.day)
    previous = released_tables(last) if same else {}
    tables |= against_last_release(previous, tables["estimates"], content["cmp_headcounts"].to_pandas())
    return judge(
        tables,
        content_hash=identity,
        accepted=[Acceptance(**item.model_dump()) for item in study.accepted],
        day=night.day,
        docs=night.workspace.gate / identity[:16] / "docs",
    )


def inspect_candidate(
    context: dg.AssetExecutionContext,
    night: Night,
    *,
    tables: dict[str, pl.DataFrame],
    judged: pl.DataFrame,
    previous: dict[str, pl.DataFrame],
    share_shown: float,
) -> dict:
    """The gate's verdict on the tables as they would be written; a refusal is told as any other."""
    parts = candidate(
        tables, judged=judged, previous=previous, minimum=night.study.min_group_size, share_shown=share_shown
    )
    return _inspected(context, night, tables, parts, "release")


def inspect_coaches(context: dg.AssetExecutionContext, night: Night, table: pl.DataFrame) -> dict:
    """The gate's verdict on the restricted release as it would be written."""
    return _inspected(
        context, night, {COACHES: table}, coaches(table, minimum=night.study.min_group_size), "restricted"
    )


def _inspected(context, night: Night, tables: dict[str, pl.DataFrame], parts: dict, room: str) -> dict:
    identity = content_hash(tables)
    docs = night.workspace.gate / identity[:16] / "docs"
    verdict = judge(parts, content_hash=identity, rooms=(room,), docs=docs)
    keep(night, verdict)
    tell(context, night, verdict, passed="inspected")
    return for_readers(verdict)


def _docs(verdict: Verdict) -> str:
    """Where its Data Docs lie in the workspace."""
    return f"gate/{verdict.content_hash[:16]}/docs/index.html"


def for_readers(verdict: Verdict) -> dict:
    """What a release tells of the verdict, and where in the workspace more is told."""
    return verdict.for_readers() | {"docs": _docs(verdict)}


def keep(night: Night, verdict: Verdict) -> None:
    """Write the whole verdict beside its Data Docs; what it saw is of small groups and stays in the workspace."""
    folder = night.workspace.gate / verdict.content_hash[:16]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = json.dumps(verdict.as_dict() | {"as_of": str(night.day)}, indent=2, ensure_ascii=False)
    durable.replace_text(folder / "verdict.json", text + "\n")


def tell(context: dg.AssetExecutionContext, night: Night, verdict: Verdict, *, passed: str) -> None:
    """Into the ledger and the run's log; a refusal reaches a person."""
    sentences = verdict.sentences()
    for sentence in sentences:
        context.log.info(sentence)
    warnings = verdict.for_readers()["warnings"]
    facts = {"reasons": sentences, "warnings": warnings, "docs": _docs(verdict)}
    night.record(passed if verdict.passed else "refused", content_hash=verdict.content_hash, **facts)
    if not verdict.passed:
        promises = sorted({f"{failure.table}: {failure.promise}" for failure in verdict.failures})
        notify(night.workspace, "refused", run_id=context.run_id, reasons=[*promises, *verdict.errors])


def sealed_verdict(connection: duckdb.DuckDBPyConnection, night: Night) -> dict:
    """The last verdict as it was written; {} where there is none or somebody has changed it since."""
    found = connection.execute("select verdict, seal from gate.verdicts").fetchall()
    whole = [json.loads(text) for text, seal in found if hmac.compare_digest(seal, night.seal(text))]
    return whole[0] if len(whole) == 1 else {}


@dg.asset(
    key=VERDICTS,
    deps=CONTENT,
    group_name="gate",
    kinds={"great_expectations"},
    check_specs=[dg.AssetCheckSpec("gate_passes", asset=VERDICTS, blocking=True)],
)
@told_safely
def verdicts(context: dg.AssetExecutionContext, night: Night):
    """May these numbers leave?"""
    with load.warehouse(night.workspace.warehouse) as connection:
        night.take_date_of(connection)
        verdict = judge_warehouse(connection, night)
        text = json.dumps(for_readers(verdict), sort_keys=True)
        connection.execute("create schema if not exists gate")
        connection.execute("create or replace table gate.verdicts (verdict varchar, seal varchar)")
        connection.execute("insert into gate.verdicts values (?, ?)", [text, night.seal(text)])
    keep(night, verdict)
    tell(context, night, verdict, passed="passed")
    failures, warnings = verdict.sentences(), verdict.for_readers()["warnings"]
    docs = night.workspace.root / _docs(verdict)
    metadata = {
        "verdict": "passed" if verdict.passed else "refused",
        "content_hash": verdict.content_hash,
        "evaluated": verdict.n_evaluated,
        "declared": verdict.n_declared,
        "failures": dg.MetadataValue.md("\n".join(f"- {sentence}" for sentence in failures) or "none"),
        "warnings": dg.MetadataValue.md("\n".join(f"- {sentence}" for sentence in warnings) or "none"),
        "data_docs": dg.MetadataValue.url(docs.as_uri()),
    }
    return dg.MaterializeResult(
        metadata=metadata,
        check_results=[dg.AssetCheckResult(check_name="gate_passes", passed=verdict.passed, metadata=metadata)],
    )
