"""publish/tables.yml: an entry that contradicts itself is refused, and everything published follows from it."""

import copy
import re

import duckdb
import polars as pl
import pytest
import yaml

from publish import catalogue
from publish.catalogue import candidate_tables, check_floor, dictionary, published_tables
from publish.page.wording import WHY_SUPPRESSED
from publish.release import current_release

DECLARED = yaml.safe_load(catalogue.PUBLISHED_TABLES.read_text(encoding="utf-8"))
WRONG = {
    "a sensitive column that no block covers": (lambda e: e.pop("suppress"), "in no block"),
    "a figure that is not sensitive": (
        lambda e: e["columns"]["mean"].update({"is": "known", "fact": "leavers"}),
        "not sensitive",
    ),
    "a kind that nobody knows": (lambda e: e["columns"]["mean"].update({"is": "secret"}), "is secret"),
    "a figure in two blocks": (lambda e: e["suppress"].append(e["suppress"][0] | {"code": "again"}), "in two blocks"),
    "a grain that is no key": (lambda e: e["grain"].append("mean"), "no key"),
    "a key that nobody reads": (lambda e: e["columns"]["mean"].update({"ruond": {"digits": 2}}), "ruond: no such key"),
    "a key of the table that nobody reads": (lambda e: e.update({"supress": []}), "supress: no such key"),
    "a column without a description": (lambda e: e["columns"]["mean"].pop("description"), "description: missing"),
    "a known column of no fact": (lambda e: e["columns"]["n_eligible"].pop("fact"), "which known fact"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_an_entry_that_contradicts_itself_is_refused(kind):
    spoil, said = WRONG[kind]
    entry = copy.deepcopy(DECLARED["pub_levels"])
    spoil(entry)
    with pytest.raises(ValueError, match=said):
        catalogue._table("pub_levels", entry)


def test_there_are_at_most_fifteen_tables():
    assert len(published_tables()) <= 15


def test_every_reason_has_words_and_says_no_more_than_two_things():
    reasons = {
        need["reason"] for t in published_tables().values() for block in t.suppress for need in block["needs"].values()
    }
    assert reasons == set(WHY_SUPPRESSED) == {"few_units", "protected"}


def test_no_setting_goes_below_the_floor():
    with pytest.raises(ValueError, match="floor"):
        check_floor(4)
    assert check_floor(5) == 5


@pytest.fixture(scope="module")
def candidate(connection):
    return lambda **settings: candidate_tables(connection, **{"minimum": 10, "alpha": 0.05} | settings)


def test_columns_and_rows_are_as_declared_and_sensitive_ones_have_reasons(candidate):
    for name, table in candidate().items():
        declared = published_tables()[name]
        assert table.columns == [*(column.name for column in declared.columns), *declared.codes]
        assert table.select(declared.grain).is_duplicated().sum() == 0, name
        assert table.height > 0, name
        for code, figures in declared.codes.items():
            suppressed = table.filter(pl.col(code).is_not_null())
            assert suppressed.select(pl.all_horizontal(pl.col(figures).is_null())).to_series().all(), name


def test_no_published_number_is_minus_zero(candidate):
    for name, table in candidate().items():
        assert "-0.0" not in table.write_csv(float_precision=None).replace("\n", ",").split(","), name


def test_a_withdrawn_fact_is_left_empty_and_the_others_stay(candidate):
    kept, withdrawn = candidate(), candidate(withdrawn=["leavers"])
    for name, table in published_tables().items():
        for column in table.columns:
            if column.fact == "leavers":
                assert withdrawn[name][column.name].null_count() == withdrawn[name].height
            else:
                assert withdrawn[name][column.name].equals(kept[name][column.name])
    assert kept["pub_turnover"]["n_leavers"].null_count() == 0


def test_a_larger_minimum_shows_no_more(candidate):
    shares = [catalogue.share_shown(candidate(minimum=minimum)) for minimum in (5, 10, 40)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[-1]


def test_comments_and_dictionary_describe_every_published_column(published):
    release = current_release(published.releases)
    words = pl.read_csv(release / "dictionary.csv")
    with duckdb.connect(str(release / "metrics.duckdb"), read_only=True) as reader:
        columns = reader.sql(
            "select table_name, column_name, comment from duckdb_columns() where not internal"
        ).fetchall()
        tables = reader.sql("select table_name, comment from duckdb_tables()").fetchall()
    assert {name for name, _ in tables} == set(published_tables())
    assert all(comment for _, comment in tables)
    assert all(comment for *_, comment in columns)
    of_tables = {(table, column) for table, column, _ in columns if table in published_tables()}
    assert of_tables == set(words.select("table", "column").iter_rows())
    assert words["description"].null_count() == 0
    assert dictionary({n: pl.read_parquet(release / "parquet" / f"{n}.parquet") for n in published_tables()}).equals(
        words.with_columns(pl.col("unit").fill_null(""))
    )


def test_every_model_that_a_published_table_reads_is_named_as_its_exposure():
    """dbt's graph and Dagster's say what a release is made of."""
    from orchestration.assets.candidate import READ_BY_CANDIDATE
    from orchestration.workspace import PROJECT_ROOT

    queries = " ".join(table.query for table in published_tables().values()) + catalogue.OVERLAPS
    asked = set(re.findall(r"\b(?:cells|comparisons)\.(\w+)", queries))
    exposures = yaml.safe_load((PROJECT_ROOT / "dbt_project" / "models" / "exposures.yml").read_text())["exposures"]
    assert {name for one in exposures for name in re.findall(r"ref\('(\w+)'\)", " ".join(one["depends_on"]))} == asked
    assert {name.split(".")[1] for name in READ_BY_CANDIDATE} == asked
