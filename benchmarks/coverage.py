"""Does the 95 % interval hold the truth in 95 % of simulated studies, where should it, and what catches it where not?

Each design of `simulation/laboratory.py`, with its effect and without, for the default interval and its rivals. Resumes
where it was stopped: `python -m benchmarks.coverage [studies] [folder]`; prints the page that is committed as
`benchmarks/results/coverage.md`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from scipy import stats

from inference import aggregations, answers, att, randomised, trends, twfe
from inference.jackknife import jackknife
from inference.panel import Panel, is_control
from inference.power import WAVES_OF_YEAR, Plan
from simulation import laboratory

FIRST_SEED = 20_261_123
STUDIES_AT_ONCE = 50  # studies per saved line
N_DRAWS = 399  # of the bootstrap
ALPHA = 0.05
INTERVALS = {
    "default": "ATT(g,t) from the year before kick-off, jackknife, Satterthwaite df",
    "last": "ATT(g,t) from the last wave before kick-off alone, jackknife, Satterthwaite df",
    "analytic": "that of `last`, sandwich over units, normal",
    "people": "that of `last`, people taken as independent, normal",
    "twfe_crv1": "two-way fixed effects, CRV1, t(G − 1)",
    "twfe_cv3": "two-way fixed effects, jackknife, t(G − 1)",
    "twfe_wild": "two-way fixed effects, restricted wild cluster bootstrap (by test)",
    "ancova": "units' means after kick-off on their past, jackknife",
}
# Of the studies for the decision those that the choice of the base turns on: default against last.
CHOSEN = [name for name, trouble in laboratory.DECISIONS.items() if trouble.chosen_by_last or 6 in trouble.cohorts]
DESIGNS = laboratory.STUDIES | {name: laboratory.DECISIONS[name] for name in CHOSEN}
CATCHES = ("pre_trend", "response_rate")


def judged(value: float, error: float, df: float, truth: float) -> list[float]:
    """[estimate, width, interval holds the truth, zero lies outside it]."""
    reach = stats.t.ppf(1 - ALPHA / 2, df) * error
    return [value, 2 * reach, float(abs(value - truth) <= reach), float(abs(value) > reach)]


def methods(drawn: laboratory.Draw, rng: np.random.Generator) -> Iterator[tuple[str, list[float]]]:
    """Each method on one study."""
    panel = Panel(drawn.n, drawn.total, drawn.cohort, drawn.people)
    truth, infinite = drawn.truth, np.inf
    for name, span in (("default", WAVES_OF_YEAR), ("last", 1)):
        effects = att.group_time_effects(panel, span=span)
        simple = aggregations.simple(effects)
        found = jackknife(theta=simple.value, theta_without=simple.without, cohort=panel.cohort)
        yield name, judged(simple.value, found.std_error, found.df, truth)
    yield "analytic", judged(simple.value, simple.analytic_std_error, infinite, truth)
    yield "people", judged(simple.value, _error_of_people(drawn, effects), infinite, truth)
    fit, g = twfe.of_panel(panel), panel.cohort.size
    yield "twfe_crv1", judged(fit.value, fit.crv1, g - 1, truth)
    yield "twfe_cv3", judged(fit.value, fit.cv3, g - 1, truth)
    yield "twfe_wild", _wild(panel, fit, truth, rng)
    baseline = randomised.unit_baseline(panel)
    contrast = aggregations.simple(randomised.group_time_contrasts(panel, stratum=drawn.stratum, baseline=baseline))
    moved = jackknife(theta=contrast.value, theta_without=contrast.without, cohort=panel.cohort)
    yield "ancova", judged(contrast.value, moved.std_error, moved.df, truth)
    before = [part for e, part in aggregations.by_event_time(effects).items() if e < 0]
    test = trends.pre_trend(before, found.df)
    yield "pre_trend", [test.p_value < ALPHA if test else 0.0]
    response = aggregations.simple(
        att.group_time_effects(answers.response_panel(drawn.eligible, panel), span=WAVES_OF_YEAR)
    )
    silence = jackknife(theta=response.value, theta_without=response.without, cohort=panel.cohort)
    yield "response_rate", [silence.p_value(response.value) < ALPHA if silence else 0.0]


def _error_of_people(drawn: laboratory.Draw, effects: att.GroupTime) -> float:
    """As if every answer were drawn by itself: within-cell variance over n, through the four means of each ATT(g,t)."""
    df = np.maximum(drawn.n - 1, 0).sum()
    variance = drawn.centred_squares.sum() / df
    panel = effects.panel
    post = effects.t >= effects.g
    share = np.array([panel.people[panel.cohort == g].sum() for g in effects.g[post]])
    pull = np.zeros_like(drawn.n)
    for g, t, base, weight in zip(
        effects.g[post], effects.t[post], effects.base[post], share / share.sum(), strict=True
    ):
        for sign, period, member in (
            (1, t, panel.cohort == g),
            (-1, base, panel.cohort == g),
            (-1, t, is_control(panel, g, t, "not_yet_treated")),
            (1, base, is_control(panel, g, t, "not_yet_treated")),
        ):
            pull[member, period - 1] += sign * weight / panel.n[member, period - 1].sum()
    return float(np.sqrt(variance * np.sum(pull**2 * drawn.n)))


def _wild(panel: Panel, fit: twfe.Regression, truth: float, rng: np.random.Generator) -> list[float]:
    """Holds the truth if the test of exactly that effect does not reject; it has no width of its own."""
    treated = (panel.cohort[:, None] > 0) & (np.arange(1, panel.n_periods + 1) >= panel.cohort[:, None])
    shifted = Panel(panel.n, panel.total - truth * panel.n * treated, panel.cohort, panel.people)
    p_truth = twfe.wild_cluster_bootstrap(twfe.of_panel(shifted), draws=N_DRAWS, rng=rng)
    p_zero = twfe.wild_cluster_bootstrap(fit, draws=N_DRAWS, rng=rng)
    return [fit.value, float("nan"), float(p_truth >= ALPHA), float(p_zero < ALPHA)]


def block(name: str, has_effect: bool, index: int, studies: int) -> dict:
    """One saved line: per method the rows of its studies, and the truths."""
    place = list(DESIGNS).index(name)
    rng = np.random.default_rng([FIRST_SEED, place, int(has_effect), index])
    trouble = DESIGNS[name]
    waves = laboratory.waves_of(trouble)
    trouble = trouble if has_effect else laboratory.without_effect(trouble)
    rows: dict[str, list] = {method: [] for method in (*INTERVALS, *CATCHES)}
    truths = []
    for _ in range(studies):
        drawn = laboratory.draw(trouble, rng, waves=waves)
        truths.append(drawn.truth)
        for method, row in methods(drawn, rng):
            rows[method].append([float(x) for x in row])
    return {"design": name, "has_effect": has_effect, "index": index, "truths": truths, "rows": rows}


def run(studies: int, path: Path) -> list[dict]:
    """All blocks, those already in `path` not again."""
    done = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    known = {(line["design"], line["has_effect"], line["index"]) for line in done}
    wanted = [
        (name, has_effect, index)
        for name in DESIGNS
        for has_effect in (True, False)
        for index in range(-(-studies // STUDIES_AT_ONCE))
    ]
    missing = [key for key in wanted if key not in known]
    with ProcessPoolExecutor(2) as pool, path.open("a", encoding="utf-8") as out:
        for found in pool.map(block, *zip(*missing, strict=True), [STUDIES_AT_ONCE] * len(missing)) if missing else ():
            out.write(json.dumps(found) + "\n")
            out.flush()
            done.append(found)
    return [line for line in done if (line["design"], line["has_effect"], line["index"]) in set(wanted)]


def promised(name: str) -> float | None:
    """The design calculator's power, where the study has one cohort; of the waves before kick-off a year counts."""
    trouble = DESIGNS[name]
    treated = [g for g in trouble.cohorts if g]
    if len(treated) != 1 or not trouble.effects[treated[0]] or not trouble.holds:
        return None
    sizes = np.exp(np.linspace(*np.log(trouble.sizes), 1_000))
    lasting = laboratory.OF_UNIT / laboratory.ICC
    plan = Plan(
        units=sum(trouble.cohorts.values()),
        share_pilot=trouble.cohorts[treated[0]] / sum(trouble.cohorts.values()),
        people_per_unit=0.8 * float(sizes.mean()),
        size_variation=float(sizes.std() / sizes.mean()),
        icc=laboratory.ICC,
        lasting_unit=lasting,
        lasting_person=0.8 * laboratory.OF_PERSON / (laboratory.OF_PERSON + laboratory.NOISE),
        waves_before=treated[0] - 1,
        waves_after=laboratory.waves_of(trouble) - treated[0] + 1,
    )
    return plan.power(trouble.effects[treated[0]], "difference_in_differences")


def page(lines: list[dict]) -> str:
    """The results as Markdown."""
    n = sum(len(line["truths"]) for line in lines if line["design"] == "null" and line["has_effect"])
    out = [
        "# Coverage of the intervals in simulated studies",
        "",
        f"`python -m benchmarks.coverage {n}`, seed {FIRST_SEED}: {n} studies with the effect and {n} without of each",
        "design of `simulation/laboratory.py`. A share of 95 % is known to "
        f"± {196 * np.sqrt(0.95 * 0.05 / n):.1f} percentage points. Effects in standard deviations between people.",
        "",
        *(f"* **{name}**: {words}" for name, words in INTERVALS.items()),
        "",
        "Where the default's assumption does not hold the row is marked †: there its interval cannot be right, and the",
        "last table says what catches it. *Error* is the root mean square. *Promised* is the power that the design",
        "calculator gave beforehand, for arms of equal variance and an effect that nothing dilutes: it cannot know of",
        "movers, spillover or a noisier pilot.",
        "",
        "*Decays, sizes fixed* is conservative on purpose: the errors carry the uncertainty of the cohorts' weights as",
        "Callaway and Sant'Anna's do, and there the numbers of units per cohort never change from study to study.",
        "",
        "| design | method | covered | type-I error | power | promised | bias | error | mean width |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    caught = []
    for name, trouble in DESIGNS.items():
        mine = {has: [line for line in lines if line["design"] == name and line["has_effect"] == has] for has in (1, 0)}
        truths = np.concatenate([line["truths"] for line in mine[1]])
        title = name + ("" if trouble.holds else " †")
        for method in INTERVALS:
            rows = {has: np.concatenate([line["rows"][method] for line in mine[has]]) for has in (1, 0)}
            width = np.nanmean(rows[1][:, 1]) if np.isfinite(rows[1][:, 1]).any() else float("nan")
            power = promised(name) if method == "default" else None
            off = rows[1][:, 0] - truths
            out.append(
                f"| {title} | {method} | {rows[1][:, 2].mean():.1%} | {rows[0][:, 3].mean():.1%} | "
                f"{rows[1][:, 3].mean():.1%} | {f'{power:.1%}' if power is not None else ''} | "
                f"{off.mean():+.3f} | {np.sqrt(np.mean(off**2)):.3f} | {'' if np.isnan(width) else f'{width:.3f}'} |"
            )
            title = ""
        shares = [np.mean(np.concatenate([line["rows"][catch] for line in mine[1]])) for catch in CATCHES]
        caught.append(f"| {name}{'' if trouble.holds else ' †'} | {shares[0]:.1%} | {shares[1]:.1%} |")
    out += [
        "",
        "How often the diagnostics speak (5 % is a false alarm where nothing is wrong):",
        "",
        "| design | moved apart before kick-off | who answers changes |",
        "|---|--:|--:|",
        *caught,
    ]
    return "\n".join(out) + "\n"


def main(studies: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    print(page(run(studies, folder / "coverage.jsonl")))


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 1_000,
        Path(sys.argv[2]) if len(sys.argv) > 2 else Path("/tmp/coverage"),
    )
