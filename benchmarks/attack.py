"""An attacker who knows every group and keeps every release: what does he work out?

    python -m benchmarks.attack [--people 200 300 400 600] [--seeds 1] [--releases 12] [--out OUT.md]

Simulated organisations send their files month by month: late exits, moves, answers that come two months late, corrected
answers and teams, a team that answers with one voice, one that is dissolved. After each month the pipeline runs as it
does for anybody, and half-way through it computes closed periods again (`coaching restate`). The attacker knows who
works where, who came and left (what `tables.yml` calls known), and more than there is: who answered, and the sums
behind published means with all their digits. He uses

- **means**: one unknown per person, period and value; one equation per mean of any release; a group of fewer than K
  people is found where its sum follows from the equations (rank), atom by atom and for pairs of atoms;
- **answers**: whether a published response rate says that all, nobody, or all but a few answered;
- **causes** and **readiness**: counts behind rounded shares, by integers; what is not shown as the rest of the known
  total; the same year or assessment in two releases;
- **groups**: estimates of two groups that differ by fewer than K people;
- **text**: addresses, file names and pseudonyms in any file of a release.

The negative control is the same pipeline's tables without suppression: the attack must find something there.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.attack_series import EMAIL_IN_BYTES, K, Seen, series
from publish.catalogue import share_shown


def means(releases: list[Seen], which: str) -> Iterator[str]:
    """Groups of fewer than K people whose sum of answers follows from published means."""
    rows: dict[tuple, list[frozenset]] = {}
    for seen, behind in zip(releases, _behind(releases), strict=True):
        shown = getattr(seen, which)["pub_levels"].filter(pl.col("mean").is_not_null())
        for metric, period, scope, name in shown.select("metric", "period_start", "scope", "group_name").iter_rows():
            cohorts = behind.get((metric, period), {})
            parts = [people for (arm, cohort), people in cohorts.items() if name == (arm if scope == "arm" else cohort)]
            if parts:
                rows.setdefault((metric, period), []).append(frozenset().union(*parts))
    for groups in rows.values():
        yield from _small_groups(list(dict.fromkeys(groups)))


def _behind(releases: list[Seen]) -> Iterator[dict[tuple, dict[tuple, frozenset]]]:
    """For each release: (metric, period) → (arm, cohort) → whose answers, with their values, are behind its means. A
    closed period keeps those who were behind it when it closed, until it is computed again."""
    behind: dict[tuple, dict[tuple, frozenset]] = {}
    for seen in releases:
        fresh = seen.panel if seen.restates else seen.panel.filter(~pl.col("was_closed"))
        found = fresh.group_by("metric", "period_start", "arm", "cohort").agg("subject_id", "value")
        kept = set(seen.kept.iter_rows())
        behind = {
            key: {one: people for one, people in cohorts.items() if not seen.restates or (*key, one[1]) in kept}
            for key, cohorts in behind.items()
        }
        for metric, period, arm, cohort, people, values in found.iter_rows():
            if (metric, period, cohort) not in kept:
                behind.setdefault((metric, period), {})[arm, cohort] = frozenset(zip(people, values, strict=True))
        yield behind


def _small_groups(groups: list[frozenset]) -> Iterator[str]:
    patterns: dict[tuple, int] = {}
    for one in frozenset().union(*groups):
        pattern = tuple(one in group for group in groups)
        patterns[pattern] = patterns.get(pattern, 0) + 1
    matrix = np.array(list(patterns), float).T
    sizes = np.array(list(patterns.values()))
    rank = np.linalg.matrix_rank(matrix)
    small = np.flatnonzero(sizes < K)
    candidates = [(a,) for a in small] + [pair for pair in combinations(small, 2) if sizes[list(pair)].sum() < K]
    for chosen in candidates:
        vector = np.zeros(sizes.size)
        vector[list(chosen)] = 1
        if np.linalg.matrix_rank(np.vstack([matrix, vector])) == rank:
            yield f"the sum of {sizes[list(chosen)].sum()} people's answers"


def answers(releases: list[Seen], which: str) -> Iterator[str]:
    """Response rates that say that all, nobody, or all but a few answered."""
    for seen in releases:
        for _, arm, n, rate, *_ in getattr(seen, which)["pub_responses"].iter_rows():
            if rate is None:
                continue
            cap = math.floor(max(1 - K / n, 0) / 0.05 + 1e-9) * 0.05
            low = math.ceil(rate * n - 1e-9)
            high = n if which == "tables" and abs(rate - cap) < 1e-9 else math.ceil((rate + 0.05) * n - 1e-9) - 1
            if n - low < K or high < K:
                yield f"{arm}: of {n} people {low} to {min(high, n)} answered"


def causes(releases: list[Seen], which: str) -> Iterator[str]:
    """Counts of a cause below K, or of all but fewer than K, that follow from shares and the known leavers."""
    before: dict[tuple, tuple[int, int]] = {}
    for seen in releases:
        left = {row[:2]: row[2] for row in seen.years.select("span_start", "population", "n_leavers").iter_rows()}
        for (year, arm, kind), part in getattr(seen, which)["pub_causes"].group_by("year_start", "arm", "kind"):
            n = left[year, arm]
            counts = {cause: _counts(share, n) for cause, share in part.select("cause", "share_of_leavers").iter_rows()}
            yield from _few(f"{year.year} {arm} {kind}", counts, n)
            for cause, found in counts.items():
                if len(found) == 1:
                    key = (year, arm, kind, cause)
                    if key in before and 0 < abs(before[key][0] - n) < K:
                        yield f"{year.year} {arm} {cause}: of {abs(before[key][0] - n)} leavers who came later"
                    before[key] = (n, found[0])


def _counts(share: float | None, n: int) -> list[int]:
    return list(range(n + 1)) if share is None else [k for k in range(n + 1) if abs(k / max(n, 1) - share) <= 0.005001]


def _few(what: str, counts: dict[str, list[int]], n: int) -> Iterator[str]:
    """Categories whose count is certain, and is or leaves fewer than K: 0 and all are few."""
    for cause, mine in counts.items():
        others = [found for name, found in counts.items() if name != cause]
        least, most = (sum(pick(found) for found in others) for pick in (min, max))
        possible = [k for k in mine if least <= n - k <= most]
        if len(possible) == 1 and n and (possible[0] < K or n - possible[0] < K):
            yield f"{what}: {cause} {possible[0]} of {n}"


def readiness(releases: list[Seen], which: str) -> Iterator[str]:
    """Managers' states that follow from the states that are shown and the number of managers."""
    before: dict[tuple, tuple[int, int]] = {}
    for seen in releases:
        sums = seen.readiness.group_by("assessed_date", "arm").agg(pl.col("n").sum())
        whole = {row[:2]: row[2] for row in sums.iter_rows()}
        for (day, arm), part in getattr(seen, which)["pub_readiness"].group_by("assessed_date", "arm"):
            n = whole[day, arm]
            counts = {
                state: list(range(n + 1)) if count is None else [count]
                for state, count in part.select("readiness", "n_managers").iter_rows()
            }
            yield from _few(f"{day} {arm}", counts, n)
            for state, found in counts.items():
                if len(found) == 1:
                    known = before.get((day, arm, state))
                    if known and known != (n, found[0]) and abs(known[0] - n) < K and abs(known[1] - found[0]) < K:
                        yield f"{day} {arm} {state}: of a few who came later"
                    before[day, arm, state] = (n, found[0])


def groups(releases: list[Seen], which: str) -> Iterator[str]:
    """Estimates of two groups that differ by fewer than K people."""
    for seen in releases:
        table = getattr(seen, which)["pub_estimates"].filter(pl.col("estimate").is_not_null())
        table = table.filter(pl.col("aggregation") != "event_time").with_columns(
            group=pl.when(pl.col("segment") != "all")
            .then("segment")
            .when(pl.col("cohort") != "all")
            .then(pl.lit("cohort: ") + pl.col("cohort"))
            .otherwise(pl.lit("all"))
        )
        for part in table.partition_by("metric", "estimator"):
            for one, other in combinations(part["group"], 2):
                if 0 < seen.differing.get((one, other), 0) < K:
                    yield f"{one} and {other}"


def text(releases: list[Seen], which: str) -> Iterator[str]:
    """Addresses, names of input files and pseudonyms in the bytes of a release."""
    for seen in releases if which == "tables" else ():
        yield from (found.decode() for found in EMAIL_IN_BYTES.findall(seen.text))
        yield from (name for name in ("pulse_", "hris_20", "checkins_20") if name.encode() in seen.text)
        people = seen.panel["subject_id"].unique()
        yield from (one for one in people if one.encode() in seen.text)


ATTACKS = {"means": means, "answers": answers, "causes": causes, "readiness": readiness, "groups": groups, "text": text}


def attack(releases: list[Seen]) -> tuple[Counter, Counter]:
    """How many things each attack finds in the releases, and in the control."""
    ours, control = (
        {name: list(dict.fromkeys(found(releases, which))) for name, found in ATTACKS.items()}
        for which in ("tables", "control")
    )
    for name, things in ours.items():
        for what in things[:3]:
            print(f"  {name}: {what}", flush=True)
    return tuple(Counter({name: len(things) for name, things in found.items()}) for found in (ours, control))


def report(rows: Iterable[tuple], arguments: argparse.Namespace) -> str:
    """The results as a page."""
    head = " | ".join(ATTACKS)
    lines = [
        "# What can be worked out from releases",
        "",
        f"`python -m benchmarks.attack --people {' '.join(map(str, arguments.people))} --seeds {arguments.seeds} "
        f"--releases {arguments.releases}`",
        "",
        __doc__.split("\n\n", 2)[2].strip(),
        "",
        f"Found in our releases (in the control without suppression), {arguments.seeds} organisation(s) of each size:",
        "",
        f"| people | releases | {head} | rows shown |",
        "|---" * (len(ATTACKS) + 3) + "|",
    ]
    for people, n, ours, control, shown in rows:
        cells = " | ".join(f"**{ours[name]}** ({control[name]})" for name in ATTACKS)
        lines.append(f"| {people:,} | {n} | {cells} | {100 * shown:.1f} % |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description="What can be worked out from releases.")
    parser.add_argument("--people", type=int, nargs="+", default=[200, 300, 400, 600])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--releases", type=int, default=12)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rows = []
    for people in arguments.people:
        ours, control, shown, n = Counter(), Counter(), [], 0
        for seed in range(arguments.seeds):
            began = time.monotonic()
            releases = list(series(people, seed, arguments.releases))
            found, naive = attack(releases)
            ours, control, n = ours + found, control + naive, n + len(releases)
            shown += [share_shown(seen.tables) for seen in releases]
            print(
                f"{people} people, seed {seed}: {len(releases)} releases, found {dict(found)}, control {dict(naive)}, "
                f"{100 * np.mean(shown):.1f} % shown, {time.monotonic() - began:.0f} s",
                flush=True,
            )
        rows.append((people, n, ours, control, float(np.mean(shown)) if shown else 0.0))
    page = report(rows, arguments)
    if arguments.out:
        arguments.out.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
