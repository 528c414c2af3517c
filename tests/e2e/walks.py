"""The walks of `test_commands.py`: every command with every option, in an order in which people would type them."""

import json
from pathlib import Path

from publish import ledger
from publish.release import manifest_of
from tests.conftest import DEMO
from tests.e2e.effects import (
    PAGE,
    age_ledger,
    amount,
    are_unlike,
    change,
    change_code_version,
    choose_person,
    correct_by_hand,
    damage_landing,
    do_without_that_day,
    is_drawn,
    is_erased,
    is_laid_out,
    is_look_noted,
    is_served,
    load_of_many,
    number_of,
    port_taken,
    says_what_was_changed,
    sees,
    spoil_last_export,
    take_key_away,
    warehouse_held,
    workspace_held,
    write,
)
from tests.e2e.steps import Step

LATER = "2025-04-01"  # after the last export of the simulated year
SIMULATE = "simulate --people 200 --months 12"
ASSIGN = f"assign -w {{w}} --as-of {LATER} --kickoff 2099-01-31"
SMALL = " ".join(f"--{name} {value}" for name, value in DEMO.items())

# Each walk is on a copy of a published workspace of its own: the demo's, else one of few questions.
ON_THE_DEMO = ("simulate, demo and design",)
WALKS: dict[str, list[Step]] = {
    "a new workspace": [
        Step("", 2, "Did turning our managers into coaches work"),
        Step("nonsense", 2, "No such command"),
        Step("--version", 0, r"^\d+\.\d+\.\d+$"),
        Step("--help", 0, "75"),
        Step("init new", 0, "coaching run --workspace new", after=sees(lambda p, _: is_laid_out(p))),
        Step("init new", 2, "nothing was changed"),
        Step("doctor -w new", 0, "none yet"),
        Step("status -w new", 0, r"(?s)nothing yet.*is empty; drop exports"),
        Step("status -w nowhere", 2, "coaching init nowhere"),
        Step("run -w new", 2, "is empty; drop exports"),
        Step("run -w nowhere", 2, "coaching init nowhere"),
        Step("run -w new --as-of yesterday", 2, "2026-01-31"),
        Step("run -w new --as-of 2999-01-01", 2, "has not come yet"),
        Step("releases -w new", 0, "no release yet"),
        Step("releases -w nowhere", 2, "coaching init nowhere"),
        Step("doctor -w nowhere", 2, "coaching init nowhere"),
        Step("quarantine list -w new", 2, "nothing was loaded yet"),
        Step("quarantine list -w nowhere", 2, "coaching init nowhere"),
        Step("quarantine replay -w nowhere", 2, "coaching init nowhere"),
        Step("gate explain -w nowhere", 2, "coaching init nowhere"),
        Step("coach-report --id E1 -w new", 2, "there is no restricted release"),
        Step("dev -w nowhere", 2, "coaching init nowhere"),
        Step("run -w new", 2, "no pseudonym key", before=take_key_away, env={"COACHING_PSEUDONYM_KEY": ""}),
        Step("run -w new", 2, "write whole gigabytes, as 8GB", env={"COACHING_MEMORY": "lots"}),
        Step("run -w new", 2, "write a whole number from 1 on", env={"COACHING_THREADS": "0"}),
        Step("mapping list", 0, "qualtrics"),
        Step("mapping list -w nowhere", 2, "coaching init nowhere"),
    ],
    "simulate, demo and design": [
        Step(f"{SIMULATE} --out one/inbox --seed 3 --effect 0", 0, "200 people × 12 months"),
        Step("simulate --out one/inbox", 2, "holds files already"),
        Step("simulate --out other/inbox --people 3", 2, "at least 200"),
        Step(
            f"{SIMULATE} --out two/inbox --seed 4 --effect 2",
            after=sees(lambda p, _: are_unlike(p)),
        ),
        Step("demo -w demo --people 3", 2, "at least 200"),
        Step("demo -w {w} --people 400", 2, "was simulated with --people 600"),
        Step("demo -w {w} --months 15", 2, "with .*--months 12"),
        Step(
            "demo -w {w} --seed 8 --effect 2 --people 600 --months 12",
            2,
            "with --seed 7, --effect 1; use another folder",
        ),
        Step(f"demo -w {{w}} {SMALL}", 0, r"(?s)Nothing new.*Page:"),
        Step("design --teams 40", after=lambda p, printed: p.update(plan=printed)),
        *(
            Step(
                f"design --teams 40 {option}", 0, after=sees(lambda p, printed: "effects from" in printed != p["plan"])
            )
            for option in (
                "--people 5",
                "--share 0.3",
                "--icc 0.2",
                "--sd 20",
                "--effect 0.4",
                "--before 1",
                "--after 3",
                "--lasting-unit 0.5",
                "--lasting-person 0.2",
                "--uneven 0.9",
                "--alpha 0.01",
            )
        ),
        Step(
            "design --teams 40 --picture power.svg",
            after=sees(lambda p, _: is_drawn(p)),
        ),
        Step("design --teams 40", 0, r"Guessed, .*--icc 0.1.*coaching assign reads them"),
        Step("design --teams 40 --share 2", 2, "share"),
        Step("design --teams 40 --picture none/power.svg", 2, "there is no folder"),
    ],
    "the pilot before it begins": [
        Step("register -w {w} --out none/text.md", 2, "there is no folder"),
        Step("register -w {w}", 75, "another program has", during=warehouse_held),
        Step("register -w {w}", 0, "releases say that this was registered afterwards"),
        Step("register -w {w} --out text.md", 2, "what was registered stays. Changed since, .*: nothing"),
        Step(
            f"run -w {{w}} --as-of {LATER}",
            before=change("{w}/study.yml", "difference: 0.02", "difference: 0.03"),
            after=sees(lambda p, _: says_what_was_changed(p)),
        ),
        Step("reproduce current -w {w}", 0, "files are the same to the byte"),
        Step(f"{ASSIGN} --per-cohort 7", 75, "another run holds", during=workspace_held),
        Step(f"{ASSIGN} --per-cohort 3", 2, "too few: below 6 in an arm"),
        Step(
            f"{ASSIGN} --per-cohort 3 --cohorts 2 --months-between 2 --strata site --pairs engagement_score --seed 5 "
            "--exclude 'T00004=merges in May' --picture power.svg",
            0,
            # One wave came before the first kick-off that there was: no past to judge power by.
            r"(?s)merges in May.*wave_2099_01_31.*wave_2099_03_31.*one period only.*Drawn with seed 5.*no lot gave",
        ),
        Step(f"{ASSIGN} --per-cohort 7", 1, "could not be loaded", before=damage_landing),
    ],
    "mapping": [
        Step("mapping list -w {w}", 0, "hris"),
        Step(
            "mapping check {hris} -w {w}",
            0,
            r"(?s)looks like hris.*would load",
            after=sees(lambda _, t: "found again" not in t),
        ),
        Step("mapping check {hris} -s survey -w {w}", 3, "It would not load"),
        Step("mapping check {hris} --source nosuch -w {w}", 2, "no such mapping"),
        Step("mapping check page.csv -w {w}", 3, "web page", before=write("{folder}/page.csv", PAGE)),
        Step("mapping check nowhere.csv", 2, "does not exist"),
        Step(
            "mapping check hris_2024-12.csv -w {w}",
            0,
            r"^- 0 of the 6\d\d people of 2024-11-01 are found again, and \d\d\d of the others are known by e-mail",
            before=lambda p: (p.folder / "hris_2024-12.csv").write_text(p.hris().read_text().replace("E0", "X0")),
        ),
        Step("mapping check {hris} -w {w}", 0, "another program has", during=warehouse_held),
        Step("mapping draft {hris}", 0, r"(?m)^source: hris"),
        Step("mapping draft {survey} -s survey", 0, r"(?m)^source: survey"),
        Step("mapping draft {survey} -s nosuch", 2, "hris, survey, checkins, roster"),
        Step("mapping draft page.csv", 3, "web page"),
    ],
    "quarantine": [
        Step("quarantine list -w {w}", 0, "(?s)checkins_2024.*hris_2024"),
        Step(
            "quarantine list -w {w} -s hris",
            after=sees(lambda _, t: "hris_" in t and "checkins_" not in t),
        ),
        Step("quarantine list -w {w} -s nosuch", 2, "one of hris"),
        Step("quarantine list -w {w} --set-aside", 0, "set_aside"),
        Step("quarantine show {load} -w {w}", 0, "there stands"),
        Step("quarantine show {load} -w {w} --raw", 0, "(?m)^  sent: E0"),
        Step("quarantine show {load} -w {w} --line 13", 0, "line 13"),
        Step("quarantine show {load} -w {w} --line 14", 2, "nothing is quarantined"),
        Step(
            "quarantine show {many} -w {w} -n 1",
            before=load_of_many,
            after=sees(lambda _, t: number_of("expected", t) == 1),
        ),
        Step("quarantine show nosuch -w {w}", 2, "nothing is quarantined in 'nosuch'"),
        Step("quarantine fix nosuch -w {w}", 2, "nothing faulty is quarantined in nosuch"),
        Step("quarantine fix {load} -w {w}", 0, "it names people: delete it afterwards"),
        Step("quarantine fix {load} -w {w}", 2, "is there already"),
        Step(
            "quarantine fix {load} --with {note} -w {w}",
            0,
            "1 line corrected",
            before=correct_by_hand,
            after=sees(
                lambda p, _: "02/28/2021" in (p.there.inbox / "hris" / "hris_2024-03.corrected.csv").read_text()
            ),
        ),
        Step("quarantine replay -w {w}", 0, "No mapping has changed"),
        Step(
            "quarantine replay -w {w}", 0, r"hris_2024-03.csv: 1 quarantined before, 0 now", before=do_without_that_day
        ),
        *(
            Step(f"quarantine {words} -w {{w}}", 75, "another program has", during=warehouse_held)
            for words in ("list", "show x", "fix x", "replay")
        ),
        Step("quarantine replay -w {w}", 75, "another run holds", during=workspace_held),
        Step("quarantine list -w {w}", 2, "delete it: the next run", before=write("{w}/warehouse.duckdb", "damaged")),
        Step("quarantine replay -w {w}", 2, "delete it: the next run"),
        Step("doctor -w {w}", 1, "warehouse"),
        Step(
            "run -w {w} --as-of 2025-03-03",
            1,
            "delete it: the next run",
            after=sees(lambda p, _: ledger.read(p.there.ledger)[-1]["event"] == "failed"),
        ),
        Step("restate -w {w} --as-of 2025-03-03", 1, "delete it: the next run"),
    ],
    "runs": [
        Step("run -w {w}", 0, "Nothing new since release"),
        Step("run", 0, "Nothing new since release", env={"COACHING_WORKSPACE": "{w}"}),
        Step("status --workspace {w}", 0, "published"),
        Step("doctor -w {w}", 0, "can be opened"),
        Step(
            "doctor -w {w}",
            1,
            "runs are due nightly, and 1 new file",
            before=age_ledger,
            env={"COACHING_NIGHTLY": "on"},
        ),
        Step(
            f"run -w {{w}} --as-of {LATER}",
            3,
            "(?s)The gate refused; the last release stays.*web page",
            before=spoil_last_export,
            env={"COACHING_NOTIFY": "tee {heard}"},
            after=sees(lambda p, _: json.loads(Path(p["heard"]).read_text())["event"] == "refused"),
        ),
        Step(f"restate -w {{w}} --as-of {LATER}", 3, "(?s)The gate refused; the last release stays.*web page"),
        Step(f"run -w {{w}} --as-of {LATER}", 75, "another run holds", during=workspace_held),
        Step(f"run -w {{w}} --as-of {LATER}", 75, "another program has", during=warehouse_held),
        Step("run -w {w}", 2, "min_group_size", before=change("{w}/study.yml", "group_size: 10", "group_size: 3")),
        Step("restate -w {w}", 2, "min_group_size"),
        Step("status -w {w}", 2, "min_group_size"),
        Step("doctor -w {w}", 1, "min_group_size"),
        Step("gate explain -w {w}", 0, "blocked"),
        Step("gate explain nosuch -w {w}", 2, "no check"),
    ],
    "releases": [
        Step("releases -w {w}", 0, r"→ . \d{4}-\d\d-\d\d-[0-9a-f]{10}"),
        Step("diff {release} -w {w}", 0, "Every published number is the same"),
        Step("explain current engagement_score -w {w}", 0, "pub_estimates: att_not_yet_treated"),
        Step(
            "explain {release} engagement_score --segment 'tenure: under 1 year' -w {w}",
            after=sees(lambda _, printed: "tenure: under 1 year" in printed.splitlines()[0]),
        ),
        Step("explain current engagement_score --segment nosuch -w {w}", 2, "nosuch"),
        Step("explain current nosuch -w {w}", 2, "nosuch"),
        Step("explain nosuch engagement_score -w {w}", 2, "is no release of this workspace"),
        Step("restate -w {w} --as-of 2025-03-03", 0, "groups of cells stay as published"),
        Step("reproduce current -w {w}", 0, "files are the same to the byte"),
        Step("restate -w {w}", 75, "another run holds", during=workspace_held),
        Step("reproduce nosuch -w {w}", 2, "is no release of this workspace"),
        Step("reproduce {release} -w {w}", 75, "another run holds", during=workspace_held),
        Step(
            "run -w {w} --as-of 2024-10-15",
            0,
            "a release of its own",
            after=sees(lambda p, _: manifest_of(p.there.releases / p.earlier())["as_of"] == "2024-10-15"),
        ),
        Step("run -w {w} --as-of 2024-10-15", 0, "Nothing new since release 2024-10-15"),
        Step("diff {release} {earlier} --rows 1 -w {w}", after=sees(lambda _, t: number_of("→.*[0-9]", t) > 1)),
        Step("diff {release} {earlier} --rows 0 -w {w}", after=sees(lambda _, t: number_of(" → ", t) == 1)),
        Step("diff {release} nosuch -w {w}", 2, "is no release of this workspace"),
        Step("rollback {earlier} -w {w}", 2, "must not be served"),
        Step("rollback 20 -w {w}", 2, "fits several releases"),
        Step("rollback {release} -w {w}", 75, "another run holds", during=workspace_held),
        Step(
            "rollback {release} -w {w}",
            0,
            "Served now",
            after=sees(lambda p, _: is_served(p, p.release())),
        ),
        Step(
            "coach-report --id {coach} -w {w}",
            0,
            r"(?s)engagement_score.*never a basis for pay",
            after=sees(lambda p, _: is_look_noted(p)),
        ),
        Step("coach-report --id E0000000 -w {w}", 2, "no coach with this id"),
        Step("gate explain -w {w}", 0, "kept"),
        Step("gate explain unit_coverage -w {w}", 0, r"(?s)warn: 0\.97.*to do:"),
        Step(
            "reproduce {earlier} -w {w}",
            2,
            "was made by code other",
            before=change_code_version,
        ),
        Step("reproduce {earlier} --anyway --rows 1 -w {w}", 1, r"1 file\(s\) differ: manifest.json"),
    ],
    "erasing": [
        Step("erase -w {w}", 2, "id"),
        Step("erase --id E9999999 --yes -w {w}", 2, "nothing was changed"),
        Step(
            "erase --id {person} --name {name} --dry-run -w {w}",
            0,
            "Nothing was changed",
            before=choose_person,
            after=lambda p, printed: p.update(amount=amount(printed)),
        ),
        Step("erase --id {person} -w {w}", 2, "nothing was changed", typed="n\n"),
        Step("erase --id {person} -w {w}", 1, "Abort"),
        Step("erase --id {person} --yes -w {w}", 75, "another run holds", during=workspace_held),
        Step(
            "erase --id {person} --name {name} -w {w}",
            0,
            "are gone",
            typed="y\n",
            after=sees(lambda p, t: is_erased(p, p["person"], p["surname"]) and amount(t) == p["amount"]),
        ),
        Step("erase --email {email} --yes -w {w}", 0, "are gone", after=sees(lambda p, _: is_erased(p, p["email"]))),
    ],
    "the web server": [
        Step("dev -w {w} --port {port}", 0, "http://coaching-", until="http://"),
        Step("dev -w {w} --port {port} --read-only", 0, "http://coaching-", until="http://"),
        Step("dev -w {w} --port {taken}", 2, "port", during=port_taken),
        Step("dev -w {w} --port 0", 2, "port"),
        Step(
            "dev -w {w} --port {port}",
            1,
            "delete it, the next start",
            before=write("{w}/dagster/dagster.yaml", "telemetry: ["),
        ),
    ],
}
