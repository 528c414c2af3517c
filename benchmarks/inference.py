"""ATT(g,t), its four aggregations and errors from people's rows: reduced in DuckDB, against peers that read the rows.

One run, one machine, each contender in a process of its own: wall and CPU seconds, peak memory, and whether the simple
effect is the same. A peer is tried at each size until it fails, or takes longer than the limit. Peers need an
environment of their own (`uv venv`, then diff-diff, csdid, moderndid, pyfixest, polars, pyarrow):

`python -m benchmarks.inference /path/to/peers/bin/python [people …]`
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from inference import aggregations
from inference.panel import Panel

PERIODS = 24
LIMIT = 600  # seconds per contender and size
N_RUNS = 999
N_COHORTS = (0, 7, 10, 13, 16, 19)


def simulate(people: int, path: Path) -> int:
    """Rows person, team, t, g, y (balanced) as Parquet; returns the number of teams: 5,000 at a million people."""
    import duckdb

    teams = max(people // 200, 50)
    duckdb.connect().execute(
        f"""
        copy (
            select person, person % {teams} as team, t, g,
                sin(person) + 0.1 * sin(3 * team_of + t) + 0.05 * t + case when g > 0 and t >= g then 0.3 else 0 end
                + 0.5 * sin(7.1 * person + 13.7 * t) as y
            from (
                select p.range as person, p.range % {teams} as team_of, s.range + 1 as t,
                    list_value({", ".join(map(str, N_COHORTS))})[1 + (p.range % {teams}) % {len(N_COHORTS)}] as g
                from range({people}) as p, range({PERIODS}) as s
            )
        ) to '{path}' (format parquet)
        """
    )
    return teams


def ours(path: str) -> dict:
    """Reduce, estimate, aggregate, leave out, and draw."""
    import duckdb

    from inference import associations, att, twfe
    from inference.jackknife import jackknife

    connection = duckdb.connect()
    connection.execute("set threads = 2; set preserve_insertion_order = false")
    cells = connection.execute(
        f"select team, t, g, count(*) as n, sum(y) as total from '{path}' group by all order by team, t"
    ).fetchnumpy()
    reduced = time.monotonic()
    n_teams = cells["n"].size // PERIODS
    people = cells["n"].reshape(n_teams, PERIODS).astype(float)
    panel = Panel(
        people, cells["total"].reshape(n_teams, PERIODS), cells["g"].reshape(n_teams, PERIODS)[:, 0], people[:, 0]
    )
    effects = att.group_time_effects(panel)
    parts = {name: getattr(aggregations, name)(effects) for name in ("simple", "dynamic", "group", "calendar")}
    errors = {
        name: jackknife(theta=part.value, theta_without=part.without, cohort=panel.cohort).std_error
        for name, part in parts.items()
    }
    rng = np.random.default_rng(1)
    associations.simultaneous_critical_value(
        list(aggregations.by_event_time(effects).values()), 50, draws=N_RUNS, rng=rng
    )
    twfe.wild_cluster_bootstrap(twfe.of_panel(panel), draws=N_RUNS, rng=rng)
    return {"simple": parts["simple"].value, "error": errors["simple"], "inference": time.monotonic() - reduced}


def diff_diff(path: str) -> dict:
    """The fastest peer: doubly robust machinery without covariates, clustered by team, multiplier bootstrap."""
    import pandas as pd
    from diff_diff import CallawaySantAnna

    found = CallawaySantAnna(
        control_group="not_yet_treated", cluster="team", n_bootstrap=N_RUNS, estimation_method="reg"
    ).fit(pd.read_parquet(path), outcome="y", unit="person", time="t", first_treat="g", aggregate="all")
    return {"simple": float(found.overall_att), "error": float(found.overall_se)}


def csdid(path: str) -> dict:
    """Port of R's did."""
    import pandas as pd
    from csdid.att_gt import ATTgt

    frame = pd.read_parquet(path)
    found = ATTgt(
        yname="y", tname="t", idname="person", gname="g", data=frame, control_group=["notyettreated"],
        clustervar="team", biters=N_RUNS,
    ).fit(est_method="reg")  # fmt: skip
    summed = found.aggte(typec="simple")
    return {"simple": float(np.ravel(summed.atte["overall_att"])[0]), "error": None}


def moderndid(path: str) -> dict:
    """On polars; version 0.2.0 here, which ignores `clustervars`."""
    import polars as pl
    from moderndid import aggte, att_gt

    found = att_gt(
        pl.read_parquet(path), yname="y", tname="t", idname="person", gname="g", control_group="notyettreated",
        est_method="reg", boot=True, biters=N_RUNS,
    )  # fmt: skip
    summed = aggte(found, type="simple")
    return {"simple": float(summed.overall_att), "error": None}


def pyfixest(path: str) -> dict:
    """Another estimand: two-way fixed effects. For its time only."""
    import pandas as pd
    import pyfixest as pf

    frame = pd.read_parquet(path)
    frame["treated"] = ((frame["g"] > 0) & (frame["t"] >= frame["g"])).astype(float)
    fit = pf.feols("y ~ treated | team + t", data=frame, vcov={"CRV1": "team"})
    return {"simple": None, "error": float(fit.se().iloc[0])}


CONTENDERS = {"ours": ours, "diff-diff": diff_diff, "csdid": csdid, "moderndid": moderndid, "pyfixest": pyfixest}


def measured(name: str, python: str, path: Path) -> dict:
    """One contender in a process of its own."""
    command = [python, "-m", "benchmarks.inference", "--contender", name, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"longer than {LIMIT} s"}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or [f"exit {done.returncode} (memory?)"])[-1][:90]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def contend(name: str, path: str) -> None:
    """In the contender's process: imports are not counted, reading the file is."""
    if name == "ours":
        import duckdb  # noqa: F401

        from inference import associations, twfe  # noqa: F401
    else:
        __import__(name.replace("-", "_"))
        import pandas  # noqa: F401
    wall, cpu = time.monotonic(), time.process_time()
    found = CONTENDERS[name](path)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            found
            | {
                "wall": time.monotonic() - wall,
                "cpu": time.process_time() - cpu,
                "memory": usage.ru_maxrss / 1024,
            }
        )
    )


def main(peers: str, sizes: list[int]) -> None:
    alive = list(CONTENDERS)
    print(
        "| people | contender | wall s | CPU s | peak MB | wall ÷ ours | CPU ÷ ours | memory ÷ ours | simple − ours |"
    )
    print("|--:|---|--:|--:|--:|--:|--:|--:|--:|")
    for people in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.parquet"
            simulate(people, path)
            first: dict = {}
            for name in list(alive):
                row = measured(name, sys.executable if name == "ours" else peers, path)
                first = first or row
                if "failed" in row:
                    alive.remove(name)
                    print(f"| {people:,} | {name} | {row['failed']} | | | | | | |", flush=True)
                    continue
                ratios = " | ".join(f"{row[key] / first[key]:.1f}" for key in ("wall", "cpu", "memory"))
                same = "" if row["simple"] is None else f"{row['simple'] - first['simple']:.1e}"
                inside = f" (inference {row['inference']:.2f})" if "inference" in row else ""
                print(
                    f"| {people:,} | {name} | {row['wall']:.1f}{inside} | {row['cpu']:.1f} | {row['memory']:,.0f} | "
                    f"{ratios} | {same} |",
                    flush=True,
                )


if __name__ == "__main__":
    if sys.argv[1] == "--contender":
        contend(sys.argv[2], sys.argv[3])
    else:
        main(sys.argv[1], [int(size) for size in sys.argv[2:]] or [10_000, 100_000, 1_000_000])
