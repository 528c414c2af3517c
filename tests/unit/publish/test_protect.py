"""Figures as equations, what is remembered of releases, and which rows wait."""

import random
from datetime import date
from fractions import Fraction

import numpy as np
import polars as pl
import pytest

from inference import att
from ingest.tables import RELEASED_TABLES
from publish import disclosure, figures, memory, protect

MONTHS = [date(2026, month, 1) for month in range(1, 7)]
NO_BALANCE = pl.DataFrame(schema={"metric": pl.String, "n_pilot": pl.Int64})
STARTS = {"a": MONTHS[2], "b": MONTHS[4], "late": date(2027, 1, 1), "control": None}


def counts(seed: int, anticipation: int = 0) -> figures.Counts:
    rng = np.random.default_rng(seed)
    cells = [(cohort, month) for cohort in STARTS for month in MONTHS]
    return figures.Counts(
        n={cell: int(rng.integers(5, 40)) for cell in cells},
        total={cell: float(rng.normal(0, 100)) for cell in cells},
        arms={cohort: "control" if cohort == "control" else "pilot" for cohort in STARTS},
        people={cohort: int(rng.integers(10, 60)) for cohort in STARTS},
        starts=STARTS,
        anticipation=anticipation,
    )


def panel_of(told: figures.Counts) -> att.Panel:
    """The same numbers for inference: one unit per cohort."""
    cohorts = list(STARTS)
    table = [[[told.n[c, m], told.total[c, m]] for m in MONTHS] for c in cohorts]
    first = [sum(m < STARTS[c] for m in MONTHS) + 1 if STARTS[c] else att.NEVER for c in cohorts]
    n, total = np.moveaxis(np.array(table), 2, 0)
    return att.Panel(n, total, np.array(first), np.array([told.people[c] for c in cohorts], dtype=float))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("anticipation", [0, 1])
@pytest.mark.parametrize("control", ["not_yet_treated", "never_treated"])
def test_an_estimate_is_the_equation_that_it_is_said_to_be(seed, anticipation, control):
    told = counts(seed, anticipation)
    effects = att.group_time_effects(panel_of(told), control=control, anticipation=anticipation)
    pairs = figures.group_time_weights(told, never_only=control == "never_treated")
    names = {3: "a", 5: "b"}
    rows = [("simple", "all", None, att.simple(effects))]
    rows += [
        (name, "all", None, getattr(att, name)(effects))
        for name in ("dynamic", "dynamic_balanced", "group", "calendar")
    ]
    rows += [("cohort", names[g], None, part) for g, part in att.by_cohort(effects).items()]
    rows += [("event_time", "all", e, part) for e, part in att.by_event_time(effects).items()]
    for aggregation, cohort, event_time, part in rows:
        row = {"aggregation": aggregation, "cohort": cohort, "event_time": event_time}
        weights = figures.aggregate(pairs, row, names, len(MONTHS))
        assert told.value(weights) == pytest.approx(part.value, abs=1e-9), row
        assert sum(weight * told.n[cell] for cell, weight in weights.items()) == 0


def test_an_equation_that_does_not_give_the_published_number_stops_the_release():
    trends = pl.DataFrame({"metric": ["m"], "cohort": ["a"], "period_start": [MONTHS[0]], "mean": [3.0]})
    empty = {
        "pub_comparisons": pl.DataFrame(schema={"n_pilot": pl.Int64}),
        "pub_estimates": pl.DataFrame(schema={"status": pl.String, "estimator": pl.String}),
        "pub_balance": NO_BALANCE,
    }
    told = counts(1)
    with pytest.raises(figures.NotThisEquation, match="the table 3"):
        list(figures.figures_of_means({"pub_trends": trends} | empty, lambda *_: told))


def test_balance_is_the_mean_of_the_arms_in_its_period():
    told = counts(3)
    month = MONTHS[1]
    means = {}
    for arm in ("pilot", "control"):
        cells = [(cohort, month) for cohort, its in told.arms.items() if its == arm]
        means[f"mean_{arm}"] = sum(told.total[cell] for cell in cells) / sum(told.n[cell] for cell in cells)
    balance = pl.DataFrame([{"metric": "m", "baseline_period_start": month, "n_pilot": 9, "n_control": 9} | means])
    empty = {
        "pub_trends": pl.DataFrame(schema={"mean": pl.Float64}),
        "pub_comparisons": pl.DataFrame(schema={"n_pilot": pl.Int64}),
        "pub_estimates": pl.DataFrame(schema={"status": pl.String, "estimator": pl.String}),
    }
    [figure] = figures.figures_of_means(empty | {"pub_balance": balance}, lambda *_: told)
    assert (figure.key, len(figure.equations)) == (("m",), 2)
    spoilt = balance.with_columns(pl.col("mean_pilot") + 1)
    with pytest.raises(figures.NotThisEquation, match="pub_balance"):
        list(figures.figures_of_means(empty | {"pub_balance": spoilt}, lambda *_: told))


def test_what_was_hidden_when_the_audit_looked_stays_hidden():
    """Where more is refused fewer neighbours need hiding: they must not come back, nobody has audited them."""
    trends = pl.DataFrame(
        {"metric": "m", "cohort": ["a", "b"], "period_start": MONTHS[0], "mean": [None, 2.0]},
        schema_overrides={"mean": pl.Float64},
    )
    told = counts(1)
    cells = [(("b", MONTHS[0]), 2.0 * told.n["b", MONTHS[0]])]
    people = protect.People(
        observations=pl.DataFrame(
            [("m", "month", f"p{index}", "u", cohort, "pilot", period, value / told.n[cohort, period], 1, None)
             for (cohort, period), value in cells for index in range(told.n[cohort, period])],
            schema={
                **dict.fromkeys(("metric", "period", "subject_id", "unit_id", "cohort", "arm"), pl.String),
                **{"period_start": pl.Date, "value": pl.Float64, "released_in": pl.Int32, "replaced_in": pl.Int32},
            },
            orient="row",
        ),
        segments=pl.DataFrame(schema={"member_kind": pl.String, "member_id": pl.String, "segment": pl.String}),
        cohorts=pl.DataFrame(
            [("m", "all", "b", "pilot", MONTHS[4], 9)],
            schema=["metric", "segment", "cohort", "arm", "cohort_period_start", "n_people"],
            orient="row",
        ).with_columns(cut_period_start=pl.lit(None, pl.Date)),
        number=1,
        past=pl.DataFrame(schema=memory.TOLD_EQUATIONS),
    )  # fmt: skip
    tables = {
        "pub_trends": trends,
        "pub_comparisons": pl.DataFrame(
            schema={"metric": pl.String, "time_window": pl.String, "segment": pl.String, "n_pilot": pl.Int64}
        ),
        "pub_estimates": pl.DataFrame(
            schema=dict.fromkeys(protect.KEYS["pub_estimates"], pl.String) | {"status": pl.String}
        ),
        "pub_balance": NO_BALANCE,
    }
    outcomes = pl.DataFrame(
        {"metric": ["m"], "anticipation": [0], "period": ["month"], "lowest": [None], "highest": [None]}
    )
    found = protect.audited(tables, outcomes, people, 5)
    assert found.refused == {}
    assert found.withheld["pub_trends"] == {("m", "a", MONTHS[0])}


def test_constraints_are_kept_and_read_as_they_were():
    equation = figures.Equation(
        "m", "site: north", {("a", MONTHS[0]): Fraction(1, 7), ("b", MONTHS[1]): Fraction(-2, 3)}, 1.5
    )
    kept = protect.constraints_of(
        [figures.Figure("pub_trends", ("m", "a", MONTHS[0]), (equation,), (0,))], 4, {"m": "month"}
    )
    assert kept["release"].to_list() == [4]
    assert protect.equation_of(kept.row(0, named=True)) == equation


# --- memory ---------------------------------------------------------------------------------------------------------


def behind(values: dict[str, float | None], words: dict[str, str | None]) -> memory.Behind:
    people = list(values)
    told = pl.DataFrame(
        {
            "metric": "m", "period": "quarter", "subject_kind": "person", "subject_id": people, "unit_id": "t",
            "cohort": "a", "arm": "pilot", "kickoff_date": MONTHS[2], "period_start": MONTHS[0],
            "last_observed_date": date(2026, 1, 31), "value": list(values.values()),
        },
        schema_overrides={"value": pl.Float64},
    )  # fmt: skip
    counted = pl.DataFrame(
        {"member_kind": "person", "member_id": list(words), "dimension": "site", "word": list(words.values())},
        schema_overrides={"word": pl.String},
    )
    return memory.Behind(told, counted, pl.DataFrame(), pl.DataFrame())


def test_memory_knows_from_which_to_which_release_a_person_was_told(tmp_path):
    nothing = memory.Memory.of(tmp_path, RELEASED_TABLES, [])
    first = nothing.after(behind({"ann": 1.0, "bob": None}, {"ann": "north", "bob": None}), MONTHS[1])
    first.keep(tmp_path, "one")
    known = memory.Memory.of(tmp_path, RELEASED_TABLES, ["one"])
    assert known.releases == ("one",)
    second = known.after(
        behind({"ann": 2.0, "bob": None, "cyd": 3.0}, {"ann": "south", "bob": "east", "cyd": "west"}), MONTHS[2]
    )
    rows = (
        second.observations.sort("subject_id", "released_in")
        .select("subject_id", "value", "released_in", "replaced_in")
        .rows()
    )
    assert rows == [("ann", 1.0, 1, 2), ("ann", 2.0, 2, None), ("bob", None, 1, None), ("cyd", 3.0, 2, None)]
    # Who was counted stays where he was counted, in no segment too.
    assert dict(second.segments.select("member_id", "word").iter_rows()) == {"ann": "north", "bob": None, "cyd": "west"}
    # A run that broke off after it kept this and comes again ends the same.
    second.keep(tmp_path, "two")
    again = memory.Memory.of(tmp_path, RELEASED_TABLES, ["one", "two"])
    assert again.releases == ("one", "two")
    assert again.observations.equals(second.observations)


def test_without_its_memory_a_release_is_not_made(tmp_path):
    with pytest.raises(memory.MemoryLost, match="does not know what release one told"):
        memory.Memory.of(tmp_path, RELEASED_TABLES, ["one"])
    told = memory.Memory.of(tmp_path, RELEASED_TABLES, []).after(behind({"ann": 1.0}, {"ann": None}), MONTHS[1])
    told.keep(tmp_path, "one")
    assert memory.Memory.of(tmp_path, RELEASED_TABLES, []).releases == ("one",)  # its folder may go, what it told stays
    with pytest.raises(memory.MemoryLost, match="does not know what release two told"):
        memory.Memory.of(tmp_path, RELEASED_TABLES, ["one", "two"])


def known_to(rows: list[tuple], number: int, past: pl.DataFrame | None = None) -> protect.People:
    """People of a metric in one cohort cell each: (person, unit, cohort, value, released_in, replaced_in)."""
    schema = ["subject_id", "unit_id", "cohort", "value", "released_in", "replaced_in"]
    types = {"value": pl.Float64, "released_in": pl.Int32, "replaced_in": pl.Int32}
    frame = pl.DataFrame(rows, schema=schema, schema_overrides=types, orient="row")
    return protect.People(
        observations=frame.with_columns(
            metric=pl.lit("m"), period=pl.lit("month"), arm=pl.lit("pilot"), period_start=pl.lit(MONTHS[0])
        ),
        segments=pl.DataFrame(schema={"member_kind": pl.String, "member_id": pl.String, "segment": pl.String}),
        cohorts=pl.DataFrame(
            [("m", "all", cohort, "pilot", MONTHS[2], 30) for cohort in ("a", "b")],
            schema=["metric", "segment", "cohort", "arm", "cohort_period_start", "n_people"],
            orient="row",
        ).with_columns(cut_period_start=pl.lit(None, pl.Date)),
        number=number,
        past=protect.constraints_of([], 0, {}) if past is None else past,
    )


def release_of(people: protect.People, lowest: float | None = None) -> protect.Audited:
    """Publish the means of all cohorts."""
    there = people.observations.filter(pl.col("replaced_in").is_null())
    means = there.group_by("metric", "cohort", "period_start").agg(pl.col("value").mean().alias("mean")).sort("cohort")
    comparisons = dict.fromkeys(("metric", "time_window", "segment"), pl.String) | {"n_pilot": pl.Int64}
    estimates = dict.fromkeys(protect.KEYS["pub_estimates"], pl.String) | {"status": pl.String}
    tables = {
        "pub_trends": means,
        "pub_comparisons": pl.DataFrame(schema=comparisons),
        "pub_estimates": pl.DataFrame(schema=estimates),
        "pub_balance": NO_BALANCE,
    }
    outcomes = pl.DataFrame(
        {"metric": ["m"], "anticipation": [0], "period": ["month"], "lowest": [lowest], "highest": [None]}
    )
    return protect.audited(tables, outcomes, people, 10)


def test_an_answer_told_again_in_another_unit_or_cohort_is_the_same_answer():
    """Else twenty renamed units hide one late answer, whose value is the difference of two means."""
    first = [(f"p{i}", "old", "a", 50.0 + i, 1, None) for i in range(20)]
    before = release_of(known_to(first, 1))
    assert before.refused == {}
    renamed = [(person, unit, cohort, value, 1, 2) for person, unit, cohort, value, _, _ in first]
    renamed += [(person, "new", cohort, value, 2, None) for person, _, cohort, value, _, _ in first]
    late = [("late", "new", "a", 43.75, 2, None)]
    assert release_of(known_to(renamed, 2, before.constraints)).refused == {}
    assert release_of(known_to(renamed + late, 2, before.constraints)).refused["pub_trends"]
    moved = [(p, "old", "a", v, 1, 2 if i < 10 else None) for i, (p, _, _, v, _, _) in enumerate(first)]
    moved += [(p, "old", "b", v, 2, None) for p, _, _, v, _, _ in first[:10]]
    assert ("m", "a", MONTHS[0]) not in release_of(known_to(moved, 2, before.constraints)).refused.get("pub_trends", ())
    told = release_of(known_to([*moved, ("late", "old", "a", 43.75, 2, None)], 2, before.constraints))
    assert len(told.refused["pub_trends"]) == 1  # the three means together would tell the late one


@pytest.mark.parametrize(
    ("values", "lowest", "is_shown"),
    [
        ([5_000.0, 800.0, *[20.0] * 28], None, True),  # the others bring 560, more than a tenth of the largest
        ([60.0, *[1.0] * 29], 1.0, False),  # everybody has at least one: one person brings all beyond it
        ([9.0, 8.0, *[1.5] * 28], 1.0, True),
        ([1.0, 1.0, 1.0, *[0.0] * 57], 0.0, True),
        ([0.004, 0.004, 0.004, *[0.0] * 56, 1.0], 0.0, False),  # all of them lie within 5 % of the lowest but one
        ([6_000.0, 800.0, *[20.0] * 28], None, False),  # 560 of 6,000: the second knows the first to within 9.3 %
        ([0.0] * 30, 0.0, False),  # the mean tells that everybody's is the lowest
        ([0.0] * 30, None, True),  # they may be of both signs
    ],
)
def test_no_mean_of_values_without_an_end_tells_its_largest_or_all_of_them(values, lowest, is_shown):
    rows = [(f"p{i}", "u", "a", value, 1, None) for i, value in enumerate(values)]
    found = release_of(known_to(rows, 1), lowest)
    assert found.refused == ({} if is_shown else {"pub_trends": {("m", "a", MONTHS[0])}})
    assert found.n_narrow == (not is_shown)


def test_a_person_who_went_from_far_below_to_far_above_is_no_small_part_of_a_change():
    atoms = pl.DataFrame(
        {
            "n": [1, 1], "people": [["ann"], ["ann"]], "values": [[-3_000.0], [3_000.0]], "period_start": MONTHS[:2],
            "places": [[], []],
        },
        schema_overrides={"places": pl.List(pl.Struct({}))},
    )  # fmt: skip
    assert protect._Columns(atoms).contributions(np.array([-0.1, 0.1]), 0.0).tolist() == [600.0]


def test_what_was_told_by_quarter_is_no_equation_on_months():
    rows = [(f"p{i}", "u", "a", 50.0 + i, 1, None) for i in range(20)]
    quarterly = release_of(known_to(rows, 1)).constraints.with_columns(period=pl.lit("quarter"))
    late = [*rows, ("late", "u", "a", 43.75, 3, None)]
    monthly = release_of(known_to(rows, 2, quarterly))
    assert monthly.constraints.height == 1  # not known from the quarter
    assert release_of(known_to(late, 3, pl.concat([quarterly, monthly.constraints]))).refused["pub_trends"]


def test_what_was_told_before_is_not_kept_once_more():
    rows = [(f"p{i}", "u", "ab"[i % 2], 50.0 + i, 1, None) for i in range(60)]
    first = release_of(known_to(rows, 1))
    assert first.constraints.height == 2
    again = release_of(known_to(rows, 2, first.constraints))
    assert (again.n_figures, again.constraints.height) == (2, 0)
    corrected = [(*row[:4], 1, 3) if row[2] == "a" else row for row in rows]
    corrected += [(*row[:3], row[3] + 1, 3, None) for row in rows if row[2] == "a"]
    third = release_of(known_to(corrected, 3, pl.concat([first.constraints, again.constraints])))
    assert third.refused == {}
    assert third.constraints.select("release", "key").rows() == [(3, '["m", "a", "2026-01-01"]')]


def test_the_order_of_rows_changes_no_byte_of_what_is_kept():
    """A warehouse gives rows in any order, and floats sum to other last digits in another."""
    draw = random.Random(1)
    rows = [(f"p{i}", "u", "ab"[i % 2], draw.uniform(0, 100), 1, None) for i in range(400)]
    rows += [(*row[:2], "b", *row[3:]) for row in rows[::4]]
    kept = release_of(known_to(rows, 1)).constraints
    assert kept.height == 2
    told = counts(1)
    cells = list(told.n)
    values = set()
    for seed in range(20):
        shuffled = random.Random(seed).sample(rows, len(rows))
        assert release_of(known_to(shuffled, 1)).constraints.equals(kept)
        values.add(told.value(told.mean(random.Random(seed).sample(cells, len(cells)))))
    assert len(values) == 1


def test_twelve_answers_of_one_person_are_about_one_person():
    from publish.audit import Known

    sizes = np.array([300, 12])
    people = [np.repeat(np.arange(30), 10), np.full(12, 30)]
    assert not Known(sizes, 10, people).allows(np.array([0, 1]))
    known = Known(sizes, 10, people)
    assert known.allows(np.array([1, 1]))
    assert not known.allows(np.array([1, 0]))


# --- rows that wait -------------------------------------------------------------------------------------------------


def test_a_row_is_told_anew_only_where_enough_people_make_the_difference():
    columns = ["programme", "cohort", "n_people", "n_hires", "share"]
    before = dict.fromkeys(("same", "few", "many", "number", "one_of_two"), (50, 12, 0.5)) | {"hidden": (None,) * 3}
    after = {
        "same": (50, 12, 0.5), "few": (51, 12, 0.6), "many": (65, 12, 0.6), "number": (50, 12, 0.7),
        "one_of_two": (70, 13, 0.6), "hidden": (11, 12, 0.4), "new": (20, 10, 0.1),
    }  # fmt: skip
    last, now = (
        pl.DataFrame([("p", name, *values) for name, values in rows.items()], schema=columns, orient="row")
        for rows in (before, after)
    )
    told = protect.settled(now, last, ("cohort",), 10)
    assert told["cohort"].to_list() == now["cohort"].to_list()
    kept = {cohort for cohort, share in told.select("cohort", "share").iter_rows() if share == 0.5}
    assert kept == {"same", "few", "number", "one_of_two"}
    assert told.filter(pl.col("cohort") == "few")["n_people"].item() == 50
    assert told.filter(pl.col("cohort") == "hidden")["n_people"].item() == 11
    assert protect.settled(now, None, ("cohort",), 10).equals(now)


def test_every_published_table_of_people_is_audited_settled_or_derived():
    from publish.disclosure import RULES

    derived = {"pub_decisions", "pub_diagnostics", "pub_money", "pub_responses"}
    covered = set(protect.KEYS) | set(protect.ROWS) | derived
    assert {name.replace("cmp_", "pub_") for name in RULES} <= covered
    assert covered == set(protect.NAMED)


def test_what_an_earlier_minimum_let_pass_is_hidden_and_not_told_anew():
    last = pl.DataFrame({"cohort": ["a", "b"], "n_people": [10, 40], "n_units": [2, 4], "mean": [1.0, 2.0]})
    now = last.with_columns(n_people=pl.Series([13, 41]))  # three more in the group of ten: must not be told
    kept = protect._without_few(protect.settled(now, last, ("cohort",), 11), ("cohort",), 11)
    assert kept.rows() == [("a", None, None, None), ("b", 40, 4, 2.0)]


def test_every_hidden_figure_is_listed_with_its_reason_and_none_that_is_no_number():
    nothing = {"value": None, "n_pilot": None, "n_control": None}
    rows = [
        {"metric": "m", "diagnostic": "pre_trend", "status": "suppressed"} | nothing,
        {
            "metric": "m",
            "diagnostic": "placebo_date",
            "status": "estimated",
            "value": 1.0,
            "n_pilot": 10,
            "n_control": 10,
        },
        {"metric": "m", "diagnostic": "dose_response", "status": "not_estimable"} | nothing,
    ]
    guarded = {name: disclosure.Guarded(pl.DataFrame(), 0) for name in protect.NAMED}
    guarded["pub_diagnostics"] = disclosure.Guarded(pl.DataFrame(rows), 1)
    listed = protect.suppressed(guarded, 10).filter(pl.col("table") == "pub_diagnostics")
    assert listed.rows() == [
        (
            "pub_diagnostics",
            "metric m, diagnostic pre_trend",
            "value, n_pilot, n_control",
            protect.HIDDEN.format(minimum=10),
        )
    ]
