"""The how-to pages for a source, a published table, a check and a diagnostic, followed to the letter."""

import re
import textwrap

import polars as pl
import pytest
import yaml

from expectations import gate
from expectations.suites import declared, promise
from expectations.suites.promise import Threshold, be_between
from expectations.tables.gather import gather
from inference import diagnostics
from inference.estimates import Asked, estimate_study
from ingest.mapping.registry import load_mapping
from publish import catalogue
from tests.unit.inference.test_beside import ENGAGEMENT, organisation
from tests.unit.ingest.box import Box


@pytest.fixture
def page(request):
    def blocks(name: str, language: str) -> list[str]:
        text = (request.config.rootpath / "docs" / "how-to" / name).read_text(encoding="utf-8")
        found = re.findall(rf"^ *```{language}\n(.*?)^ *```", text, flags=re.S | re.M)
        return [textwrap.dedent(body) for body in found]

    return blocks


def test_a_source_is_a_mapping(page, tmp_path):
    (tmp_path / "sources").mkdir()
    path = tmp_path / "sources" / "payroll.yml"
    path.write_text(page("add-a-source.md", "yaml")[0], encoding="utf-8")
    box = Box(tmp_path, [load_mapping(path)])
    box.drop("hris", "payroll_2026-01.csv", page("add-a-source.md", "text")[0])
    [result] = box.load()
    assert (result.n_loaded, result.n_faulty) == (2, 0), result.reason
    rows = box.ask(
        "select snapshot_date::varchar, hired_date::varchar, round(fte, 3) as fte from raw.raw_hris__workers"
    )
    assert sorted(rows.rows()) == [("2026-01-31", "2015-04-01", 1.0), ("2026-01-31", "2020-02-13", 1.0)]


def test_a_published_table_is_an_entry(page, tmp_path, monkeypatch, connection):
    entry = page("add-a-published-table.md", "yaml")[0]
    path = tmp_path / "tables.yml"
    path.write_text(f"{catalogue.PUBLISHED_TABLES.read_text(encoding='utf-8')}\n{entry}", encoding="utf-8")
    monkeypatch.setattr(catalogue, "PUBLISHED_TABLES", path)
    catalogue.published_tables.cache_clear()
    try:
        settings = {"minimum": 10, "alpha": 0.05}
        tables = catalogue.candidate_tables(connection, **settings)
        found = tables["pub_headcounts"]
        assert found.columns == ["month", "cohort", "n_people"] and found["n_people"].min() > 0
        described = catalogue.dictionary(tables).to_dicts()
        assert "People employed at the month's end." in {row["description"] for row in described}
        withdrawn = catalogue.candidate_tables(connection, minimum=10, alpha=0.05, withdrawn=["membership"])
        assert withdrawn["pub_headcounts"]["n_people"].null_count() == found.height
    finally:
        catalogue.published_tables.cache_clear()


def test_a_check_is_a_number_and_a_promise(page, monkeypatch, connection):
    [(name, entry)] = yaml.safe_load(page("add-a-check.md", "yaml")[0]).items()
    code = compile(page("add-a-check.md", "python")[0].strip(), "how-to", "eval")
    known = promise.thresholds() | {name: Threshold(name=name, **entry)}
    suite = declared.SUITES["cells"]

    def with_the_new_one(limit):
        found = suite(limit)
        return found | {"cell_units": [*found["cell_units"], eval(code, {"be_between": be_between, "limit": limit})]}

    monkeypatch.setitem(declared.SUITES, "cells", with_the_new_one)
    monkeypatch.setattr(declared, "thresholds", lambda: known)
    ids = [row[0] for row in connection.execute("select load_id from raw.load_log").fetchall()]
    day = connection.execute("select max(snapshot_date) from staging.stg_hris__workers").fetchone()[0]
    tables = gather(connection, load_ids=ids, unit="team", day=day, alpha=0.05, vanished_group_size=5)

    def outcome(units: dict) -> tuple[set[str], set[str]]:
        found = gate.judge(
            tables | {"cell_units": tables["cell_units"].assign(**units)}, content_hash="h", layers=("cells",)
        )
        return {one.check for one in found.failures}, {one.check for one in found.warnings}

    assert outcome({}) == (set(), set()), "healthy data passes"
    assert outcome({"n_units": 1}) == ({"few_units_in_arm"}, set())
    assert outcome({"n_units": 5}) == (set(), {"few_units_in_arm"})


def test_a_diagnostic_is_a_function(page, monkeypatch):
    code = page("add-a-diagnostic.md", "python")[0]
    scope = vars(diagnostics) | {}
    exec(compile(f"from __future__ import annotations\n{code}", "how-to", "exec"), scope)
    monkeypatch.setattr(diagnostics, "MEAN_DIAGNOSTICS", (*diagnostics.MEAN_DIAGNOSTICS, scope["largest_unit"]))
    before = estimate_study(Asked(questions=[ENGAGEMENT]), organisation()).diagnostics
    row = before.filter(pl.col("diagnostic") == "largest_unit").row(0, named=True)
    assert row["status"] == "estimated" and 0 < row["value"] <= 1 and row["n_pilot"] > 0
    monkeypatch.undo()
    plain = estimate_study(Asked(questions=[ENGAGEMENT]), organisation()).diagnostics
    assert before.filter(pl.col("diagnostic") != "largest_unit").equals(plain), "the others stay as they were"
