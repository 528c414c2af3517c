"""What enters with a restatement, and what stays as it was published."""

from datetime import date

import polars as pl
import pytest

from ingest.closed_tables import CLOSED_TABLES
from publish import closed
from publish.restatement import State, restate

Q1, Q2 = date(2026, 1, 1), date(2026, 4, 1)
K = 3
SCHEMAS = {name: CLOSED_TABLES[name] for name in closed.NEWLY}


def cells(**rows) -> dict[str, pl.DataFrame]:
    """Closed tables: given rows (dicts), else empty; without the column that only reading adds."""
    found = {}
    for name, schema in SCHEMAS.items():
        columns = {column: kind for column, kind in schema.items() if column != "batch"}
        found[name] = pl.DataFrame(rows.get(name, []), schema=columns)
    return found


UNITS = [
    {"unit_id": unit, "cohort": cohort, "arm": arm, "stratum": "all", "kickoff_date": None, "is_coach_trained": False}
    for unit, cohort, arm in (("t1", "one", "pilot"), ("t2", "two", "pilot"), ("t9", "control", "control"))
]


NAMES = ("kind", "metric", "day", "unit_id", "population", "person", "measure", "amount", "is_seat")
PEOPLE = dict.fromkeys(NAMES, pl.String) | {"day": pl.Date, "amount": pl.Float64, "is_seat": pl.Boolean}


def label(units: list[dict], unit: str) -> dict:
    return next({name: one[name] for name in ("cohort", "arm")} for one in units if one["unit_id"] == unit)


def means(values: dict, units: list[dict] = UNITS) -> State:
    """A state of one metric: {(unit, period): {person: value}}."""
    rows = [
        {
            "metric": "m",
            "unit_id": unit,
            "period_start": day,
            "segment": "all",
            "n_eligible": 9,
            "n_observed": len(given),
            "n_first_observed": 0,
            "value_sum": float(sum(given.values())),
            "centred_sum_of_squares": 0.0,
            **label(units, unit),
        }
        for (unit, day), given in values.items()
    ]
    people = [
        ("means", "m", day, unit, None, f"person {who}", measure, amount, False)
        for (unit, day), given in values.items()
        for who, value in given.items()
        for measure, amount in (("n", 1.0), ("value", float(value)))
    ]
    periods = [
        {"metric": "m", "period": "quarter", "period_start": day, "closes_on": day}
        for day in sorted({day for _, day in values})
    ]
    return State(
        cells(cell_means=rows, cell_units=units, periods=periods), pl.DataFrame(people, schema=PEOPLE, orient="row")
    )


def sums(found) -> dict:
    rows = found.cells["cell_means"].select("unit_id", "period_start", "value_sum").iter_rows()
    return {(unit, day): total for unit, day, total in rows}


BEFORE = {
    ("t1", Q1): {"a": 1, "b": 1, "c": 1},
    ("t1", Q2): {"a": 1, "b": 1, "c": 1},
    ("t2", Q1): {"d": 1, "e": 1, "f": 1},
    ("t9", Q1): {"x": 1, "y": 1, "z": 1},
}


def test_few_changes_stay_many_enter_and_what_is_the_same_is_the_same():
    then = means(BEFORE)
    now = means(
        BEFORE
        | {
            ("t1", Q1): {"a": 5, "b": 5, "c": 1},  # two changed
            ("t2", Q1): {"d": 5, "e": 5, "f": 5},  # three did
        }
    )
    found = restate(then.cells, now, [then], minimum=K)
    assert sums(found) == {("t1", Q1): 3.0, ("t1", Q2): 3.0, ("t2", Q1): 15.0, ("t9", Q1): 3.0}
    assert found.kept.rows() == [("means", "m", Q1, "one")]


def test_who_answers_late_who_is_gone_and_who_moves_count_as_changed():
    then = means(BEFORE)
    late = means(BEFORE | {("t1", Q1): {"a": 1, "b": 1, "c": 1, "d2": 4}})
    assert sums(restate(then.cells, late, [then], minimum=K))[("t1", Q1)] == 3.0
    gone = means(BEFORE | {("t1", Q1): {"a": 1}})
    assert sums(restate(then.cells, gone, [then], minimum=K))[("t1", Q1)] == 3.0
    # One person from one cohort to another: one change in each.
    moved = means(BEFORE | {("t1", Q1): {"a": 1, "b": 1}, ("t2", Q1): {"c": 1, "d": 1, "e": 1, "f": 1}})
    kept = restate(then.cells, moved, [then], minimum=K).kept
    assert set(kept["population"]) == {"one", "two"}


def test_what_no_earlier_state_gives_exactly_stays():
    """Somebody was erased since: who contributed is not known any more, so nothing can be said about who changed."""
    published = means(BEFORE)
    then = means(BEFORE | {("t1", Q1): {"a": 1, "b": 1}})
    now = means(BEFORE | {("t1", Q1): {"a": 9, "b": 9}, ("t2", Q1): {"d": 9, "e": 9, "f": 9}})
    found = restate(published.cells, now, [then], minimum=K)
    assert (sums(found)[("t1", Q1)], sums(found)[("t2", Q1)]) == (3.0, 27.0)


def test_a_cell_is_looked_for_in_older_states_only_as_long_as_it_is_not_found():
    newest, oldest = means(BEFORE | {("t1", Q1): {"a": 7, "b": 1, "c": 1}}), means(BEFORE)
    asked = []

    def states():
        for name, state in (("newest", newest), ("oldest", oldest), ("never", oldest)):
            asked.append(name)
            yield state

    now = means(BEFORE | {("t1", Q1): {"a": 8, "b": 8, "c": 8}})
    found = restate(oldest.cells, now, states(), minimum=K)
    assert asked == ["newest", "oldest"]
    assert sums(found)[("t1", Q1)] == 24.0
    assert found.kept.is_empty()


def test_seats_of_an_anonymous_wave_stay_as_soon_as_one_changed():
    then, now = means(BEFORE), means(BEFORE | {("t1", Q1): {"a": 9, "b": 9, "c": 9}})
    seats = [State(one.cells, one.people.with_columns(is_seat=pl.lit(True))) for one in (then, now)]
    assert sums(restate(then.cells, seats[1], seats[:1], minimum=K))[("t1", Q1)] == 3.0
    assert sums(restate(then.cells, now, [then], minimum=K))[("t1", Q1)] == 27.0


@pytest.mark.parametrize(("n", "enters"), [(0, True), (1, False), (K - 1, False), (K, True)])
def test_the_rule_at_its_edges(n, enters):
    people = {f"p{i}": 1 for i in range(6)}
    then = means({("t1", Q1): people})
    now = means({("t1", Q1): people | {f"p{i}": 2 for i in range(n)}})
    assert restate(then.cells, now, [then], minimum=K).kept.is_empty() is enters


def test_pairs_of_periods_follow_the_means_that_they_are_of():
    def with_pairs(state: State, change: float) -> State:
        rows = [
            {
                "metric": "m",
                "unit_id": unit,
                "period_start": Q2,
                "base_period_start": Q1,
                "n_people": 3,
                "change_sum": change,
                "centred_sum_of_squares": 0.0,
            }
            for unit in ("t1", "t2")
        ]
        table = pl.DataFrame(rows, schema=state.cells["cell_differences"].schema)
        return State(state.cells | {"cell_differences": table}, state.people)

    then = with_pairs(means(BEFORE), 1.0)
    few = with_pairs(means(BEFORE | {("t1", Q1): {"a": 5, "b": 1, "c": 1}}), 2.0)
    assert set(restate(then.cells, few, [then], minimum=K).cells["cell_differences"]["change_sum"]) == {1.0}
    many = with_pairs(means(BEFORE | {("t1", Q1): {"a": 5, "b": 5, "c": 5}}), 2.0)
    assert set(restate(then.cells, many, [then], minimum=K).cells["cell_differences"]["change_sum"]) == {2.0}


def labelled(**cohorts: str) -> list[dict]:
    """UNITS in which some are of another cohort, or (None) not there."""
    found = [unit | {"cohort": cohorts.get(unit["unit_id"], unit["cohort"])} for unit in UNITS]
    return [unit for unit in found if unit["cohort"]]


def test_changes_that_no_figure_shows_do_not_count():
    """Nine who move between teams of a cohort do not hide the one who answered late."""
    both = labelled(t2="one")
    people = {f"p{i}": 1 for i in range(5)}
    then = means({("t1", Q1): people, ("t2", Q1): {"x": 1, "y": 1}}, both)
    moved = {("t1", Q1): {"p0": 1}, ("t2", Q1): {"x": 1, "y": 1, **{f"p{i}": 1 for i in range(1, 5)}}}
    assert restate(then.cells, means(moved, both), [then], minimum=K).kept.is_empty()
    moved["t2", Q1]["late"] = 5
    found = restate(then.cells, means(moved, both), [then], minimum=K)
    assert (sum(sums(found).values()), found.kept.rows()) == (7.0, [("means", "m", Q1, "one")])


def test_a_kept_cell_keeps_its_unit_when_that_is_assigned_no_more():
    then = means(BEFORE)
    now = means({key: given for key, given in BEFORE.items() if key[0] != "t2"}, labelled(t2=None))
    unknown = means(BEFORE | {("t2", Q1): {"d": 1, "e": 1}})
    found = restate(then.cells, now, [unknown], minimum=K)
    assert sums(found)["t2", Q1] == 3.0
    assert set(found.cells["cell_units"]["unit_id"]) == {"t1", "t2", "t9"}
    # With three people gone it goes, and so does its unit.
    found = restate(then.cells, now, [then], minimum=K)
    assert ("t2", Q1) not in sums(found)
    assert set(found.cells["cell_units"]["unit_id"]) == {"t1", "t9"}


@pytest.mark.parametrize("n", [2, 3])
def test_a_unit_in_another_cohort_counts_as_its_people_and_stands_in_one_of_the_two(n):
    """Of two people it stays where it was; of three it moves."""
    values = BEFORE | {("t2", Q1): {f"d{i}": 1 for i in range(n)}}
    then, now = means(values), means(values, labelled(t2="control"))
    found = restate(then.cells, now, [then], minimum=K)
    assert found.cells["cell_means"].select("unit_id", "period_start").is_unique().all()
    assert sums(found) == sums(restate(then.cells, then, [then], minimum=K))
    assert set(found.kept["population"]) == ({"two", "control"} if n < K else set())


def test_cohorts_between_which_a_unit_moves_are_kept_together():
    """Three more answers would let the other cohort in, and the unit's people would count in both."""
    values = BEFORE | {("t2", Q1): {"d": 1, "e": 1}}
    then = means(values)
    now = means(values | {("t9", Q1): dict.fromkeys("xyz", 9)}, labelled(t2="control"))
    found = restate(then.cells, now, [then], minimum=K)
    assert found.cells["cell_means"].select("unit_id", "period_start").is_unique().all()
    assert sums(found)["t9", Q1] == 3.0


def test_a_cohort_of_few_that_was_not_there_does_not_enter_a_closed_period():
    then = means({key: given for key, given in BEFORE.items() if key[0] != "t2"}, labelled(t2=None))
    few, many = means(BEFORE | {("t2", Q1): {"d": 1, "e": 1}}), means(BEFORE)
    assert ("t2", Q1) not in sums(restate(then.cells, few, [then], minimum=K))
    assert sums(restate(then.cells, many, [then], minimum=K))["t2", Q1] == 3.0


def test_what_a_study_measures_no_more_stays_as_published():
    then, now = means(BEFORE), means({})
    assert sums(restate(then.cells, now, [then], minimum=K)) == sums(restate(then.cells, then, [then], minimum=K))


MONTHS = [date(2026, month, 1) for month in range(1, 5)]


def leavers(causes: dict) -> State:
    """A state of leavers of one unit: {month: {person: cause}}."""
    one = means({})
    zero = {name: 0 for name in SCHEMAS["cell_turnovers"] if name.startswith("n_")}
    rows = [
        zero
        | {"month": month, "unit_id": "t1", "closes_on": date(2026, 9, 1), "n_leavers": len(given)}
        | {"n_voluntary": sum(cause == "voluntary" for cause in given.values()), **label(UNITS, "t1")}
        for month, given in causes.items()
    ]
    people = [
        ("leavers", "", month, "t1", None, who, cause, 1.0, False)
        for month, given in causes.items()
        for who, cause in given.items()
    ]
    table = pl.DataFrame(rows, schema=one.cells["cell_turnovers"].schema)
    return State(one.cells | {"cell_turnovers": table}, pl.DataFrame(people, schema=PEOPLE, orient="row"))


def voluntary(found) -> list[int]:
    return found.cells["cell_turnovers"].sort("month")["n_voluntary"].to_list()


def test_leavers_causes_of_a_year_stay_where_few_changed():
    causes = {"a": "voluntary", "b": "voluntary", "c": "other", "d": "other"}
    then = leavers({Q1: causes})
    read = then.cells | {"cell_turnovers": then.cells["cell_turnovers"].with_columns(batch=pl.lit(1))}
    assert restate(read, then, [then], minimum=K).kept.is_empty()  # nothing came
    found = restate(then.cells, leavers({Q1: causes | {"a": "other"}}), [then], minimum=K)
    assert voluntary(found) == [2]
    assert found.kept.rows() == [("leavers", "", Q1, "pilot")]
    three = leavers({Q1: causes | {"a": "other", "b": "other", "c": "voluntary"}})
    assert voluntary(restate(then.cells, three, [then], minimum=K)) == [1]


def test_exits_that_move_within_a_year_do_not_hide_a_cause_that_changed():
    then = leavers({MONTHS[0]: dict.fromkeys("abcdefg", "voluntary"), MONTHS[1]: {}})
    moved = {MONTHS[0]: {"a": "voluntary"}, MONTHS[1]: dict.fromkeys("bcdefg", "voluntary")}
    assert voluntary(restate(then.cells, leavers(moved), [then], minimum=K)) == [1, 6]
    moved[MONTHS[1]]["g"] = "other"
    assert voluntary(restate(then.cells, leavers(moved), [then], minimum=K)) == [7, 0]


def test_a_month_that_closes_on_the_day_of_a_restatement_enters_beside_what_is_kept():
    """A year is kept of the months that were published; months come from the files of different days."""
    first = leavers({MONTHS[0]: {"a": "voluntary"}})
    second = leavers({MONTHS[0]: {"a": "other"}, MONTHS[1]: {"b": "other"}})
    closed = first.cells | {
        "cell_turnovers": pl.concat(
            [first.cells["cell_turnovers"], second.cells["cell_turnovers"].filter(pl.col("month") == MONTHS[1])]
        )
    }
    now = leavers({MONTHS[0]: {"a": "other"}, MONTHS[1]: {"b": "other"}, MONTHS[2]: {"c": "voluntary"}})
    found = restate(closed, now, [second, first], minimum=K)
    assert voluntary(found) == [1, 0, 1]
    assert set(found.kept["day"]) == set(MONTHS[:2])
