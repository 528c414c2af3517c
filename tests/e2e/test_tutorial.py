"""The tutorial, typed as it stands: its commands in order, in one folder, and the output that it shows."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.steps import environment, run_here

PROJECT_ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = PROJECT_ROOT / "docs" / "tutorial"
SAVED_AS = "payroll_2024-12.csv"
LOAD = "edeebb5f"  # as the page has it; every workspace has other ids


def words(text: str) -> str:
    """One line, without a table's frame and the width of its columns."""
    return " ".join(text.replace("│", " ").split())


def steps(page: str) -> list[tuple[str, list[str]]]:
    """Each command and the lines shown below it; a file to save stands among them as a command of its own."""
    found: list[tuple[str, list[str]]] = []
    text = (TUTORIAL / page).read_text(encoding="utf-8")
    for language, body in re.findall(r"^```(console|text)\n(.*?)^```", text, flags=re.M | re.S):
        if language == "text":
            found.append((f"cat > {SAVED_AS} <<'END'\n{body}END", []))
            continue
        for line in body.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def typed(command: str, folder: Path) -> str:
    """Ours in this process, where its models are known already; the shell's by the shell."""
    ours = re.fullmatch(r"coaching (.*?)(?: > (\S+))?", command)
    if ours:
        code, printed = run_here(shlex.split(ours[1]), folder, environment())
        if ours[2]:
            (folder / ours[2]).write_text(printed, encoding="utf-8")
    else:
        done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
        code, printed = done.returncode, done.stdout + done.stderr
    assert code == 0, f"{command}\n{printed}"
    return printed


@pytest.mark.organisation
def test_a_pilot_planned_as_it_stands(tmp_path, published):
    shutil.copytree(published.releases / "current", tmp_path / "other-country")
    for command, shown in steps("plan-a-pilot.md"):
        printed = words(typed(command, tmp_path))
        for line in shown:
            assert words(line) in printed, f"{command}\nnot printed: {line}\n{printed}"


@pytest.mark.organisation
def test_the_first_hour_typed_as_it_stands(tmp_path):
    load, printed = LOAD, ""
    for command, shown in steps("first-hour.md"):
        printed = typed(command.replace(LOAD, load), tmp_path)
        if command.startswith("coaching quarantine list"):
            load = re.search(r"(\w{8}) +│ +hris_2024-03", printed)[1]
        for line in shown:
            expected = words(line.replace(LOAD, load).replace("…", str(tmp_path)))
            assert expected in words(printed), f"{command}\nnot printed: {expected}\n{printed}"
    drafted = (tmp_path / "my-org" / "sources" / "payroll.yml").read_text()
    assert "# GUESS" in drafted and re.search(r"# Not read:\n# +Contract$", drafted, flags=re.M)

    (note := tmp_path / f"fix_{load}.txt").unlink()
    printed = typed(f"coaching quarantine fix {load} -w my-org", tmp_path)
    note.write_text(note.read_text().replace("02/30/2021", "02/28/2021"))
    as_printed = re.search(r"^coaching quarantine fix .*$", printed, flags=re.M)[0]
    assert "1 line corrected" in typed(as_printed, tmp_path)
