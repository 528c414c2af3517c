"""Every command with every option, as people type it, on a real workspace: exit codes, words and effects.

The steps are a table (`walks.py`): a command, an option, a variable or an exit code that no step has fails a test here.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from orchestration.workspace import Workspace
from publish import ledger
from publish.release import current_release
from tests.e2e.steps import COACHING, Place, Step, run
from tests.e2e.test_documented_commands import OF_TYPER, PROJECT_ROOT, commands, leaf
from tests.e2e.walks import LATER, ON_THE_DEMO, SMALL, WALKS

pytestmark = pytest.mark.slow


def shape(text: str) -> str:
    """A line with 9 for every number and every verdict's word gone, so that two runs of different people look alike."""
    return re.sub(r"[+−-]?\d[\d,.]*", "9", " ".join(text.split()))


def test_the_readme_shows_what_the_demo_prints(printed_by_demo):
    """Steps in their order, counts, the gate's line, the table's heads and rows, the page's place."""
    printed = printed_by_demo
    block = re.search(r"^Running the pipeline: .*?^Page: .*?$", (PROJECT_ROOT / "README.md").read_text(), re.M | re.S)[
        0
    ]
    steps = [re.findall(r"(?:: |· )([^·:]+?) [\d.]+ s", text) for text in (block, printed)]
    assert steps[0] == steps[1] and len(steps[0]) > 6
    shapes = {shape(line) for line in printed.splitlines()}
    for line in ("Running the pipeline: ", "Gate: ", " outcome "):
        shown = next(one for one in block.splitlines() if one.startswith(line))
        assert shape(shown) in shapes, shown
    for line in ("Engagement, points", "Goals met, pp", "Retention, pp"):
        row = next(one.split("  ") for one in block.splitlines() if one.strip().startswith(line))
        same = next(one.split("  ") for one in printed.splitlines() if one.strip().startswith(line))
        assert len(list(filter(str.strip, row))) == len(list(filter(str.strip, same))), same
    assert "file(s) read: checkins about" in block and "file(s) read: checkins about" in " ".join(printed.split())
    assert (
        re.search(r"^Page: .*/releases/current/index.html$", block, re.M) and "releases/current/index.html" in printed
    )


@pytest.mark.parametrize("name", WALKS)
def test_a_walk(name, request, tmp_path):
    if name in ON_THE_DEMO:
        root = shutil.copytree(request.getfixturevalue("published").root, tmp_path / "workspace", symlinks=True)
    else:
        root = request.getfixturevalue("copy_of_published").root
    place = Place(tmp_path, root)
    for step in WALKS[name]:
        step.before(place)
        with step.during(place):
            code, printed = run(step, place)
        assert code == step.code, f"coaching {step.words}\n{printed}"
        assert re.search(step.says, printed, re.M), f"coaching {step.words}: {step.says}\n{printed}"
        assert "Traceback" not in printed, f"coaching {step.words}\n{printed}"
        step.after(place, printed)


def test_a_run_whose_terminal_is_closed_is_noted_and_leaves_no_process(copy_of_published, tmp_path):
    there = copy_of_published
    shutil.rmtree(there.dbt_target / "run", ignore_errors=True)
    known = len(ledger.read(there.ledger))
    heard = tmp_path / "heard.json"
    with (tmp_path / "printed").open("w") as file:
        process = subprocess.Popen(
            [str(COACHING), "run", "-w", str(there.root), "--as-of", LATER],
            stdout=file,
            stderr=file,
            env=os.environ | {"COACHING_NOTIFY": f"tee {heard}"},
            start_new_session=True,
        )
    end = time.monotonic() + 180
    while not (there.dbt_target / "run" / "dbt.log").exists() or len(ledger.read(there.ledger)) == known:
        assert process.poll() is None and time.monotonic() < end, (tmp_path / "printed").read_text()
        time.sleep(0.2)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=60) == 1
    assert "it was asked to stop" in (tmp_path / "printed").read_text()
    assert "it was asked to stop" in ledger.read(there.ledger)[-1]["reason"]
    assert json.loads(heard.read_text())["event"] == "failed"
    end = time.monotonic() + 20  # dbt gets the signal too and needs a moment to end
    while alive_in_group(process.pid) and time.monotonic() < end:
        time.sleep(0.2)
    assert alive_in_group(process.pid) == []


@pytest.fixture
def small_disk(copy_of_published, tmp_path):
    """The workspace on a file system of its own in memory, made as small as asked; skips where none can be made."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(place)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"this machine cannot make a small disk: {made.stderr.strip()}")
    shutil.copytree(copy_of_published.root, place / "workspace", symlinks=True)

    def shrink(left: int) -> Workspace:
        known = os.statvfs(place)
        size = (known.f_blocks - known.f_bfree) * known.f_frsize + left
        subprocess.run(["mount", "-o", f"remount,size={size}", str(place)], check=True)
        return Workspace(place / "workspace")

    yield shrink
    subprocess.run(["umount", "-l", str(place)], check=False)


@pytest.mark.parametrize("left", [0, 25_000_000], ids=["nothing left", "25 MB left"])
def test_a_full_disk_ends_in_words_and_a_notification(small_disk, tmp_path, left):
    there = small_disk(left)
    served = current_release(there.releases).name
    place = Place(tmp_path, there.root)
    place["heard"] = str(tmp_path / "heard.json")
    # With nothing left it ends at once, by dbt as users run it; later its own writes are what fails.
    step = Step(f"run -w {{w}} --as-of {LATER}", env={"COACHING_NOTIFY": "tee {heard}"}, alone=not left)
    code, printed = run(step, place)
    assert code == 1, printed
    assert "Traceback" not in printed
    assert re.search(rf"the disk of {there.root} has \d+ MB left", " ".join(printed.split())), printed
    heard = json.loads(Path(place["heard"]).read_text())
    assert heard["event"] == "failed"
    assert "MB left" in heard["reasons"][0]
    assert current_release(there.releases).name == served


def alive_in_group(group: int) -> list[str]:
    """Processes of a group that have not ended (one that has, and that nobody has asked about, is still listed)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            state, _, of_group, *_ = path.read_text().rpartition(")")[2].split()
            found += [state] if int(of_group) == group and state not in "ZX" else []
    return found


STEPS = [Step(f"demo -w {{w}} {SMALL}"), *(step for walk in WALKS.values() for step in walk)]


def met() -> dict[str, tuple[set[str], set[int]]]:
    """Command → options that a step gives it, and exit codes that a step expects."""
    known = {id(command): name for name, command in commands()}
    found: dict[str, tuple[set[str], set[int]]] = {name: (set(), set()) for name in known.values()}
    for step in STEPS:
        if step.words == "nonsense":
            continue
        command, rest = leaf(step.tokens())
        options, codes = found[known[id(command)]]
        options |= {one for one in rest if one.startswith("-")}
        codes.add(step.code)
    return found


def exit_codes() -> dict[str, set[int]]:
    """Command → the exit codes that docs/reference/commands.md gives it."""
    text = (PROJECT_ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(coaching[a-z -]*)`.*\| ([0-9, ]+) \|$", text, flags=re.M)
    return {name: {int(code) for code in codes.split(",")} for name, codes in rows}


@pytest.mark.parametrize(("name", "command"), commands(), ids=lambda one: one if isinstance(one, str) else "")
def test_every_option_and_exit_code_of_a_command_has_a_step(name, command):
    given, codes = met()[name]
    options = [one for one in command.params if one.param_type_name == "option" and not set(one.opts) & OF_TYPER]
    assert not [one.opts for one in options if not set(one.opts) & given]
    assert codes == exit_codes()[name]


def test_every_variable_of_the_environment_has_a_step():
    text = (PROJECT_ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(COACHING_\w+)`", text, flags=re.M))
    assert documented == {name for step in STEPS for name in step.env}
