"""What does a reader of the first screen take away? Five simulated organisations, each through the real job.

One programme works, one fades from cohort to cohort, one does nothing, one is too small to be seen, and of one the
teams were chosen for a bad last result. Each is drawn twice, with seeds that were fixed before anything was read.
Printed: what each first screen says beside what is true, and its words. The page that is committed is
`benchmarks/results/readings.md`. Run: `python -m benchmarks.readings [folder]`.
"""

from __future__ import annotations

import html
import itertools
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import polars as pl

from orchestration.reproduce import run_in_child
from orchestration.workspace import PROJECT_ROOT, Workspace
from publish.release import current_release
from simulation import Design, exports, organisation, simulate, survey_exports

SEEDS = (20_240_101, 20_240_102)  # that of the demo, and the next
DIP = 8.0  # points of engagement that teams were down in the wave before their kick-off


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A study: how it is made, what is true of it, and the answers that would be right."""

    truth: str
    right: tuple[str, ...]
    people: int = 2_000
    effect: float = 1.0
    by_cohort: tuple[float, float, float] | None = None  # of each full effect; None: as simulated, 1, .83, .67
    has_dip: bool = False


READINGS = {
    "works": Reading(
        truth="6 points of engagement, 9 points of goals met and .8 points a month of leavers in every cohort",
        right=("Scale it up",),
        by_cohort=(1.0, 1.0, 1.0),
    ),
    "fades": Reading(
        truth="9 points of engagement in the first cohort, 2 in the second, nothing in the third; all else alike",
        right=("Not yet",),
        by_cohort=(1.5, 0.33, 0.0),
    ),
    "does nothing": Reading(truth="nothing", right=("Not yet", "Stop"), effect=0.0),
    "too small": Reading(truth="as in the demo, among 300 people", right=("Not yet",), people=300),
    "chosen by the last result": Reading(
        truth="nothing; teams joined after a wave in which they were 8 points down",
        right=("Not yet", "Stop"),
        effect=0.0,
        has_dip=True,
    ),
}


@contextmanager
def made_so(reading: Reading) -> Iterator[None]:
    """The simulation changed as the reading asks."""
    usual = survey_exports._latent_engagement

    def with_dip(org, month, slots, **more):
        is_next = (org.kickoff_of_team() - 2 == month)[org.slot_team[slots]]
        return usual(org, month, slots, **more) - DIP * is_next

    with ExitStack() as stack:
        if reading.has_dip:
            stack.enter_context(mock.patch.object(survey_exports, "_latent_engagement", with_dip))
        for module, name in (
            (survey_exports, "ENGAGEMENT_POINTS"),
            (exports, "GOALS_SHARE"),
            (organisation, "MONTHLY_HAZARD"),
        ):
            if reading.by_cohort:
                first = getattr(organisation, name)[0]
                stack.enter_context(mock.patch.object(module, name, tuple(first * part for part in reading.by_cohort)))
        yield


def studied(name: str, seed: int, folder: Path) -> Workspace:
    """The workspace of one study, with its release."""
    reading = READINGS[name]
    there = Workspace(folder / f"{name.replace(' ', '_')}_{seed}")
    if current_release(there.releases) is None:
        design = Design(people=reading.people, effect=reading.effect, seed=seed)
        with made_so(reading):
            simulate(design, there.inbox, truth_path=there.root / "truth.json")
        shutil.copy(PROJECT_ROOT / "orchestration" / "templates" / "study.yml", there.study)
        code, printed = run_in_child(["run", "--workspace", str(there.root), "--as-of", str(design.closed_on)])
        if code:
            raise RuntimeError(f"{name}: nothing was published: {printed[-500:]}")
    return there


def beside_truth(there: Workspace) -> Iterator[str]:
    """Each primary outcome with its interval and what the programme truly did."""
    truth = json.loads((there.root / "truth.json").read_text(encoding="utf-8"))
    tables = current_release(there.releases) / "parquet"
    primary = pl.read_parquet(tables / "pub_outcomes.parquet").filter(role="primary")["metric"].to_list()
    for row in pl.read_parquet(tables / "pub_estimates.parquet").filter("is_headline").iter_rows(named=True):
        if row["metric"] in primary:
            true = truth[row["metric"]]["simple"]
            holds = "" if row["ci_low"] <= true <= row["ci_high"] else ", **not in it**"
            yield f"{row['metric']} {row['ci_low']:+g} to {row['ci_high']:+g} (true {true:+.2g}{holds})"


def first_screen(release: Path) -> list[str]:
    """Its words, without pictures."""
    page = (release / "index.html").read_text(encoding="utf-8")
    front = re.search(r'<section id="front">(.*?)</section>', page, re.S)[1]
    front = re.sub(r"<svg.*?</svg>", "", front, flags=re.S)
    lines = re.sub(r"</(?:p|h2|h3|div|li|article)>", "\n", front)
    words = html.unescape(re.sub(r"<[^>]+>", "", lines))
    return [" ".join(line.split()) for line in words.splitlines() if line.strip()]


def page(folder: Path) -> str:
    """The results as Markdown."""
    out = [
        "# What five first screens say",
        "",
        "`python -m benchmarks.readings`: five simulated organisations, drawn twice each, through the real job, and",
        "the words of each first screen (pictures left out). *Right* is what a reader should take away.",
        "",
        "| study | draw | what is true | right | it says | intervals |",
        "|---|--:|---|---|---|---|",
    ]
    screens = {}
    for (name, reading), (draw, seed) in itertools.product(READINGS.items(), enumerate(SEEDS, start=1)):
        there = studied(name, seed, folder)
        screens[name, draw] = lines = first_screen(current_release(there.releases))
        said = next(line for line in lines if line in ("Scale it up", "Not yet", "Stop"))
        verdict = said if said in reading.right else f"**{said}: wrong**"
        right, intervals = " or ".join(reading.right), "; ".join(beside_truth(there))
        out.append(f"| {name} | {draw} | {reading.truth} | {right} | {verdict} | {intervals} |")
    for (name, draw), lines in screens.items():
        out += ["", f"## {name.capitalize()}, draw {draw}", "", *(f"> {line}  " for line in lines)]
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    os.environ.setdefault("COACHING_PSEUDONYM_KEY", "the key of nobody, for simulated people only")
    if len(sys.argv) > 1:
        print(page(Path(sys.argv[1])), end="")
    else:
        with tempfile.TemporaryDirectory() as made:
            print(page(Path(made)), end="")
