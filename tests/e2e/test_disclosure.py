"""What releases gave away before, one by one: from the published tables none of it can be worked out any more."""

import hashlib
import json
import re
import shutil

import duckdb
import polars as pl
import pytest

from orchestration.workspace import PROJECT_ROOT, Workspace
from publish.catalogue import candidate_tables, published_tables
from publish.release import current_release, released_tables
from simulation import Design, simulate

K = 10


@pytest.fixture(scope="module")
def release(published):
    return released_tables(current_release(published.releases))


@pytest.fixture(scope="module")
def spoiled(connection):
    """Function: SQL statements → the candidate as it is after them; the warehouse stays as it was."""

    def after(*statements: str) -> dict[str, pl.DataFrame]:
        connection.execute("begin")
        try:
            for statement in statements:
                connection.execute(statement)
            return candidate_tables(connection, minimum=K, alpha=0.05)
        finally:
            connection.execute("rollback")

    return after


@pytest.fixture(scope="module")
def ask(connection):
    return lambda sql: connection.sql(sql).pl()


def test_causes_of_leaving_are_not_the_difference_of_all_leavers_and_those_shown(release, ask):
    """D1: who left is known; what is not shown of a year's causes is nobody, or ten and more."""
    years = ask("from comparisons.cmp_turnovers where span = 'year' and scope = 'arm' and is_chosen")
    counts = {
        (year, arm): {
            "voluntary": voluntary,
            "involuntary": involuntary,
            "other": left - voluntary - involuntary,
            "regretted": regretted,
            "not_regretted": left - regretted,
        }
        for year, arm, left, voluntary, involuntary, regretted in years.select(
            "span_start", "population", "n_leavers", "n_voluntary", "n_involuntary", "n_regretted"
        ).iter_rows()
    }
    hidden: dict[tuple, int] = {}
    for year, arm, kind, cause, share, _ in release["pub_causes"].iter_rows():
        of = counts[year, arm]
        n, n_left = of[cause], of["regretted"] + of["not_regretted"]
        if share is None:
            hidden[year, arm, kind] = hidden.get((year, arm, kind), 0) + n
        else:
            assert n >= K and n_left - n >= K
    assert hidden and all(n >= min(K, sum(counts[key[:2]].values()) // 2) for key, n in hidden.items())


def test_no_release_differs_from_the_next_by_the_causes_of_a_few_leavers(release):
    """Windows after kick-off grow from month to month; effects on causes are fractions of few people."""
    assert not [name for name in release["pub_estimates"]["estimator"].unique() if name.startswith("left_")]


def test_no_curve_and_no_cohort_of_leavers_is_published(release):
    """D1, D8: windows of cohorts overlap, and months of one curve are single leavers."""
    assert set(release["pub_retention"].columns) == {"arm", "phase", "n_people", "share_retained", "n_months"}
    assert {"cohort", "phase", "month_number"}.isdisjoint(release["pub_causes"].columns)


def test_movers_are_declared_as_known(release):
    """D2: who moved is who works where; it is shown, and study.yml can withdraw it."""
    [movers] = [column for column in published_tables()["pub_cohorts"].columns if column.name == "n_movers"]
    assert (movers.kind, movers.fact) == ("known", "membership")
    assert release["pub_cohorts"]["n_movers"].null_count() == 0


def test_a_state_that_all_managers_are_in_is_not_shown_nor_the_others_as_zero(spoiled):
    """D3: fifteen of fifteen were resistant."""
    found = spoiled("update cells.cell_readiness set readiness = 'resistant'")["pub_readiness"]
    assert found["readiness"].n_unique() == 3
    assert found["n_managers"].null_count() == found.height > 0


def test_that_everybody_answered_cannot_be_read(spoiled):
    """D4: a rate is a lower bound that leaves ten people open, and no other column counts answers exactly."""
    found = spoiled("update comparisons.cmp_trends set n_observed = n_eligible")
    rates = found["pub_responses"].filter(pl.col("response_rate_at_least").is_not_null())
    assert rates.height > 0
    open_to = rates["n_eligible"] * (1 - rates["response_rate_at_least"])
    assert (open_to >= K - 1e-6).all()
    assert "n_observed" not in found["pub_levels"].columns
    assert (found["pub_estimates"]["n_pilot"].drop_nulls() % 5 == 0).all()


FEW = "update estimates.est_estimates set n_pilot = {} where is_headline and metric = '{}'"
OF_EFFECT = ["leavers_avoided", "net", "net_for_all", "turnover_cost_avoided"]


def headlines_shown(tables: dict[str, pl.DataFrame]) -> dict[str, bool]:
    return dict(tables["pub_estimates"].filter("is_headline").select("metric", pl.col("suppressed").is_null()).rows())


@pytest.mark.parametrize("role", ["primary", "guardrail", "secondary", "placebo"])
def test_what_is_computed_from_a_suppressed_headline_is_suppressed(spoiled, ask, role):
    """The smallest effect that can be found is a multiple of the error, and a guardrail that holds bounds its own."""
    of_role = "select metric from staging.stg_study__outcomes where role = '{}' order by metric"
    [metric, *_] = ask(of_role.format("secondary" if role == "placebo" else role))["metric"]
    named = f"update staging.stg_study__outcomes set role = '{role}' where metric = '{metric}'"
    found, were = spoiled(named, FEW.format(K - 1, metric)), headlines_shown(spoiled())
    assert were[metric] and headlines_shown(found) == were | {metric: False}
    reaches = found["pub_outcomes"].filter(metric=metric)
    assert reaches["detectable_effect"].null_count() == 1 and reaches["power_suppressed"].item() == "protected"
    around = found["pub_diagnostics"].filter(pl.col("metric") == metric, pl.col("status") == "estimated")
    assert around["suppressed"].null_count() == 0
    decisions, answer = found["pub_decisions"], found["pub_answer"]
    of_rule = role in ("guardrail", "placebo")
    kept = [m for m in decisions["metric"] if not of_rule and m != metric]
    assert decisions.filter(pl.col("suppressed").is_null())["metric"].to_list() == kept
    assert decisions.filter(pl.col("decision").is_not_null())["metric"].to_list() == kept
    assert decisions.filter(pl.col("guardrails").is_not_null())["metric"].to_list() == kept
    assert (answer["answer"].null_count() == 0) == (role == "secondary")


def test_what_retention_is_worth_is_shown_where_the_effect_on_retention_is(spoiled):
    few, enough = (spoiled(FEW.format(n, "retention"))["pub_money"] for n in (K - 1, K))
    assert enough["suppressed"].null_count() == enough.height
    assert sorted(few.filter(pl.col("suppressed").is_not_null())["item"]) == OF_EFFECT
    assert sorted(few.filter(pl.col("central").is_null())["item"]) == OF_EFFECT
    assert enough["central"].null_count() == 0


def test_a_headline_hidden_since_a_segment_is_almost_everybody_hides_its_decision(spoiled, ask):
    """Suppression that follows from other rows counts as much as that of few people."""
    [metric, *_] = ask("select metric from staging.stg_study__outcomes where role = 'primary' order by metric")[
        "metric"
    ]
    [segment, *_] = ask(
        f"select distinct segment from estimates.est_estimates where metric = '{metric}' "
        "and segment <> 'all' and status = 'estimated' order by segment"
    )["segment"]
    found = spoiled(
        f"update cells.cell_overlaps set n_differing = 3 where group_name in ('all', '{segment}') "
        f"and other_group_name in ('all', '{segment}')",
        f"update estimates.est_estimates set n_pilot = 5000 where metric = '{metric}' and segment = '{segment}'",
    )
    assert not headlines_shown(found)[metric]
    assert found["pub_decisions"].filter(metric=metric)["decision"].item() is None


def test_that_nobody_answered_cannot_be_read(spoiled):
    found = spoiled("update comparisons.cmp_trends set n_observed = 3 where arm = 'pilot'")["pub_responses"]
    assert found.filter(pl.col("arm") == "pilot")["response_rate_at_least"].null_count() == (
        found.filter(pl.col("arm") == "pilot").height
    )


def test_a_release_names_no_file_and_has_no_digest_of_one(published, connection):
    """D5, D6: 4.2 million tries found all readiness answers from the digest of a small file."""
    folder = current_release(published.releases)
    text = b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    files = [path for path in published.inbox.rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        assert path.name.encode() not in text, path.name
        assert hashlib.sha256(path.read_bytes()).hexdigest().encode() not in text, path.name
    loads = [load for (load,) in connection.execute("select load_id from raw.load_log").fetchall()]
    assert not [load for load in loads if load.encode() in text]
    assert not re.search(rb"[A-Za-z0-9.]+@[a-z0-9-]+\.[a-z]{2,}", text)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {key for source in manifest["sources"] for key in source} == {
        "source", "n_files", "n_records_about", "first_month", "last_month",
    }  # fmt: skip


def test_two_shown_groups_never_differ_by_a_few_people(release, ask):
    """D8: a team of seven was all coached people less one depth of the cascade."""
    overlaps = ask("select * from cells.cell_overlaps")
    differing = {(one, other): n for one, other, _, n in overlaps.iter_rows()}
    shown = release["pub_estimates"].filter(
        pl.col("suppressed").is_null() & (pl.col("status") == "estimated") & (pl.col("aggregation") != "event_time")
    )
    groups = shown.with_columns(
        group=pl.when(pl.col("segment") != "all")
        .then("segment")
        .when(pl.col("cohort") != "all")
        .then(pl.lit("cohort: ") + pl.col("cohort"))
        .otherwise(pl.lit("all"))
    )
    n_pairs = 0
    for part in groups.partition_by("metric", "estimator"):
        names = part["group"].to_list()
        for index, one in enumerate(names):
            for other in names[index + 1 :]:
                n_pairs += 1
                assert differing.get((one, other), K) == 0 or differing.get((one, other), K) >= K, (one, other)
    assert n_pairs > 100


def test_a_segment_that_is_nearly_everybody_is_not_shown_beside_everybody(spoiled):
    close = "update cells.cell_overlaps set n_differing = 4 where 'all' in (group_name, other_group_name) and "
    found = spoiled(f"{close} (group_name like 'tenure: 6%' or other_group_name like 'tenure: 6%')")["pub_estimates"]
    assert found.filter(pl.col("segment").str.starts_with("tenure: 6"))["estimate"].null_count() == (
        found.filter(pl.col("segment").str.starts_with("tenure: 6")).height
    )


def test_the_mean_of_a_cohort_of_one_team_is_not_shown(spoiled):
    """D9: it is a coach's own score."""
    found = spoiled("update comparisons.cmp_trends set n_units = 1 where scope = 'cohort' and arm = 'pilot'")
    levels = found["pub_levels"].filter((pl.col("scope") == "cohort") & (pl.col("arm") == "pilot"))
    assert levels["mean"].null_count() == levels.height > 0
    arms = found["pub_levels"].filter(pl.col("scope") == "arm")
    assert arms["mean"].null_count() < arms.height


def test_a_mean_that_says_what_everybody_answered_is_not_shown(spoiled):
    found = spoiled("update comparisons.cmp_trends set mean = 100 where metric = 'engagement_score' and arm = 'pilot'")
    levels = found["pub_levels"].filter((pl.col("metric") == "engagement_score") & (pl.col("arm") == "pilot"))
    assert levels["mean"].null_count() == levels.height > 0


def test_an_output_that_is_nearly_one_persons_is_not_shown(spoiled):
    output = "metric = 'output_per_fte_month'"
    before = spoiled()["pub_levels"].filter(pl.col("metric") == "output_per_fte_month")
    found = spoiled(f"update comparisons.cmp_trends set largest_value = 0.95 * mean * n_observed where {output}")
    assert before["mean"].null_count() < before.height
    assert found["pub_levels"].filter(pl.col("metric") == "output_per_fte_month")["mean"].null_count() == before.height


def test_what_is_suppressed_in_a_period_of_an_arm_is_not_the_difference_of_arm_and_cohorts(release, ask):
    counted = ask("select metric, period_start, scope, group_name, n_observed, n_units from comparisons.cmp_trends")
    both = release["pub_levels"].join(counted, on=["metric", "period_start", "scope", "group_name"])
    hidden = both.filter((pl.col("scope") == "cohort") & pl.col("mean").is_null())
    whole = both.filter((pl.col("scope") == "arm") & pl.col("mean").is_not_null())
    rest = hidden.group_by("metric", "period_start", "arm").agg(pl.col("n_observed", "n_units").sum())
    of_shown_arms = rest.join(whole.select("metric", "period_start", "arm"), on=["metric", "period_start", "arm"])
    assert (of_shown_arms["n_observed"] >= K).all()


def test_of_few_units_there_are_the_headline_and_its_curve_only(spoiled):
    """Every further estimator is another equation about the same teams (benchmarks/results/errors.md)."""
    few = (
        "delete from cells.cell_means where metric = 'engagement_score' and unit_id not in "
        "(select unit_id from cells.cell_means group by unit_id order by unit_id limit 20)"
    )
    found = spoiled(few)["pub_estimates"].filter(
        (pl.col("metric") == "engagement_score") & (pl.col("status") == "estimated") & pl.col("suppressed").is_null()
    )
    assert set(found["estimator"]) <= {"att_not_yet_treated", "att_never_treated"}
    assert set(found["segment"]) == {"all"}


def test_readers_find_out_from_the_database_what_a_column_is(published):
    with duckdb.connect(str(current_release(published.releases) / "metrics.duckdb"), read_only=True) as reader:
        [(comment,)] = reader.sql(
            "select comment from duckdb_columns() where table_name = 'pub_levels' and column_name = 'suppressed'"
        ).fetchall()
    assert "mean" in comment


@pytest.fixture(scope="module")
def small_pilot(tmp_path_factory, run_pipeline):
    """The release of an organisation of 300 people: fifteen pilot teams in three cohorts, nine control teams."""
    made = Workspace(tmp_path_factory.mktemp("small") / "workspace")
    design = Design(people=300)
    simulate(design, made.inbox, truth_path=made.root / "truth.json")
    shutil.copy(PROJECT_ROOT / "orchestration" / "templates" / "study.yml", made.study)
    code, last, _ = run_pipeline(made, design.closed_on)
    assert code == 0, last
    return released_tables(current_release(made.releases))


def test_a_small_pilot_sees_levels_effects_response_sizes_retention_training_and_dose(small_pilot):
    of_arms = pl.col("scope") == "arm"
    headlines = small_pilot["pub_estimates"].filter("is_headline")
    for metric in ("engagement_score", "goals_met_share", "retention"):
        [headline] = headlines.filter(pl.col("metric") == metric).rows(named=True)
        assert headline["suppressed"] is None and headline["ci_low"] < headline["ci_high"], metric
    for metric in ("engagement_score", "goals_met_share"):
        levels = small_pilot["pub_levels"].filter(of_arms & (pl.col("metric") == metric))
        assert levels.height == 16 and levels["mean"].null_count() == 0, metric
    assert small_pilot["pub_responses"]["response_rate_at_least"].null_count() == 0
    assert small_pilot["pub_retention"]["share_retained"].null_count() == 0
    arms = small_pilot["pub_cohorts"].filter(of_arms)
    for column in ("n_people", "n_coaches_trained", "checkins_per_person_month"):
        assert arms[column].null_count() == 0, column
