"""gate: Great Expectations judges, the verdict names exactly what was judged, and a failed one blocks the release."""

import json

import dagster as dg
import duckdb

from expectations.gate import judge
from expectations.suites import thresholds
from expectations.tables import against_last_release, gather
from expectations.verdict import Verdict
from ingest import land, load
from orchestration.resources import Night
from publish.content import SOURCES, content_hash, read_content
from publish.release import current_release, manifest_of, released_estimates

VERDICTS = dg.AssetKey(["gate", "verdicts"])
CONTENT = [dg.AssetKey(table.split(".")) for table in SOURCES.values()]


def judge_warehouse(connection: duckdb.DuckDBPyConnection, night: Night) -> Verdict:
    """Gather the small tables and judge them, against the last release where the study is still the same."""
    study = night.study
    accepted: dict[str, set[str]] = {}
    for item in study.accepted:
        accepted.setdefault(item.check, set()).add(item.value)
    tables = gather(
        connection,
        load_ids=sorted(land.scan(night.workspace.inbox, seen=night.workspace.seen).files),
        unit=study.assignment.unit,
        vanished_group_size=thresholds()["vanished_group_size"],
        accepted=accepted,
    )
    # Another study asks other things, and a look back knows less than a release of a later day.
    last = current_release(night.workspace.releases)
    manifest = manifest_of(last) if last else {}
    is_comparable = manifest.get("study_hash") == study.digest and manifest["as_of"] <= str(night.day)
    previous = released_estimates(last if is_comparable else None)
    tables["last_release"] = against_last_release(
        tables["estimates"], previous.to_pandas() if previous is not None else None
    )
    return judge(tables, content_hash=content_hash(read_content(connection)))


@dg.asset(
    key=VERDICTS,
    deps=CONTENT,
    group_name="gate",
    kinds={"great_expectations"},
    check_specs=[dg.AssetCheckSpec("gate_passes", asset=VERDICTS, blocking=True)],
)
def verdicts(context: dg.AssetExecutionContext, night: Night):
    """May these numbers leave?"""
    with load.warehouse(night.workspace.warehouse) as connection:
        verdict = judge_warehouse(connection, night)
        connection.execute("create schema if not exists gate")
        connection.execute(
            "create table if not exists gate.verdicts (content_hash varchar, passed boolean, verdict json)"
        )
        connection.execute("delete from gate.verdicts where content_hash = ?", [verdict.content_hash])
        connection.execute(
            "insert into gate.verdicts values (?, ?, ?)",
            [verdict.content_hash, verdict.passed, json.dumps(verdict.as_dict())],
        )
    sentences = verdict.sentences()
    for sentence in sentences:
        context.log.info(sentence)
    night.record("passed" if verdict.passed else "refused", content_hash=verdict.content_hash, reasons=sentences)
    metadata = {
        "verdict": "passed" if verdict.passed else "refused",
        "content_hash": verdict.content_hash,
        "evaluated": verdict.n_evaluated,
        "declared": verdict.n_declared,
        "failures": dg.MetadataValue.md("\n".join(f"- {sentence}" for sentence in sentences) or "none"),
    }
    return dg.MaterializeResult(
        metadata=metadata,
        check_results=[dg.AssetCheckResult(check_name="gate_passes", passed=verdict.passed, metadata=metadata)],
    )
