"""What enters with a restatement, and what stays as it was published."""

from datetime import date

import polars as pl
import pytest

from ingest.tables import CLOSED_TABLES
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


def means(values: dict) -> State:
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
        }
        for (unit, day), given in values.items()
    ]
    people = [
        ("means", "m", day, unit, None, f"person {who}", str(value), False)
        for (unit, day), given in values.items()
        for who, value in given.items()
    ]
    names = ("kind", "metric", "day", "unit_id", "population", "person", "content", "is_seat")
    schema = dict.fromkeys(names, pl.String) | {"day": pl.Date, "is_seat": pl.Boolean}
    return State(cells(cell_means=rows, cell_units=UNITS), pl.DataFrame(people, schema=schema, orient="row"))


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


def test_leavers_causes_of_a_year_stay_where_few_changed():
    def state(causes: dict) -> State:
        one = means({})
        month = {name: 0 for name in SCHEMAS["cell_turnovers"] if name.startswith("n_")}
        rows = [
            month
            | {"month": date(2026, 1, 1), "unit_id": "t1", "closes_on": date(2026, 3, 17)}
            | {"n_leavers": len(causes), "n_voluntary": sum(cause == "voluntary" for cause in causes.values())}
        ]
        people = [("leavers", "", Q1, "t1", None, who, cause, False) for who, cause in causes.items()]
        table = pl.DataFrame(rows, schema=one.cells["cell_turnovers"].schema)
        return State(
            one.cells | {"cell_turnovers": table}, pl.DataFrame(people, schema=one.people.schema, orient="row")
        )

    then = state({"a": "voluntary", "b": "voluntary", "c": "other", "d": "other"})
    read = then.cells | {"cell_turnovers": then.cells["cell_turnovers"].with_columns(batch=pl.lit(1))}
    assert restate(read, then, [then], minimum=K).kept.is_empty()  # nothing came
    one = state({"a": "other", "b": "voluntary", "c": "other", "d": "other"})
    found = restate(then.cells, one, [then], minimum=K)
    assert found.cells["cell_turnovers"]["n_voluntary"].to_list() == [2]
    assert found.kept.rows() == [("leavers", "", Q1, "pilot")]
    three = state({"a": "other", "b": "other", "c": "voluntary", "d": "other"})
    assert restate(then.cells, three, [then], minimum=K).cells["cell_turnovers"]["n_voluntary"].to_list() == [1]
