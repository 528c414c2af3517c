"""Segments with an order are in the study's order, not in that of their labels."""

import numpy as np
import polars as pl
import pytest

from inference import att
from inference.dose_diagnostics import decay_diagnostics
from inference.unit_panels import Panels, Setting, panel_from_cells
from study.model import Study

OUTCOME = {"metric": "engagement_score", "role": "primary"}


def study(**more) -> Study:
    return Study.model_validate({"programme": "p", "title": "t", "outcomes": [OUTCOME]} | more)


def test_bands_of_the_coachs_load_rise_whatever_their_words():
    loads = study(coach_load_bands=[2, 10]).ordered_segments["coach_load"]
    assert loads == ("coach_load: under 2 people", "coach_load: 2 to under 10 people", "coach_load: 10 and more people")


def test_depths_are_ordered_as_numbers():
    assert study().ordered_segments["cascade_depth"][:10][-1] == "cascade_depth: 10"


@pytest.mark.parametrize("ordered", [("load: few", "load: some", "load: many"), ("load: z", "load: b", "load: a")])
def test_the_slope_follows_the_order_that_the_study_gives(ordered):
    """The effect falls by 1 from band to band; sorted by label the second set would rise."""
    rows = [
        {
            "metric": "m",
            "segment": segment,
            "unit_id": f"{arm}{unit}{place if arm == 'pilot' else ''}",
            "cohort": "wave" if arm == "pilot" else "control",
            "arm": arm,
            "kickoff_date": None,
            "period_start": period,
            "cohort_period_start": "2026-04-01" if arm == "pilot" else None,
            "cut_period_start": None,
            "n_people": 10,
            "n_eligible": 10,
            "n_observed": 10,
            # Units drift apart a little, alike in both arms and in all bands, so that there is an error.
            "value_sum": 10.0 * (later * (unit % 4) + (3 - place) * (arm == "pilot") * later),
            "centred_sum_of_squares": 10.0,
        }
        for place, segment in enumerate(ordered)
        for arm in ("pilot", "control")
        for unit in range(8)
        for later, period in enumerate(("2026-01-01", "2026-04-01"))
    ]
    days = ("period_start", "cohort_period_start", "cut_period_start", "kickoff_date")
    cells = pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.col(name).cast(pl.String).str.to_date("%Y-%m-%d", strict=False) for name in days
    )
    setting = Setting(design="volunteered", unit="team", alpha=0.05, ordered_segments={"load": ordered})
    effects = att.group_time_effects(panel_from_cells(cells.filter(pl.col("segment") == ordered[0])).panel)
    found = {one.name: one for one in decay_diagnostics(Panels(cells, "quarter"), effects, setting)}
    assert np.isclose(found["slope_by_load"].value, -1.0)
