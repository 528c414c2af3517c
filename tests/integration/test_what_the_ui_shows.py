"""What analysts see in the Dagster UI of a published workspace: descriptions, rows, columns, checks, a forest plot."""

import base64

import dagster as dg
import pytest
import yaml

from expectations.suites.declared import declared
from orchestration.assets import gate, tables, transform
from orchestration.definitions import graph
from orchestration.workspace import DAGSTER_YAML, PROJECT_ROOT, Workspace
from publish.catalogue import published_tables
from tests.models import take_manifest


@pytest.fixture(scope="module")
def shown(published):
    """Asset key → its definition."""
    return {spec.key: spec for one in graph(published).assets for spec in one.specs}


@pytest.fixture(scope="module")
def history(published):
    with dg.DagsterInstance.from_config(str(published.dagster_home)) as instance:
        yield instance


def metadata_of(history, key: dg.AssetKey) -> dict:
    return history.get_latest_materialization_event(key).asset_materialization.metadata


def test_every_asset_says_what_it_is_and_no_two_the_same(shown):
    said = [(spec.description or "").strip() for spec in shown.values()]
    assert len(said) > 130 and all(said)
    assert len(set(said)) == len(said)
    assert all(spec.kinds for spec in shown.values())


def test_jobs_schedules_and_sensors_say_what_they_do(published):
    made = graph(published)
    for one in (*made.jobs, *made.schedules, *made.sensors):
        assert len(one.description or "") > 20, one.name


def test_the_owner_is_the_studys_contact_and_what_is_overdue_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(transform, "_parse", take_manifest)  # dbt parsed the project already
    study = (PROJECT_ROOT / "orchestration" / "templates" / "study.yml").read_text(encoding="utf-8")
    for number, (contact, owner) in enumerate(
        [
            ("people-analytics@example.org", "people-analytics@example.org"),
            ("People analytics", "team:People analytics"),
        ]
    ):
        there = Workspace(tmp_path / str(number))
        there.root.mkdir()
        there.study.write_text(f"contact: {contact}\n{study}", encoding="utf-8")
        specs = {spec.key: spec for one in graph(there).assets for spec in one.specs}
        assert {tuple(spec.owners) for spec in specs.values()} == {(owner,)}
        windows = {
            key.path[-1]: spec.freshness_policy.fail_window.days for key, spec in specs.items() if spec.freshness_policy
        }
        assert windows == {"load_log": 40, "current": 40}


def test_every_table_shows_its_rows_and_columns_with_their_meaning(shown, history, connection):
    """Of views no row count; of tables that are not the release or a verdict."""
    kinds = {
        (schema, name): kind
        for schema, name, kind in connection.sql(
            "select table_schema, table_name, table_type from information_schema.tables"
        ).fetchall()
    }
    n_counted = 0
    for key in shown:
        place = tuple(key.path)
        if place not in kinds or place[-1] == "verdicts":
            continue
        found = metadata_of(history, key)
        schema = found[tables.SCHEMA].schema
        names = [name for (name, *_) in connection.sql(f"describe {'.'.join(place)}").fetchall()]
        assert [column.name for column in schema.columns] == names, place
        if place[0] != "staging":
            assert all(column.description for column in schema.columns), place
        if kinds[place] == "BASE TABLE" and place[-1] != "load_log":  # that one is filled by the steps after it
            [(n_rows,)] = connection.sql(f"select count(*) from {'.'.join(place)}").fetchall()
            assert found["dagster/row_count"].value == n_rows, place
            n_counted += 1
    assert n_counted > 100


def test_each_check_of_the_gate_is_an_asset_check_with_its_severity_and_what_was_seen(shown, history):
    asked = {promise.check for layer, promises in declared().values() for promise in promises if layer != "restricted"}
    assert set(gate.CHECKS) == asked
    found = {}
    for check in asked:
        key = dg.AssetCheckKey(gate.VERDICTS, check)
        [record] = history.event_log_storage.get_asset_check_execution_history(key, limit=1)
        found[check] = record.evaluation
    assert all(one.metadata["observed"].value for one in found.values())
    assert sum(one.passed for one in found.values()) > 90
    for one in found.values():
        assert one.passed or one.severity == dg.AssetCheckSeverity.WARN  # it was published


def test_a_check_that_blocks_is_an_error_and_one_that_was_not_evaluated_has_not_passed():
    from expectations.verdict import Judged, Verdict

    levels = {
        promise.check: promise.level
        for layer, promises in declared().values()
        if layer != "restricted"
        for promise in promises
    }
    judged = [
        Judged(
            table=table,
            check=promise.check,
            level=promise.level,
            is_met=(promise.check, promise.level) not in [("unit_coverage", "block"), ("response_gap", "warn")],
            observed="x",
        )
        for table, (layer, promises) in declared().items()
        if layer != "restricted"
        for promise in promises
        if promise.check != "rate_no_share"
    ]
    results = {
        one.check_name: one
        for one in gate.check_results(Verdict(content_hash="", n_declared=1, n_evaluated=1, judged=tuple(judged)))
    }
    assert set(results) == set(levels)
    assert (results["unit_coverage"].passed, results["unit_coverage"].severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert (results["rate_no_share"].passed, results["rate_no_share"].description) == (
        False,
        "it could not be evaluated",
    )
    assert results["headcount_jump"].passed
    assert (results["response_gap"].passed, results["response_gap"].severity) == (False, dg.AssetCheckSeverity.WARN)


def test_the_headlines_have_units_adjusted_p_and_a_forest_plot(history):
    text = metadata_of(history, dg.AssetKey(["estimates", "est_estimates"]))["headlines"].value
    assert "| Engagement | points (0–100) |" in text and "adjusted p" in text
    picture = base64.b64decode(text.partition("data:image/png;base64,")[2].partition(")")[0])
    assert picture.startswith(b"\x89PNG") and len(picture) > 5_000


def test_nothing_links_to_a_file_and_the_release_names_its_months(shown, history):
    for key in shown:
        event = history.get_latest_materialization_event(key)
        assert event is None or "file://" not in str(event.asset_materialization.metadata), key
    assert "| hris | 2024-01 | 2024-12 |" in metadata_of(history, dg.AssetKey(["release", "current"]))["months"].value


def test_runs_wait_for_each_other_and_nobody_is_asked_for_an_address():
    settings = yaml.safe_load(DAGSTER_YAML)
    assert settings["concurrency"]["runs"]["max_concurrent_runs"] == 1
    assert settings["nux"]["enabled"] is False and settings["telemetry"]["enabled"] is False


def test_the_published_tables_keep_their_descriptions(shown):
    for name, table in published_tables().items():
        assert shown[dg.AssetKey(["candidate", name])].description == table.description
