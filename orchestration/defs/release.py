"""release: what was judged and passed becomes what leaders read."""

from dataclasses import asdict
from datetime import timedelta

import dagster as dg
import polars as pl

from ingest import land, load, spec
from ingest.tables import RELEASED_TABLES
from orchestration.defs.estimates import COACHES
from orchestration.defs.gate import CONTENT, VERDICTS, inspect_candidate, inspect_coaches, sealed_verdict
from orchestration.faults import told_safely
from orchestration.looks import alpha_on
from orchestration.news import published_ids, sources_digest
from orchestration.resources import Night
from orchestration.workspace import code_version
from publish import memory
from publish.content import read_content
from publish.protect import people_behind
from publish.recipe import Recipe
from publish.release import Order, current_release, manifest_of, publish
from publish.restricted import publish_coaches, told_through

RELEASE = dg.AssetKey(["release", "current"])
RESTRICTED = dg.AssetKey(["restricted", "current"])
INPUTS = """
    select source, file_name, content_sha256 as sha256, load_id, mapping, n_records, n_loaded, n_faulty, n_set_aside
    from raw.load_log where load_id in (select load_id from staging.stg_loads) order by source, file_name, load_id
"""
ISSUES = "select issue, about, n from intermediate.int_data_issues order by issue"
RESTATED = """
    select restatement, count(distinct load_id)::int as n_files, strftime(min(month), '%Y-%m') as first_month,
        strftime(max(month), '%Y-%m') as last_month, sum(n_rows)::bigint as n
    from intermediate.int_restatements group by restatement order by restatement
"""
LOOKS_BACK = """
    select exists (select 1 from raw.raw_hris__workers where snapshot_date > $day)
        or exists (select 1 from raw.raw_survey__responses where launched_date > $day)
        or exists (select 1 from raw.raw_checkins__events where due_date > $day)
"""
THROUGH = """
    select metric, strftime(max(period_start), '%Y-%m-%d') from cells.cell_means
    where metric in (select metric from staging.stg_study__outcomes where role = 'primary') group by metric
    order by metric
"""
OBSERVED = "select observed_through_date from intermediate.int_observation_window"


@dg.asset(key=RELEASE, deps=[VERDICTS, *CONTENT], group_name="release", kinds={"parquet", "html"})
@told_safely
def release(context: dg.AssetExecutionContext, night: Night) -> dg.MaterializeResult:
    """Write the release and swap the link; the lock is checked once more just before."""
    study, workspace = night.study, night.workspace
    with load.warehouse(workspace.warehouse) as connection:
        night.take_date_of(connection)
        content = read_content(connection)
        verdict = sealed_verdict(connection, night)
        inputs = connection.sql(INPUTS).pl().to_dicts()
        issues = connection.sql(ISSUES).pl().to_dicts()
        restated = connection.sql(RESTATED).pl().to_dicts()
        [(looks_back,)] = connection.execute(LOOKS_BACK, {"day": night.day}).fetchall()
        loads = {load_id for (load_id,) in connection.execute("select load_id from raw.load_log").fetchall()}
        behind = memory.read_behind(connection)
        [(observed_through,)] = connection.execute(OBSERVED).fetchall()
    served = current_release(workspace.releases)
    # A look back tells a day's periods as they were told first: beside a release that is served it is audited by
    # itself, not remembered and never served.
    looks_back = looks_back or night.looks_back
    is_remembered = not looks_back or served is None
    known = memory.Memory.of(workspace.memory, RELEASED_TABLES, published_ids(workspace))
    n_told = len(known.releases)
    if not is_remembered:
        known = known.forgotten()
    after = known.after(behind, night.day)
    recipe = Recipe(
        as_of=str(night.day),
        served=served.name if served else None,
        n_told=n_told,
        landed=[asdict(one) for one in land.landed_files(workspace.landing) if one.load_id in loads],
        study=workspace.study.read_text(encoding="utf-8"),
        sources={path.name: path.read_text(encoding="utf-8") for path in sorted(workspace.sources.glob("*.y*ml"))},
    )
    order = Order(
        title=study.title,
        programme=study.programme,
        design=study.assignment.design,
        alpha=alpha_on(study, night.day),
        min_group_size=study.min_group_size,
        as_of=night.day,
        observed_through=min(observed_through, night.day) if observed_through else None,
        study_hash=study.digest,
        code_version=code_version(),
        inputs=inputs,
        data_issues=issues,
        restatements=restated,
        looks_back=looks_back,
        is_remembered=is_remembered,
        sources_hash=sources_digest(spec.load_mappings(workspace.sources)),
        questions_hash=study.questions_digest,
        due=night.day + timedelta(days=study.stale_after_days) if study.stale_after_days and not looks_back else None,
    )
    target = publish(
        content,
        verdict=verdict,
        order=order,
        people=people_behind(behind, after),
        inspect=lambda tables, last, share: inspect_candidate(
            context, night, tables=tables, judged=content["est_estimates"], previous=last, share_shown=share
        ),
        releases=workspace.releases,
        before_swap=lambda identity, told: _before_swap(
            night, recipe, after if is_remembered else None, identity, told
        ),
    )
    night.record("published", release=target.name, is_remembered=is_remembered)
    return dg.MaterializeResult(
        metadata={
            "release": target.name,
            "page": dg.MetadataValue.path(str(target / "index.html")),
            "open": dg.MetadataValue.url((target / "index.html").as_uri()),
            "estimates": content["est_estimates"].height,
        }
    )


def _before_swap(
    night: Night, recipe: Recipe, after: memory.Memory | None, identity: str, told: pl.DataFrame | None
) -> None:
    """Stop a run that was overtaken, and keep what the release is made of before anybody can read it."""
    night.check_lock()
    recipe.keep(night.workspace.memory, identity)
    if after is not None and told is not None:
        after.keep(night.workspace.memory, identity, told)


@dg.asset(key=RESTRICTED, deps=[RELEASE, COACHES], group_name=RESTRICTED.path[0], kinds={"parquet"})
@told_safely
def restricted_release(context: dg.AssetExecutionContext, night: Night) -> dg.MaterializeResult:
    """Write what is known of single coaches, where few may read it. A look back writes none."""
    workspace = night.workspace
    with load.warehouse(workspace.warehouse) as connection:
        night.take_date_of(connection)
    served = current_release(workspace.releases)
    manifest = manifest_of(served) if served else {"looks_back": True}
    if manifest["looks_back"] or manifest["as_of"] != str(night.day):
        return dg.MaterializeResult(metadata={"restricted": "none: this night looks back"})
    with load.warehouse(workspace.warehouse) as connection:
        coaches = connection.sql("from restricted.est_coaches").pl()
        through = dict(connection.sql(THROUGH).fetchall())
    if told_through(workspace.restricted) == through:
        # Within the same periods a few late answers would be the difference of two releases.
        return dg.MaterializeResult(metadata={"restricted": "no new period: the last one stays"})
    night.check_lock()
    target = publish_coaches(
        coaches,
        identity=served.name,
        as_of=str(night.day),
        through=through,
        minimum=night.study.min_group_size,
        inspect=lambda table: inspect_coaches(context, night, table),
        folder=workspace.restricted,
    )
    night.record("restricted", release=target.name, rows=coaches.height)
    return dg.MaterializeResult(metadata={"release": target.name, "rows": coaches.height})
