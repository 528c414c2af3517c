"""Trying to get past the gate without being judged; what it judges is tried in test_planted_faults."""

import json
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from expectations import gate
from expectations.suites.declared import CONTENT_LAYERS, SUITES, declared
from expectations.suites.promise import thresholds
from expectations.verdict import Verdict


@pytest.fixture(scope="module")
def good(published):
    from expectations.drift import against_last_release
    from expectations.tables.gather import gather
    from ingest.warehouse import warehouse

    with warehouse(published.warehouse) as connection:
        ids = [row[0] for row in connection.execute("select load_id from raw.load_log").fetchall()]
        tables = gather(connection, load_ids=ids, unit="team", day=date(2025, 1, 1), alpha=0.05, vanished_group_size=5)
    return tables | against_last_release({}, tables["estimates"], pd.DataFrame())


def test_everything_declared_is_evaluated_and_the_verdict_names_the_content(good, tmp_path):
    found = gate.judge(good, content_hash="h", docs=tmp_path / "docs")
    assert found.passed, found.sentences()
    asked = [promises for layer, promises in declared().values() if layer in CONTENT_LAYERS]
    assert found.n_evaluated == found.n_declared == sum(map(len, asked)) > 90
    assert found.content_hash == "h"
    index = (tmp_path / "docs" / "index.html").read_text()
    assert index.count("<li>") == len(asked)
    pages = [*tmp_path.rglob("*.html"), *tmp_path.rglob("*.css")]
    assert len(pages) > 2 * len(asked)
    assert not [page for page in pages if "http" in page.read_text()]
    assert all((tmp_path / "docs" / link).exists() for link in index.split('href="')[1::2] if link.endswith(".html"))


def test_a_broken_promise_has_one_page_which_names_rows(good, tmp_path):
    broken = good["loads"].assign(n_lost=[3, *[0] * (len(good["loads"]) - 1)])
    found = gate.judge({**good, "loads": broken}, content_hash="h", docs=tmp_path / "docs")
    [failure] = found.failures
    assert failure.observed.startswith("1 of ") and "n_lost=3" in failure.examples[0]
    [_] = (tmp_path / "docs" / "validations" / "loads").rglob("*.html")


def test_an_empty_suite_is_no_pass(good, monkeypatch):
    monkeypatch.setattr(gate, "declared", dict)
    found = gate.judge(good, content_hash="h")
    assert (found.n_declared, found.passed) == (0, False)
    assert "only 0 of 0 expectations could be evaluated" in found.sentences()


@pytest.mark.parametrize("layers", [(), ("no such layer",)])
def test_a_layer_that_nobody_knows_is_no_pass(good, layers):
    assert not gate.judge(good, content_hash="h", layers=layers).passed


@pytest.mark.parametrize(
    "name",
    [
        "loads",
        "headcounts",
        "units",
        "panel_profiles",
        "cell_units",
        "populations",
        "questions",
        "estimates",
    ],
)
def test_a_table_of_zero_rows_is_no_pass(good, name):
    assert not gate.judge({**good, name: good[name].iloc[0:0]}, content_hash="h").passed


def test_a_table_of_nulls_is_no_pass(good):
    nulls = good["estimated"].assign(estimate=None, std_error=None, ci_low=None, ci_high=None, p_value=None)
    assert not gate.judge({**good, "estimated": nulls}, content_hash="h").passed


def test_a_table_that_is_missing_or_lacks_a_column_is_no_pass(good):
    without = {name: table for name, table in good.items() if name != "balance"}
    assert "balance: the table was not given to the gate" in gate.judge(without, content_hash="h").errors
    found = gate.judge({**good, "loads": good["loads"].drop(columns="n_lost")}, content_hash="h")
    assert not found.passed
    assert any("could not evaluate" in sentence for sentence in found.sentences())


def test_a_verdict_passes_only_with_everything_evaluated():
    whole = Verdict(content_hash="h", n_declared=3, n_evaluated=3)
    assert whole.passed
    assert not replace(whole, n_evaluated=2).passed
    assert not replace(whole, n_declared=0, n_evaluated=0).passed
    assert not replace(whole, errors=("x",)).passed


def test_readers_of_a_release_learn_of_a_warning_and_not_what_was_seen(good):
    apart = good["balance"].assign(standardised_difference=0.5)
    found = gate.judge({**good, "balance": apart}, content_hash="h")
    assert found.warnings[0].examples
    assert found.for_readers()["warnings"] == ["balance: the arms overlap before the start"]
    assert "n_pilot" not in json.dumps(found.for_readers())


def test_every_threshold_has_a_reason_an_owner_and_is_used():
    known = thresholds()
    assert all(len(one.reason.split()) >= 8 and one.owner for one in known.values())
    assert all(one.has("block") or one.has("warn") for one in known.values())
    used = {promise.threshold for _, promises in declared().values() for promise in promises} - {""}
    assert used | {"vanished_group_size"} == set(known)


def test_a_warning_comes_before_a_block():
    for one in thresholds().values():
        if one.has("block") and one.has("warn"):
            rising = one.name not in {
                "filled_ratio",
                "unit_coverage",
                "matched_share",
                "found_share",
                "found_again_share",
            }
            assert (one.warn < one.block) is rising, one.name


def test_every_check_is_known_by_one_sentence_of_advice_and_every_layer_has_promises():
    asked = declared()
    assert {layer for layer, _ in asked.values()} == set(SUITES)
    assert all(
        promise.fix and promise.sentence and promise.check for _, promises in asked.values() for promise in promises
    )
