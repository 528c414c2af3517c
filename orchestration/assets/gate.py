"""gate: Great Expectations judges, the verdict names exactly what was judged, and a failed one blocks the release."""

import hmac
import json

import dagster as dg
import duckdb

import durable
from expectations.candidate import candidate, coaches
from expectations.drift import against_last_release
from expectations.gate import judge
from expectations.suites.declared import SUITES, declared
from expectations.suites.promise import thresholds
from expectations.tables.gather import gather
from expectations.verdict import Verdict, Waiver
from ingest.warehouse import warehouse
from orchestration.alarm import notify
from orchestration.assets.candidate import CANDIDATE_KEYS, PUBLISHED, PUBLISHED_COACHES, read_candidate, read_coaches
from orchestration.faults import redact_errors
from orchestration.resources import PipelineRun
from publish.catalogue import published_tables, share_shown
from publish.content import content_hash
from publish.release import current_release, manifest_of, released_tables

VERDICTS = dg.AssetKey(["gate", "verdicts"])
OF_COACHES = dg.AssetKey(["restricted", "verdicts"])
# Columns that count people whom not everybody knows.
PEOPLE_QUERY = {
    name: [column.name for column in table.columns if column.kind == "sensitive" and column.unit == "people"]
    for name, table in published_tables().items()
}
OF_RELEASE = tuple(layer for layer in SUITES if layer != "restricted")
PASSES = "gate_passes"


def _checks() -> dict[str, list[str]]:
    """Word of a check → what it asks, a sentence for each table and level of which it is asked."""
    asked: dict[str, list[str]] = {}
    for layer, promises in declared().values():
        for promise in promises if layer in OF_RELEASE else ():
            asked.setdefault(promise.check, []).append(promise.sentence)
    return asked


CHECKS = _checks()


def judge_warehouse(connection: duckdb.DuckDBPyConnection, run: PipelineRun) -> Verdict:
    """Gather the small tables of every layer and judge them with the candidate, against the last release where it
    answers the same questions."""
    study, workspace = run.study, run.workspace
    tables = read_candidate(connection)
    identity = content_hash(tables)
    gathered = gather(
        connection,
        load_ids=sorted(one.load_id for one in run.used),
        unit=study.assignment.unit,
        day=run.day,
        alpha=study.alpha,
        vanished_group_size=thresholds()["vanished_group_size"].at("block"),
    )
    # Another study asks other things, and an as-of run knows less than a release of a later day.
    last = current_release(workspace.releases)
    manifest = manifest_of(last) if last else {}
    same = manifest.get("questions_hash") == study.questions_digest and manifest["as_of"] <= str(run.day)
    levels = connection.sql("from comparisons.cmp_trends").df()
    gathered |= against_last_release(released_tables(last) if same else {}, gathered["estimates"], levels)
    gathered |= candidate(
        tables,
        judged=connection.sql("from estimates.est_estimates").pl(),
        previous=manifest.get("tables", {}),
        people=PEOPLE_QUERY,
        keys={name: table.key for name, table in published_tables().items()},
        minimum=study.min_group_size,
        share_shown=share_shown(tables),
    )
    return judge(
        gathered,
        content_hash=identity,
        layers=OF_RELEASE,
        waivers=[Waiver(**item.model_dump()) for item in study.waivers],
        day=run.day,
        docs=run.workspace.gate / identity[:16] / "docs",
    )


def judge_coaches(connection: duckdb.DuckDBPyConnection, run: PipelineRun) -> Verdict:
    """The verdict on the restricted table."""
    table = read_coaches(connection)
    identity = content_hash({PUBLISHED_COACHES: table})
    found = coaches(table, minimum=run.study.min_group_size)
    docs = run.workspace.gate / identity[:16] / "docs"
    return judge(found, content_hash=identity, layers=("restricted",), docs=docs)


def _docs(verdict: Verdict) -> str:
    """Where its Data Docs lie in the workspace."""
    return f"gate/{verdict.content_hash[:16]}/docs/index.html"


def for_readers(verdict: Verdict) -> dict:
    """What a release says of the verdict, and where in the workspace more stands."""
    return verdict.for_readers() | {"docs": _docs(verdict)}


def keep(run: PipelineRun, verdict: Verdict) -> None:
    """Write the whole verdict beside its Data Docs; what it saw is of small groups and stays in the workspace."""
    folder = run.workspace.gate / verdict.content_hash[:16]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = json.dumps(verdict.as_dict() | {"as_of": str(run.day)}, indent=2, ensure_ascii=False)
    durable.replace_text(folder / "verdict.json", text + "\n")


def report_verdict(context: dg.AssetExecutionContext, run: PipelineRun, verdict: Verdict) -> None:
    """Into the ledger and the run's log; a refusal reaches a person."""
    sentences = verdict.sentences()
    for sentence in sentences:
        context.log.info(sentence)
    warnings = verdict.for_readers()["warnings"]
    facts = {"reasons": sentences, "warnings": warnings, "docs": _docs(verdict)}
    run.record("passed" if verdict.passed else "refused", content_hash=verdict.content_hash, **facts)
    if not verdict.passed:
        promises = sorted({f"{failure.table}: {failure.promise}" for failure in verdict.failures})
        notify(run.workspace, "refused", run_id=context.run_id, reasons=[*promises, *verdict.errors])


def write_sealed(connection: duckdb.DuckDBPyConnection, run: PipelineRun, key: dg.AssetKey, verdict: Verdict) -> None:
    """Keep a verdict in the table `key`, in place of the last one."""
    schema, table = key.path
    text = json.dumps(for_readers(verdict) | {"reasons": verdict.sentences()}, sort_keys=True)
    connection.execute(f"create schema if not exists {schema}")
    connection.execute(f"create or replace table {schema}.{table} (verdict varchar, seal varchar)")
    connection.execute(f"insert into {schema}.{table} values (?, ?)", [text, run.seal(table + schema + text)])


def sealed_verdict(connection: duckdb.DuckDBPyConnection, run: PipelineRun, key: dg.AssetKey = VERDICTS) -> dict:
    """The last verdict as it was written, with its `reasons`; {} where there is none or somebody has changed it."""
    schema, table = key.path
    found = connection.execute(f"select verdict, seal from {schema}.{table}").fetchall()
    whole = [json.loads(text) for text, seal in found if hmac.compare_digest(seal, run.seal(table + schema + text))]
    return whole[0] if len(whole) == 1 else {}


@dg.asset(
    key=VERDICTS,
    deps=[*CANDIDATE_KEYS.values()],
    group_name="gate",
    kinds={"great_expectations"},
    check_specs=[
        dg.AssetCheckSpec(PASSES, asset=VERDICTS, blocking=True, description="Nothing that blocks was found."),
        *(
            dg.AssetCheckSpec(check, asset=VERDICTS, description="; ".join(dict.fromkeys(sentences)))
            for check, sentences in CHECKS.items()
        ),
    ],
)
@redact_errors
def verdicts(context: dg.AssetExecutionContext, run: PipelineRun):
    """May these tables leave?"""
    with warehouse(run.workspace.warehouse) as connection:
        run.take_date_of(connection)
        verdict = judge_warehouse(connection, run)
        write_sealed(connection, run, VERDICTS, verdict)
    keep(run, verdict)
    report_verdict(context, run, verdict)
    failures, warnings = verdict.sentences(), verdict.for_readers()["warnings"]
    metadata = {
        "verdict": "passed" if verdict.passed else "refused",
        "content_hash": verdict.content_hash,
        "evaluated": verdict.n_evaluated,
        "declared": verdict.n_declared,
        "failures": dg.MetadataValue.md("\n".join(f"- {sentence}" for sentence in failures) or "none"),
        "warnings": dg.MetadataValue.md("\n".join(f"- {sentence}" for sentence in warnings) or "none"),
        "data_docs": dg.MetadataValue.path(str(run.workspace.root / _docs(verdict))),
    }
    of_all = dg.AssetCheckResult(check_name=PASSES, passed=verdict.passed, metadata=metadata)
    return dg.MaterializeResult(metadata=metadata, check_results=[of_all, *check_results(verdict)])


def check_results(verdict: Verdict) -> list[dg.AssetCheckResult]:
    """A result for each word of `CHECKS`: what blocks is an error, what only warns a warning; each says what was seen.

    A check that could not be evaluated for all its tables has not passed.
    """
    found = []
    for check, asked in CHECKS.items():
        judged = [one for one in verdict.judged if one.check == check]
        unmet = [one for one in judged if not one.is_met]
        is_whole = len(judged) == len(asked)
        blocks = not is_whole or any(one.level == "block" for one in unmet)
        found.append(
            dg.AssetCheckResult(
                check_name=check,
                passed=is_whole and not unmet,
                severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
                description="; ".join(f"{one.table}: {one.observed}" for one in unmet)
                or ("" if is_whole else "it could not be evaluated"),
                metadata={
                    "observed": dg.MetadataValue.md(
                        "\n".join(f"- {one.table} ({one.level}): {one.observed}" for one in judged) or "nothing"
                    ),
                    "see": f"coaching gate explain {check}",
                },
            )
        )
    return found


@dg.asset(key=OF_COACHES, deps=[PUBLISHED], group_name=OF_COACHES.path[0], kinds={"great_expectations"})
@redact_errors
def restricted_verdicts(run: PipelineRun) -> dg.MaterializeResult:
    """May this be written about single coaches? A refusal is reported by the restricted release."""
    with warehouse(run.workspace.warehouse) as connection:
        run.take_date_of(connection)
        verdict = judge_coaches(connection, run)
        write_sealed(connection, run, OF_COACHES, verdict)
    keep(run, verdict)
    return dg.MaterializeResult(metadata={"verdict": "passed" if verdict.passed else "refused"})
