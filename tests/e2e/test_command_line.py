"""`coaching` as people type it: a process of its own, its exit codes and its words."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from publish.release import list_releases

COACHING = Path(sys.executable).with_name("coaching")


def coaching(*arguments, env=None):
    done = subprocess.run(
        [str(COACHING), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "120", "TERM": "dumb"} | (env or {}),
    )
    return done.returncode, done.stdout, done.stderr


def test_help_names_every_command_and_the_exit_codes():
    code, text, _ = coaching("--help")
    assert code == 0
    for word in ("init", "run", "status", "releases", "rollback", "simulate", "demo", "dev", "75", "refused"):
        assert word in text


def test_init_lays_out_a_workspace_with_a_closed_key_and_never_overwrites(tmp_path):
    folder = tmp_path / "my-org"
    code, text, _ = coaching("init", folder)
    assert code == 0 and "coaching run" in text
    assert (folder / "study.yml").read_text().startswith("# The study")
    assert (folder / "inbox" / "survey").is_dir()
    assert (folder / "secrets" / "pseudonym.key").stat().st_mode & 0o777 == 0o400
    assert coaching("init", folder)[0] == 2
    code, text, error = coaching("status", "-w", folder)
    assert code == 0 and "is empty; drop exports" in text and "nothing yet" in text, error
    code, _, error = coaching("run", "-w", folder)
    assert code == 2 and "is empty; drop exports" in error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--workspace", "{missing}"], "coaching init"),
        (["run", "--workspace", "{made}", "--as-of", "yesterday"], "2026-01-31"),
        (["rollback", "nothing", "--workspace", "{made}"], "no release"),
        (["simulate", "--out", "{made}/x", "--people", "3"], "at least 200"),
        (["nonsense"], "No such command"),
    ],
)
def test_wrong_use_exits_with_2_and_says_what_to_do(tmp_path, workspace, arguments, says):
    places = {"missing": tmp_path / "none", "made": workspace.root}
    code, _, error = coaching(*(argument.format(**places) for argument in arguments))
    assert code == 2
    assert says in error
    assert "Traceback" not in error


def test_a_wrong_study_exits_with_2_and_names_the_line(workspace):
    workspace.study.write_text(workspace.study.read_text().replace("min_group_size: 10", "min_group_size: 3"))
    code, _, error = coaching("run", "--workspace", workspace.root)
    assert code == 2
    assert "study.yml" in error and "min_group_size" in error


def test_without_a_key_nothing_runs(workspace):
    code, _, error = coaching("run", "--workspace", workspace.root, env={"COACHING_PSEUDONYM_KEY": ""})
    assert code == 2
    assert "no pseudonym key" in error


def test_nothing_new_is_said_quickly_and_a_rollback_is_served(copy_of_published):
    code, text, _ = coaching("run", "--workspace", copy_of_published.root)
    assert code == 0
    assert "Nothing new" in text and "Primary comparisons" in text
    [only] = list_releases(copy_of_published.releases)
    assert coaching("rollback", only[:14], "--workspace", copy_of_published.root)[0] == 0
    code, text, _ = coaching("status", "--workspace", copy_of_published.root)
    assert code == 0 and f"Served: {only}" in text and "rolled_back" in text
    code, text, _ = coaching("releases", "--workspace", copy_of_published.root)
    assert code == 0 and only in text


@pytest.mark.slow
def test_a_refused_night_exits_with_3_and_reads_like_advice(copy_of_published):
    (copy_of_published.inbox / "hris" / "hris_2025-01.csv").write_text("<html>Sign in</html>\n")
    code, _, error = coaching("run", "--workspace", copy_of_published.root, "--as-of", "2025-02-01")
    assert code == 3
    assert "The gate refused; the last release stays" in error
    assert "web page" in error
    assert "Traceback" not in error


@pytest.mark.slow
def test_who_looks_at_a_coach_is_noted_and_others_are_no_coaches(copy_of_published):
    from ingest.pseudonyms import Pseudonyms
    from publish import ledger
    from publish.restricted import current_coaches

    known = set(current_coaches(copy_of_published.restricted)[1]["coach_person_id"])
    export = sorted((copy_of_published.inbox / "hris").glob("hris_*.csv"))[0].read_text()
    ids = re.findall(r"^(E\d+),", export, re.M)
    hashes = {one: Pseudonyms.from_environment(copy_of_published.key_file).hash(one) for one in ids}
    coach = next(one for one, pseudonym in hashes.items() if pseudonym in known)
    code, text, _ = coaching("coach", "--id", coach, "--workspace", copy_of_published.root)
    assert code == 0
    assert "engagement_score" in text and "never a basis for pay" in text
    noted = ledger.read(copy_of_published.ledger)[-1]
    assert (noted["event"], noted["n_rows"] > 0) == ("restricted_read", True)
    assert coach not in str(noted) and hashes[coach] not in str(noted)
    other = next(one for one, pseudonym in hashes.items() if pseudonym not in known)
    code, _, error = coaching("coach", "--id", other, "--workspace", copy_of_published.root)
    assert code == 2 and "no coach with this id" in error
