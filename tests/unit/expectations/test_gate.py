"""Trying to get bad numbers past the gate, one table at a time."""

import pandas as pd
import pytest

from expectations import gate
from expectations.suites import suites, thresholds
from expectations.tables import against_last_release


@pytest.fixture(scope="module")
def good(published):
    from expectations.tables import gather
    from ingest.load import warehouse

    with warehouse(published.warehouse) as connection:
        ids = [row[0] for row in connection.execute("select load_id from raw.load_log").fetchall()]
        tables = gather(connection, load_ids=ids, unit="team", vanished_group_size=5, accepted={})
    return tables | {"last_release": against_last_release(tables["estimates"], None)}


def verdict(good, **changed):
    return gate.judge({**good, **changed}, content_hash="h")


def spoiled(frame: pd.DataFrame, column: str, value, rows=(0,)) -> pd.DataFrame:
    frame = frame.copy()
    if value is None or isinstance(value, float):
        frame[column] = frame[column].astype(float)
    frame.loc[frame.index[list(rows)], column] = value
    return frame


def first_estimated(good) -> int:
    return int(good["estimates"].index[good["estimates"]["status"] == "estimated"][0])


def test_a_real_night_passes_with_everything_evaluated(good):
    found = verdict(good)
    assert found.passed, found.sentences()
    assert found.n_evaluated == found.n_declared == sum(map(len, suites(thresholds()).values()))
    assert found.content_hash == "h"


@pytest.mark.parametrize(
    ("table", "column", "value", "promise"),
    [
        ("loads", "status", "refused", "every file in the inbox could be loaded"),
        ("loads", "n_records", 0, "no export is empty"),
        ("loads", "faulty_share", 0.03, "few records of a file are faulty (share)"),
        ("loads", "n_faulty", 501, "few records of a file are faulty (number)"),
        ("loads", "n_lost", 1, "records in = loaded + quarantined"),
        ("profiles", "filled_ratio", 0.4, "a filled column does not run dry"),
        ("groups", "n_now", 0, "no department or site vanishes from a snapshot"),
        ("headcounts", "change", -0.21, "head-count does not jump between snapshots"),
        ("headcounts", "unit_coverage", 0.5, "people have an assignment unit"),
        ("matches", "matched_share", 0.5, "records name people whom the month's snapshot knows"),
        ("units", "found_share", 0.5, "the study's units exist in the organisation"),
        ("cell_means", "n_silent", -1, "nobody answers who was not eligible"),
        ("cell_means", "below_highest", -0.1, "no cell lies above its metric's range"),
        ("cell_life_tables", "n_staying", -1, "nobody leaves who was not at risk"),
        ("response_rates", "gap", 0.3, "both arms answer alike often"),
        ("balance", "standardised_difference", 2.5, "the arms overlap before the start"),
        ("questions", "n_rows", 0, "every question has an answer or a reason"),
    ],
)
def test_each_promise_can_be_broken(good, table, column, value, promise):
    found = verdict(good, **{table: spoiled(good[table], column, value)})
    assert not found.passed
    assert [failure.promise for failure in found.failures] == [promise]
    assert found.failures[0].examples or table == "loads"


@pytest.mark.parametrize(
    ("column", "value", "promise"),
    [
        ("ci_low", 1e9, "an estimate lies inside its interval"),
        ("ci_high", -1e9, "an estimate lies inside its interval"),
        ("estimate", None, "an estimate is a number"),
        ("std_error", 0.0, "an error is positive"),
        ("p_value", 1.5, "a p-value is a probability"),
        ("n_units_control", 0, "both arms have units"),
    ],
)
def test_an_impossible_estimate_is_refused(good, column, value, promise):
    estimates = spoiled(good["estimates"], column, value, rows=[first_estimated(good)])
    found = verdict(good, estimates=estimates)
    assert promise in [failure.promise for failure in found.failures]


@pytest.mark.parametrize("name", ["loads", "headcounts", "populations", "questions", "estimates"])
def test_an_empty_table_is_no_pass(good, name):
    assert not verdict(good, **{name: good[name].iloc[0:0]}).passed


def test_a_table_that_is_missing_or_lacks_a_column_is_no_pass(good):
    without = {name: table for name, table in good.items() if name != "balance"}
    assert "balance: the table was not given to the gate" in gate.judge(without, content_hash="h").errors
    found = verdict(good, loads=good["loads"].drop(columns="n_lost"))
    assert not found.passed
    assert any("could not evaluate" in sentence for sentence in found.sentences())


def test_the_last_releases_groups_must_be_there_and_must_not_jump(good):
    now = good["estimates"]
    gone = now[now["cohort"] != "pilot_wave"]
    found = verdict(good, last_release=against_last_release(gone, now))
    assert "every group of the last release is still there" in [failure.promise for failure in found.failures]
    jumped = now.assign(estimate=now["estimate"] + 5 * now["std_error"])
    found = verdict(good, last_release=against_last_release(jumped, now))
    assert [failure.promise for failure in found.failures] == ["no estimate jumps since the last release"]
    assert verdict(good, last_release=against_last_release(now, now)).passed


def test_every_threshold_has_a_reason_and_is_used():
    import yaml

    from expectations.suites import THRESHOLDS

    entries = yaml.safe_load(THRESHOLDS.read_text())
    assert all(len(entry["reason"].split()) >= 8 for entry in entries.values())
    with pytest.raises(KeyError):
        suites({})
