"""release: what was judged and passed becomes what leaders read."""

import json
from dataclasses import asdict
from datetime import timedelta

import dagster as dg
import duckdb

import durable
from ingest.warehouse import warehouse
from orchestration.alarm import notify
from orchestration.assets.candidate import CANDIDATE_KEYS, read_candidate, read_coaches
from orchestration.assets.gate import OF_COACHES, VERDICTS, sealed_verdict
from orchestration.closing import next_restatement
from orchestration.faults import redact_errors
from orchestration.lots import KICKOFFS_QUERY
from orchestration.pending import sources_digest
from orchestration.resources import PipelineRun
from orchestration.workspace import Workspace, code_version
from publish import closed
from publish.recipe import Recipe
from publish.release import Order, current_release, make_current, manifest_of, release_id, write_release
from publish.restricted import publish_coaches, told_through
from study import registration
from study.validation import definitions

RELEASE = dg.AssetKey(["release", "current"])
RESTRICTED = dg.AssetKey(["restricted", "current"])
INPUTS = """
    select source, file_name, load_id, mapping from raw.load_log
    where load_id in (select load_id from staging.stg_loads) order by source, file_name, load_id
"""
# Counts by source, in hundreds: of two releases the difference must not say that one record came.
SOURCES_QUERY = """
    with dated as (
        select 'hris' as source, snapshot_date as day from raw.raw_hris__workers
        union all
        select 'survey', launched_date from raw.raw_survey__responses
        union all
        select 'checkins', due_date from raw.raw_checkins__events
    ),
    months as (
        select source, strftime(min(day), '%Y-%m') as first_month, strftime(max(day), '%Y-%m') as last_month
        from dated where day <= $day group by source
    )
    select loads.source, count(*)::int as n_files, (round(sum(n_loaded) / 100) * 100)::bigint as n_records_about,
        any_value(first_month) as first_month, any_value(last_month) as last_month
    from raw.load_log as loads
    left join months on loads.source = months.source
    where load_id in (select load_id from staging.stg_loads)
    group by loads.source order by loads.source
"""
LEFT_OPEN_QUERY = "select issue, about, n from intermediate.int_data_issues order by issue"
CORRECTIONS = """
    select restatement as correction, strftime(min(month), '%Y-%m') as first_month,
        strftime(max(month), '%Y-%m') as last_month, sum(n_rows)::bigint as n
    from intermediate.int_restatements group by restatement order by restatement
"""
IS_AS_OF_RUN = """
    select exists (select 1 from raw.raw_hris__workers where snapshot_date > $day)
        or exists (select 1 from raw.raw_survey__responses where launched_date > $day)
        or exists (select 1 from raw.raw_checkins__events where due_date > $day)
"""
THROUGH = """
    select metric, strftime(max(period_start), '%Y-%m-%d') from cells.cell_means
    where metric in (select metric from staging.stg_study__outcomes where role = 'primary') group by metric
    order by metric
"""
LATE_RECORDS_QUERY = """
    select source, strftime(min(month), '%Y-%m') as first_month, strftime(max(month), '%Y-%m') as last_month,
        sum(n_records)::bigint as n
    from intermediate.int_late_records group by source order by source
"""
CLOSING_RULES = """
    select source, max(coalesce(closing_days, survey_open_days))::int as days
    from staging.stg_study__outcomes cross join staging.stg_study__programmes group by source order by source
"""
RESTATEMENT = (
    "select any_value(reason) as reason, count(kind)::int as n_kept from closed.restatement having count(*) > 0"
)
OBSERVED = "select observed_through_date from intermediate.int_observation_window"


@dg.asset(key=RELEASE, deps=[VERDICTS, *CANDIDATE_KEYS.values()], group_name="release", kinds={"parquet", "html"})
@redact_errors
def release(run: PipelineRun) -> dg.MaterializeResult:
    """grain: one row per published estimate. Writes the release and swaps the link; the lock is checked once more just
    before."""
    workspace = run.workspace
    served = current_release(workspace.releases)
    with warehouse(workspace.warehouse) as connection:
        run.take_date_of(connection)
        tables = read_candidate(connection)
        verdict = sealed_verdict(connection, run)
        verdict.pop("reasons", None)
        order = _order(connection, run, is_first=served is None)
        inputs = connection.sql(INPUTS).pl().to_dicts()
        restatement = connection.sql(RESTATEMENT).fetchall()
        closes = closed.all_closed(connection) if restatement else closed.newly_closed(connection)
        closes = closes if order.is_in_history else {}
    n_before = len(closed.batches(workspace.closed))
    loads = {item["load_id"] for item in inputs}
    recipe = Recipe(
        as_of=str(run.day),
        served=served.name if served else None,
        n_closed=n_before,
        closes=bool(closes),
        restates=bool(restatement),
        landed=[asdict(one) for one in run.landed if one.load_id in loads],
        inputs=inputs,
        study=workspace.study.read_text(encoding="utf-8"),
        registration=_kept_registration(workspace),
        sources={path.name: path.read_text(encoding="utf-8") for path in sorted(workspace.sources.glob("*.y*ml"))},
    )
    # First, so that there is never a release of which nobody knows what it was made of.
    recipe.keep(workspace.root, release_id(order, str(verdict.get("content_hash"))))
    target = write_release(tables, verdict=verdict, order=order, releases=workspace.releases)
    run.check_lock()  # a run that was overtaken stops here
    if order.is_in_history:
        closed.keep(
            workspace.closed,
            closes,
            release=target.name,
            as_of=str(run.day),
            definitions=definitions(run.study),
            restates=bool(restatement),
        )
        make_current(workspace.releases, target.name)
    n_closed = len(closed.batches(workspace.closed))
    run.record("published", release=target.name, is_in_history=order.is_in_history, n_closed=n_closed)
    return dg.MaterializeResult(
        metadata={
            "release": target.name,
            "page": dg.MetadataValue.path(str(target / "index.html")),
            "dagster/row_count": tables["pub_estimates"].height,
            "months": dg.MetadataValue.md(_months(order)),
        }
    )


def _months(order: Order) -> str:
    """Which months of which source are in, and which came late or were corrected, as Markdown."""
    heads = ["| what | first month | last month |", "|---|---|---|"]
    found = [(item["source"], item) for item in order.sources]
    found += [(f"{item['source']}: records too late for a closed period", item) for item in order.late_records]
    found += [(f"corrected: {item['correction']}", item) for item in order.corrections]
    return "\n".join([*heads, *(f"| {what} | {item['first_month']} | {item['last_month']} |" for what, item in found)])


def _order(connection: duckdb.DuckDBPyConnection, run: PipelineRun, *, is_first: bool) -> Order:
    """What is to be released. An as-of run beside a served release is outside the release history and never served."""
    study = run.study
    [(is_as_of_run,)] = connection.execute(IS_AS_OF_RUN, {"day": run.day}).fetchall()
    [(observed_through,)] = connection.execute(OBSERVED).fetchall()
    is_as_of_run = is_as_of_run or run.is_as_of_run
    is_due = study.stale_after_days and not is_as_of_run
    return Order(
        title=study.title,
        contact=study.contact,
        programme=study.programme,
        design=study.assignment.design,
        alpha=study.alpha,
        min_group_size=study.min_group_size,
        as_of=run.day,
        observed_through=min(observed_through, run.day) if observed_through else None,
        study_hash=study.digest,
        code_version=code_version(),
        sources=connection.sql(SOURCES_QUERY, params={"day": run.day}).pl().to_dicts(),
        data_issues=connection.sql(LEFT_OPEN_QUERY).pl().to_dicts(),
        corrections=connection.sql(CORRECTIONS).pl().to_dicts(),
        late_records=connection.sql(LATE_RECORDS_QUERY).pl().to_dicts(),
        closing_rules=connection.sql(CLOSING_RULES).pl().to_dicts(),
        registration=_registration(connection, run),
        restated=next(iter(connection.sql(RESTATEMENT).pl().to_dicts()), None),
        next_restatement=next_restatement(study, run.day),
        is_as_of_run=is_as_of_run,
        is_in_history=not is_as_of_run or is_first,
        sources_hash=sources_digest(run.mappings),
        questions_hash=study.questions_digest,
        due=run.day + timedelta(days=study.stale_after_days) if is_due else None,
    )


def _kept_registration(workspace: Workspace) -> str:
    return workspace.registration.read_text(encoding="utf-8") if workspace.registration.exists() else ""


def _registration(connection: duckdb.DuckDBPyConnection, run: PipelineRun) -> dict | None:
    """What was registered, and what the study asks otherwise since; None where nothing was."""
    kept = _kept_registration(run.workspace)
    if not kept:
        return None
    registered = json.loads(kept)
    kickoffs = [day for (day,) in connection.sql(KICKOFFS_QUERY).fetchall()]
    return {
        "at": registered["at"],
        "text_sha256": registered["text_sha256"],
        "is_before_kickoff": registration.is_before(registered["at"], kickoffs),
        "amendments": [asdict(one) for one in registration.amendments(registered["questions"], run.study)],
    }


@dg.asset(key=RESTRICTED, deps=[RELEASE, OF_COACHES], group_name=RESTRICTED.path[0], kinds={"parquet"})
@redact_errors
def restricted_release(context: dg.AssetExecutionContext, run: PipelineRun) -> dg.MaterializeResult:
    """grain: one row per coach and primary outcome, where few may read it. An as-of run writes none; with
    `coaches: off` none stays."""
    workspace = run.workspace
    if not run.study.coaches:
        if workspace.restricted.exists():
            durable.remove(workspace.restricted)
            run.record("restricted_removed", reason="the study has coaches: off")
        return dg.MaterializeResult(metadata={"restricted": "none: the study has coaches: off"})
    with warehouse(workspace.warehouse) as connection:
        run.take_date_of(connection)
    served = current_release(workspace.releases)
    manifest = manifest_of(served) if served else {"is_as_of_run": True}
    if manifest["is_as_of_run"] or manifest["as_of"] != str(run.day):
        return dg.MaterializeResult(metadata={"restricted": "none: this is an as-of run"})
    with warehouse(workspace.warehouse) as connection:
        table = read_coaches(connection)
        verdict = sealed_verdict(connection, run, OF_COACHES)
        through = dict(connection.sql(THROUGH).fetchall())
    if told_through(workspace.restricted) == through:
        # Within the same periods a few late answers would be the difference of two releases.
        return dg.MaterializeResult(metadata={"restricted": "no new period: the last one stays"})
    reasons = verdict.pop("reasons", [])
    if not verdict.get("passed"):
        run.record("refused", content_hash=verdict.get("content_hash"), reasons=reasons, docs=verdict.get("docs"))
        notify(workspace, "refused", run_id=context.run_id, reasons=["what is restricted to few readers was refused"])
        raise dg.Failure("the gate refused what would be published of single coaches; see the ledger")
    run.check_lock()
    target = publish_coaches(
        table,
        identity=served.name,
        as_of=str(run.day),
        through=through,
        verdict=verdict,
        folder=workspace.restricted,
    )
    run.record("restricted", release=target.name, rows=table.height)
    return dg.MaterializeResult(metadata={"release": target.name, "rows": table.height})
