"""Nothing is published without a verdict for exactly this content; the swap is atomic, a rollback is the same swap."""

import json
import os
from datetime import date

import duckdb
import polars as pl
import pytest

from publish import ledger
from publish.catalogue import published_tables
from publish.content import content_hash
from publish.files import harmless
from publish.release import (
    NotAllowed,
    Order,
    _write_duckdb,
    current_release,
    list_releases,
    make_current,
    release_id,
    write_release,
)


@pytest.fixture(scope="module")
def content(connection):
    from orchestration.assets.candidate import read_candidate

    return read_candidate(connection)


def order(**changes) -> Order:
    facts = {
        "contact": "",
        "title": "A <b>title</b>",
        "programme": "p",
        "design": "volunteered",
        "alpha": 0.05,
        "min_group_size": 10,
        "as_of": date(2025, 1, 1),
        "observed_through": date(2024, 12, 31),
        "study_hash": "s" * 64,
        "code_version": "0+test",
        "sources": [],
        "data_issues": [],
        "corrections": [],
        "late_records": [],
        "closing_rules": [{"source": "survey", "days": 14}, {"source": "hris", "days": 45}],
        "questions_hash": "q",
        "sources_hash": "m",
    }
    return Order(**facts | changes)


def written(content, releases, **changes):
    """A release that is served."""
    made = write_release(content, verdict=passing(content), order=order(**changes), releases=releases)
    make_current(releases, made.name)
    return made


def passing(content):
    return {
        "passed": True,
        "content_hash": content_hash(content),
        "n_evaluated": 3,
        "n_declared": 3,
        "waivers": [],
        "warnings": [],
    }


@pytest.mark.parametrize("verdict", [{}, {"passed": False}, {"passed": True, "content_hash": "another"}])
def test_without_a_passing_verdict_for_this_content_nothing_is_written(content, tmp_path, verdict):
    with pytest.raises(NotAllowed):
        write_release(content, verdict=verdict, order=order(), releases=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_number_changed_after_it_was_judged_is_not_published(content, tmp_path):
    verdict = passing(content)
    tampered = dict(content)
    tampered["pub_estimates"] = content["pub_estimates"].with_columns(pl.col("estimate") + 1e-9)
    with pytest.raises(NotAllowed, match="changed after it was judged"):
        write_release(tampered, verdict=verdict, order=order(), releases=tmp_path)


def test_a_release_is_whole_closed_and_the_same_every_time(content, tmp_path):
    made = [written(content, tmp_path / place) for place in ("a", "b")]
    assert made[0].name == made[1].name == release_id(order(), content_hash(content))
    for folder in ("parquet", "csv"):
        names = sorted(path.name for path in (made[0] / folder).iterdir())
        assert names == sorted(f"{name}.{folder}" for name in content)
        for name in names:
            assert (made[0] / folder / name).read_bytes() == (made[1] / folder / name).read_bytes()
    assert (made[0] / "index.html").read_bytes() == (made[1] / "index.html").read_bytes()
    assert (made[0] / "manifest.json").read_bytes() == (made[1] / "manifest.json").read_bytes()
    assert (made[0] / "metrics.duckdb").stat().st_mode & 0o777 == 0o440
    assert made[0].stat().st_mode & 0o777 == 0o750
    assert not list(made[0].rglob("*.wal"))


def test_the_database_holds_no_person_and_opens_read_only(content, tmp_path):
    made = written(content, tmp_path)
    with duckdb.connect(str(made / "metrics.duckdb"), read_only=True) as reader:
        tables = {name for (name,) in reader.execute("select table_name from duckdb_tables()").fetchall()}
        columns = {name for (name,) in reader.execute("select column_name from information_schema.columns").fetchall()}
        [(version,)] = reader.execute(
            "select tags['storage_version'] from duckdb_databases() where database_name = 'metrics'"
        ).fetchall()
    assert set(content) == tables
    assert not columns & {"person_id", "unit_id", "employee_id", "name_key", "email_key"}
    assert version == "v1.0.0+"


def test_the_database_has_the_same_bytes_whatever_was_in_memory(tmp_path):
    """DuckDB's compressed text ends in bytes of the process's memory, where personal words were."""
    words = [f"answer {i} of {i % 13}" for i in range(5_000)]
    declared = published_tables()["pub_money"]
    columns = [*(column.name for column in declared.columns), *declared.codes]
    tables = {"pub_money": pl.DataFrame(dict.fromkeys(columns, words))}
    written = []
    for canary in ("Canary One", "Canary Two"):
        with duckdb.connect() as memory:
            memory.sql(f"create table people as select '{canary} ' || range as name from range(200000)")
        _write_duckdb(tables, tmp_path / f"{canary}.duckdb")
        written.append((tmp_path / f"{canary}.duckdb").read_bytes())
    assert written[0] == written[1]
    assert b"Canary" not in written[0]


def test_the_published_estimates_have_the_promised_columns(content, tmp_path):
    made = written(content, tmp_path)
    promised = (
        "metric, estimator, aggregation, cohort, event_time, segment, estimate, std_error, ci_low, ci_high, p_value, "
        "p_value_adjusted, df, n_units_pilot, n_units_control, n_pilot, n_control, method, is_headline, status, "
        "reason, suppressed, counts_suppressed"
    )
    table = pl.read_parquet(made / "parquet" / "pub_estimates.parquet")
    assert table.columns == promised.split(", ")
    assert set(table["status"]) <= {"estimated", "not_estimable"}


def test_a_release_is_read_by_nobody_before_it_is_made_current_and_is_not_written_twice(content, tmp_path):
    made = write_release(content, verdict=passing(content), order=order(), releases=tmp_path)
    assert current_release(tmp_path) is None
    before = (made / "index.html").stat().st_mtime_ns
    assert write_release(content, verdict=passing(content), order=order(), releases=tmp_path) == made
    assert (made / "index.html").stat().st_mtime_ns == before


def test_rollback_is_the_same_swap_and_an_unknown_id_changes_nothing(content, tmp_path):
    first = written(content, tmp_path)
    second = written(content, tmp_path, as_of=date(2025, 1, 2))
    assert current_release(tmp_path) == second
    make_current(tmp_path, first.name)
    assert current_release(tmp_path) == first
    with pytest.raises(KeyError):
        make_current(tmp_path, "../../etc")
    assert current_release(tmp_path) == first
    assert list_releases(tmp_path) == [first.name, second.name]


def test_releases_are_in_the_order_in_which_they_were_made_whatever_the_clock_says(content, tmp_path):
    days = [date(2025, 1, 9), date(2025, 1, 2), date(2025, 1, 5)]
    made = [written(content, tmp_path, as_of=day) for day in days]
    for age, folder in enumerate(made):  # the clock was set back, or a backup restored
        os.utime(folder, (1_000_000 - age, 1_000_000 - age))
    assert list_releases(tmp_path) == [folder.name for folder in made]


def test_half_a_release_left_by_a_crash_is_replaced(content, tmp_path):
    (tmp_path / release_id(order(), content_hash(content)) / "csv").mkdir(parents=True)
    assert list_releases(tmp_path) == []
    made = written(content, tmp_path)
    assert json.loads((made / "manifest.json").read_text())["id"] == made.name


def test_the_title_is_text_and_never_markup(content, tmp_path):
    made = written(content, tmp_path)
    page = (made / "index.html").read_text()
    assert "<b>title" not in page and "&lt;b&gt;title" in page


def test_text_that_a_spreadsheet_would_run_is_made_harmless():
    table = pl.DataFrame({"cohort": ['=HYPERLINK("x")', "-2", "plain", None], "n": [1, -2, 3, 4]})
    assert harmless(table)["cohort"].to_list() == ['\'=HYPERLINK("x")', "'-2", "plain", None]
    assert harmless(table)["n"].to_list() == [1, -2, 3, 4]


def test_the_ledger_only_grows_and_survives_a_torn_line(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ledger.append(path, "published", release="r1")
    with path.open("a") as file:
        file.write('{"event": "torn')
    assert [event["event"] for event in ledger.read(path)] == ["published"]
    assert path.stat().st_mode & 0o777 == 0o600
