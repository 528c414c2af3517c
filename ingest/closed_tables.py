"""Cells of closed periods, kept outside of the warehouse (publish/closed.py writes them, dbt reads them)."""

from __future__ import annotations

import polars as pl

# Cells of closed periods, kept outside of the warehouse (publish/closed.py writes them, dbt reads them).
_OF_UNIT = {"metric": pl.String, "unit_id": pl.String, "period_start": pl.Date}

_OF_PAIR = _OF_UNIT | {"base_period_start": pl.Date}

_AS_CLOSED = {"cohort": pl.String, "arm": pl.String}  # of the unit, when the period closed

CLOSED_TABLES = {
    "periods": {
        "metric": pl.String,
        "period": pl.String,
        "period_start": pl.Date,
        "first_observed_date": pl.Date,
        "last_observed_date": pl.Date,
        "closes_on": pl.Date,
        "batch": pl.Int64,
    },
    "cell_units": {
        "unit_id": pl.String,
        "cohort": pl.String,
        "arm": pl.String,
        "stratum": pl.String,
        "kickoff_date": pl.Date,
        "is_coach_trained": pl.Boolean,
    },
    "cell_means": _OF_UNIT
    | {
        "segment": pl.String,
        "n_eligible": pl.Int64,
        "n_observed": pl.Int64,
        "n_first_observed": pl.Int64,
        "value_sum": pl.Float64,
        "centred_sum_of_squares": pl.Float64,
    }
    | _AS_CLOSED,
    "cell_largest_values": _OF_UNIT | {"value_rank": pl.Int32, "value": pl.Float64} | _AS_CLOSED,
    "cell_differences": _OF_PAIR
    | {"n_people": pl.Int64, "change_sum": pl.Float64, "centred_sum_of_squares": pl.Float64},
    "cell_covariates": _OF_PAIR
    | {"covariate": pl.String, "times": pl.String, "n_people": pl.Int64, "product_sum": pl.Float64},
    "cell_turnovers": {
        "month": pl.Date,
        "unit_id": pl.String,
        "n_opening": pl.Int64,
        "n_hires": pl.Int64,
        "n_closing": pl.Int64,
        "n_leavers": pl.Int64,
        "n_voluntary": pl.Int64,
        "n_involuntary": pl.Int64,
        "n_other": pl.Int64,
        "n_unknown": pl.Int64,
        "n_regretted": pl.Int64,
        "n_person_days": pl.Int64,
        "closes_on": pl.Date,
        "batch": pl.Int64,
    }
    | _AS_CLOSED,
    "cell_dose_months": {
        "unit_id": pl.String,
        "month": pl.Date,
        "closes_on": pl.Date,
        "n_first_seen": pl.Int64,
        "n_first_held": pl.Int64,
        "n_person_months": pl.Int64,
        "n_held": pl.Int64,
        "n_minutes": pl.Float64,
    }
    | _AS_CLOSED,
    "cell_readiness": {
        "assessed_date": pl.Date,
        "cohort": pl.String,
        "arm": pl.String,
        "readiness_before": pl.String,
        "readiness": pl.String,
        "n_managers": pl.Int64,
        "closes_on": pl.Date,
    },
    "loads": {"load_id": pl.String, "batch": pl.Int64},
    # Why this run computed closed periods again, and what stayed all the same; empty where it did not.
    "restatement": {
        "reason": pl.String,
        "kind": pl.String,
        "metric": pl.String,
        "day": pl.Date,
        "population": pl.String,
    },
}
