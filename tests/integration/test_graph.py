"""The graph as people see it: every asset in its layer, every check on an asset that is there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

SNAPSHOT = Path(__file__).with_name("asset_graph.json")
LAYERS = {
    "landing", "raw", "staging", "intermediate", "panels", "cells", "comparisons", "estimates", "candidate", "gate",
    "release", "restricted", "closed",
}  # fmt: skip


@pytest.fixture(scope="module")
def graph():
    from orchestration.definitions import defs
    from orchestration.workspace import Workspace
    from tests.models import lay_manifest

    lay_manifest(Workspace.from_environment())
    return defs().resolve_asset_graph()


def test_the_graph_is_the_one_that_was_agreed(graph):
    """A change of the graph is read before it is accepted: COACHING_ACCEPT=graph pytest writes the new one."""
    found = {
        key.to_user_string(): {
            "layer": graph.get(key).group_name,
            "after": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
        }
        for key in sorted(graph.get_all_asset_keys(), key=lambda key: key.path)
    }
    if os.environ.get("COACHING_ACCEPT") == "graph":
        SNAPSHOT.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(SNAPSHOT.read_text())


def test_every_asset_stands_in_a_layer_named_after_its_schema(graph):
    for key in graph.get_all_asset_keys():
        layer = graph.get(key).group_name
        assert layer in LAYERS
        assert key.path[0] == ("raw" if layer == "landing" else layer), key


def test_every_check_targets_a_materialisable_asset(graph):
    """A check on a mistyped key would validate, fail, and block nothing."""
    checks = graph.asset_check_keys
    assert len(checks) > 40
    assert {check.asset_key for check in checks} <= set(graph.materializable_asset_keys)


def test_what_is_restricted_leads_to_its_own_release_and_nowhere_else(graph):
    """Of tables about single coaches no other table, and no general release, is made."""
    restricted = {key for key in graph.get_all_asset_keys() if key.path[0] == "restricted"}
    assert restricted
    for key in restricted:
        assert {child.path[0] for child in graph.get(key).child_keys} <= {"restricted"}, key


def test_the_gate_blocks_and_the_release_stands_behind_it(graph):
    gate = dg.AssetKey(["gate", "verdicts"])
    release = graph.get(dg.AssetKey(["release", "current"]))
    assert gate in release.parent_keys
    spec = graph.get_check_spec(dg.AssetCheckKey(gate, "gate_passes"))
    assert spec.blocking


def test_the_conservation_tests_are_checks_of_their_assets(graph):
    names = {check.name for check in graph.asset_check_keys}
    from orchestration.workspace import PROJECT_ROOT

    singular = {path.stem for path in (PROJECT_ROOT / "dbt_project" / "tests").glob("*.sql")}
    assert len(singular) >= 6
    assert singular <= names


def test_the_job_runs_in_one_process_and_nothing_runs_by_itself():
    from orchestration.definitions import defs

    found = defs()
    assert found.resolve_job_def("pipeline").executor_def.name == "in_process"
    assert found.resolve_schedule_def("nightly").default_status == dg.DefaultScheduleStatus.STOPPED
    assert found.resolve_sensor_def("inbox").default_status == dg.DefaultSensorStatus.STOPPED


def test_one_switch_turns_schedule_and_sensor_on(monkeypatch, published):
    from orchestration import automation

    monkeypatch.setenv(automation.SWITCH, "on")
    schedule = automation.nightly_schedule(published)
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "Europe/Berlin")
    assert automation.inbox_sensor(published).default_status == dg.DefaultSensorStatus.RUNNING


def test_the_schedule_looks_from_the_day_that_has_begun_in_the_studys_zone(published):
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from orchestration.automation import nightly_schedule

    at = datetime(2026, 3, 1, 2, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    context = dg.build_schedule_context(scheduled_execution_time=at)
    request = nightly_schedule(published).evaluate_tick(context).run_requests[0]
    assert request.run_config["resources"]["run"]["config"]["as_of"] == "2026-03-01"


@pytest.mark.parametrize(
    ("ticks", "day"),
    [
        (["2026-03-29T03:00+02:00"], "2026-03-29"),  # there is no 02:00 on this day
        (["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"], "2026-10-25"),  # and two on this one
    ],
)
def test_on_days_on_which_clocks_change_there_is_one_run(published, ticks, day):
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from orchestration.automation import nightly_schedule

    zone = ZoneInfo("Europe/Berlin")
    asked = []
    for tick in ticks:
        at = datetime.fromisoformat(tick).astimezone(zone)
        [request] = (
            nightly_schedule(published)
            .evaluate_tick(dg.build_schedule_context(scheduled_execution_time=at))
            .run_requests
        )
        asked.append((request.run_key, request.run_config["resources"]["run"]["config"]["as_of"]))
    assert set(asked) == {(day, day)}  # a second request with the key of a run is passed over by Dagster


def test_the_sensor_asks_only_when_files_are_new(copy_of_published):
    from orchestration.automation import inbox_sensor

    sensor = inbox_sensor(copy_of_published)
    assert sensor(dg.build_sensor_context()).skip_message == "nothing new in the inbox"
    (copy_of_published.inbox / "roster" / "more.csv").write_text("Team ID,Wave,Arm\n")
    first, again = (sensor(dg.build_sensor_context()).run_key for _ in range(2))
    assert first == again


def test_the_sensor_reports_a_broken_study_once_and_again_when_it_comes_back(copy_of_published, tmp_path, monkeypatch):
    from orchestration.automation import inbox_sensor

    heard = tmp_path / "heard"
    monkeypatch.setenv("COACHING_NOTIFY", f"tee -a {heard}")
    sensor, whole = inbox_sensor(copy_of_published), copy_of_published.study.read_text()
    seen, cursor = [], None
    for text in ("programme: [", "programme: [", whole, "programme: ["):
        copy_of_published.study.write_text(text)
        context = dg.build_sensor_context(cursor=cursor)
        sensor(context)
        cursor = context.cursor
        seen.append(heard.read_text().count("broken_configuration"))
    assert seen == [1, 1, 1, 2]


def test_importing_the_graph_starts_nothing_and_writes_nothing(tmp_path):
    env = os.environ | {"COACHING_WORKSPACE": str(tmp_path / "workspace"), "PYTHONDONTWRITEBYTECODE": "1"}
    code = "import orchestration.definitions, sys; sys.exit('dbt.cli' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, check=True)
    assert list(tmp_path.iterdir()) == []
