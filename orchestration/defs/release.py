"""release: what was judged and passed becomes what leaders read."""

import json

import dagster as dg

from ingest import load, spec
from orchestration.defs.gate import CONTENT, VERDICTS
from orchestration.looks import alpha_on
from orchestration.news import sources_digest
from orchestration.resources import Night
from orchestration.workspace import code_version
from publish.content import content_hash, read_content
from publish.release import Order, publish

RELEASE = dg.AssetKey(["release", "current"])
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
OBSERVED = "select observed_through_date from intermediate.int_observation_window"


@dg.asset(key=RELEASE, deps=[VERDICTS, *CONTENT], group_name="release", kinds={"parquet", "html"})
def release(night: Night) -> dg.MaterializeResult:
    """Write the release and swap the link; the lock is checked once more just before."""
    study, workspace = night.study, night.workspace
    with load.warehouse(workspace.warehouse) as connection:
        content = read_content(connection)
        found = connection.execute(
            "select verdict from gate.verdicts where content_hash = ?", [content_hash(content)]
        ).fetchall()
        inputs = connection.sql(INPUTS).pl().to_dicts()
        issues = connection.sql(ISSUES).pl().to_dicts()
        restated = connection.sql(RESTATED).pl().to_dicts()
        [(looks_back,)] = connection.execute(LOOKS_BACK, {"day": night.day}).fetchall()
        [(observed_through,)] = connection.execute(OBSERVED).fetchall()
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
        accepted=[item.model_dump() for item in study.accepted],
        looks_back=looks_back or night.looks_back,
        sources_hash=sources_digest(spec.load_mappings(workspace.sources)),
    )
    target = publish(
        content,
        verdict=json.loads(found[0][0]) if found else {},
        order=order,
        releases=workspace.releases,
        before_swap=night.check_lock,
    )
    night.record("published", release=target.name)
    return dg.MaterializeResult(
        metadata={
            "release": target.name,
            "page": dg.MetadataValue.path(str(target / "index.html")),
            "open": dg.MetadataValue.url((target / "index.html").as_uri()),
            "estimates": content["est_estimates"].height,
        }
    )
