"""The effect on leaving, month by month since kick-off: of the same people, cut at each month."""

import numpy as np
import polars as pl
import pytest

from inference.judging import Question
from inference.retention import retention_lines

QUESTION = Question(metric="retention", source="hris", kind="time_to_event", role="primary")
MONTHS = 6


def life(seed: int) -> pl.DataFrame:
    """Windows before and after the kick-off of one cohort: 12 units of each arm, 30 people in each."""
    rng = np.random.default_rng(seed)
    rows = []
    for phase in ("before", "after"):
        for arm in ("pilot", "control"):
            for unit in range(12):
                at_risk = 30
                for month in range(1, MONTHS + 1):
                    # The programme halves who leaves, for the first three months only.
                    helps = arm == "pilot" and phase == "after" and month <= 3
                    events = int(rng.binomial(at_risk, 0.02 if helps else 0.05))
                    rows.append((f"{arm}{unit}", "wave", arm, phase, month, at_risk, events))
                    at_risk -= events
    names = ("unit_id", "comparison_cohort", "comparison_arm", "phase", "month_number", "n_at_risk", "n_events")
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(
        metric=pl.lit("retention"),
        cohort=pl.when(pl.col("comparison_arm") == "pilot").then(pl.lit("wave")).otherwise(pl.lit("control")),
        segment=pl.lit("all"),
    )


def lines(cells: pl.DataFrame, months: int, *, is_random: bool = False):
    return list(retention_lines(QUESTION, cells, months=months, is_random=is_random, alpha=0.05))


@pytest.mark.parametrize("is_random", [False, True])
def test_the_effect_at_a_month_is_that_of_a_study_of_so_many_months(is_random):
    cells = life(1)
    whole = lines(cells, MONTHS, is_random=is_random)
    by_month = {line.event_time: line for line in whole if line.aggregation == "event_time"}
    assert sorted(by_month) == list(range(1, MONTHS + 1))
    for months, line in by_month.items():
        shorter = next(one for one in lines(cells, months, is_random=is_random) if one.is_headline)
        assert line.estimator == shorter.estimator
        assert line.result.estimate == pytest.approx(shorter.result.estimate)
        assert line.result.std_error == pytest.approx(shorter.result.std_error)
        assert f"at {months} months" in line.result.method
        assert not line.is_headline


def test_an_effect_that_ends_is_seen_to_stop_growing():
    """Over sixty organisations: three points are gained in each of three months, none after."""
    curves = np.mean(
        [
            [line.result.estimate for line in lines(life(seed), MONTHS) if line.aggregation == "event_time"]
            for seed in range(60)
        ],
        axis=0,
    )
    steps = np.diff(np.concatenate([[0.0], curves]))
    assert steps[:3] == pytest.approx([0.03] * 3, abs=0.008)
    assert steps[3:] == pytest.approx([0.0] * 3, abs=0.008)


def test_of_a_segment_there_is_the_headline_only():
    found = retention_lines(QUESTION, life(1), months=MONTHS, is_random=False, alpha=0.05, is_whole=False)
    assert [line.is_headline for line in found] == [True]
