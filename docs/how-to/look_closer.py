# %% [markdown]
# # Look closer
#
# A notebook over one workspace: what a release says, the same numbers in full precision from the warehouse, and a group
# of one's own. It is plain Python with cells (`# %%`): VS Code, PyCharm and Spyder open it as it is, JupyterLab with
# jupytext. Without any of them: `COACHING_WORKSPACE=demo .venv/bin/python docs/how-to/look_closer.py`.
#
# What a release says is checked for small groups. **What comes from the warehouse is not**: it is for the analyst's own
# eyes, and leaves the workspace as an outcome or a segment of the study or not at all.

# %%
import json
from dataclasses import replace

import altair as alt
import duckdb
import polars as pl

from inference.estimates import Cells, estimate_study
from orchestration.assets.estimates import StoredCells, asked_of
from orchestration.workspace import Workspace
from study.model import load_study
from study.validation import metrics_of

workspace = Workspace.from_environment()
study = load_study(workspace.study)
release = workspace.releases / "current"
released = {path.stem: pl.read_parquet(path) for path in sorted((release / "parquet").glob("*.parquet"))}
known = metrics_of(study)
metric = next(name for name in study.primary if known[name].kind == "mean")
words = f"{known[metric].label}, {known[metric].unit}"
print(json.loads((release / "manifest.json").read_text(encoding="utf-8"))["id"], metric)

# %% [markdown]
# ## Levels, as released
# What is missing here is suppressed; `suppressed` says why.

# %%
levels = released["pub_levels"].filter((pl.col("metric") == metric) & (pl.col("scope") == "arm"))
chart_of_levels = (
    alt.Chart(levels)
    .mark_line(point=True)
    .encode(x=alt.X("period_start:T", title=None), y=alt.Y("mean:Q", title=words).scale(zero=False), color="arm:N")
)
chart_of_levels

# %% [markdown]
# ## The effect, period by period, in full precision
# `est_estimates` holds what the release rounds. The columns are described in `docs/reference/warehouse.md`.

# %%
warehouse = duckdb.connect(str(workspace.warehouse), read_only=True)
estimates = warehouse.sql("from estimates.est_estimates where status = 'estimated'").pl()
headline = estimates.row(by_predicate=(pl.col("metric") == metric) & pl.col("is_headline"), named=True)
of_headline = (pl.col("metric") == metric) & (pl.col("estimator") == headline["estimator"])
curve = estimates.filter(of_headline & (pl.col("aggregation") == "event_time") & (pl.col("segment") == "all"))
since = alt.X("event_time:O", title="periods since kick-off")
event_study = alt.layer(
    alt.Chart(pl.DataFrame({"nothing": [0]})).mark_rule(strokeDash=[4, 4]).encode(y=alt.Y("nothing:Q", title=words)),
    alt.Chart(curve).mark_rule().encode(x=since, y=alt.Y("ci_low:Q", title=words), y2="ci_high:Q"),
    alt.Chart(curve).mark_point(filled=True).encode(x=since, y=alt.Y("estimate:Q", title=words)),
)
event_study

# %% [markdown]
# ## All primary outcomes on one scale
# The effect divided by the minimum important difference: from 1 on it is worth having.

# %%
smallest = pl.DataFrame(
    [
        {"metric": one.metric, "smallest": one.minimum_important_difference}
        for one in study.outcomes
        if one.minimum_important_difference
    ]
)
heads = estimates.filter("is_headline").join(smallest, on="metric")
scaled = heads.with_columns(
    pl.col("estimate", "ci_low", "ci_high") / pl.col("smallest"),
    pl.col("metric").replace_strict({name: one.label for name, one in known.items()}).alias("label"),
)
scale = "effect ÷ minimum important difference"
forest = alt.layer(
    alt.Chart(pl.DataFrame({"at": [0, 1]})).mark_rule(strokeDash=[4, 4]).encode(x=alt.X("at:Q", title=scale)),
    alt.Chart(scaled)
    .mark_rule()
    .encode(y=alt.Y("label:N", title=None), x=alt.X("ci_low:Q", title=scale), x2="ci_high:Q"),
    alt.Chart(scaled).mark_point(filled=True).encode(y="label:N", x=alt.X("estimate:Q", title=scale)),
)
forest

# %% [markdown]
# ## A group of one's own
# Cells are sums per unit and period. Made of other people they give the effect among them, by the very functions of
# the study. First of everybody, which is the study's own number, but for records that came after a period had closed.

# %%
CELLS = """
    with calendar as (
        select period_start from panels.pnl_calendar where metric = $metric and is_closed
    ),

    people as (
        select unit_id, subject_id, period_start, value
        from panels.pnl_values
        where metric = $metric and period_start in (select period_start from calendar)
            and subject_id in (select unnest($people))
    ),

    sizes as (
        select unit_id, count(distinct subject_id) as n_people from people where value is not null group by unit_id
    )

    select unit_id, period_start, n_people, count(*) as n_eligible, count(value) as n_observed,
        coalesce(sum(value), 0) as value_sum, coalesce(var_pop(value) * count(value), 0) as centred_sum_of_squares
    from people inner join sizes using (unit_id) group by unit_id, period_start, n_people
"""
stored = StoredCells(warehouse).of_metric(metric)
asked = asked_of(warehouse, study)
asked = replace(asked, questions=[question for question in asked.questions if question.metric == metric])


def effect_among(people: list[str]) -> dict:
    """The headline row among these people (pseudonyms of `panels.pnl_values`)."""
    of_units = stored.means.filter(pl.col("segment") == "all").drop(
        "n_people", "n_eligible", "n_observed", "n_first_observed", "value_sum", "centred_sum_of_squares"
    )
    sums = warehouse.sql(CELLS, params={"metric": metric, "people": people}).pl()
    cells = Cells(means=of_units.join(sums, on=["unit_id", "period_start"]), life=stored.life, units=stored.units)
    return estimate_study(asked, cells).estimates.row(by_predicate=pl.col("is_headline"), named=True)


everybody = warehouse.sql("select distinct subject_id from panels.pnl_values where metric = ?", params=[metric]).pl()
of_all = effect_among(everybody["subject_id"].to_list())
print(f"the study's own: {headline['estimate']:.12f}, from everybody's values: {of_all['estimate']:.12f}")

# %% [markdown]
# Then of those who answered in every period in which they were asked: the same people throughout. Who goes on answering
# may itself be moved by the programme, so this is a hint and not its effect.

# %%
STEADY = "select subject_id from panels.pnl_values where metric = ? group by subject_id having count(value) = count(*)"
steady = warehouse.sql(STEADY, params=[metric]).pl()["subject_id"].to_list()
of_steady = effect_among(steady)
print(
    f"{len(steady)} people who always answered: {of_steady['estimate']:.3f} "
    f"({of_steady['ci_low']:.3f} to {of_steady['ci_high']:.3f})"
)
warehouse.close()
