"""The import law of docs/decisions/0001-the-house.md, read from the source."""

import ast
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
ROOMS = ("durable", "study", "ingest", "inference", "expectations", "publish", "simulation", "orchestration")
ALLOWED = {room: {room, "durable", "study"} for room in ROOMS} | {
    "durable": {"durable"},
    "study": {"study"},
    "publish": {"publish", "inference", "durable", "study"},
    "orchestration": set(ROOMS),
}
ONLY_IN_ORCHESTRATION = {"dagster", "dagster_dbt"}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_neither_each_other_nor_the_orchestrator(room):
    files = list((HOUSE / room).rglob("*.py"))
    assert files, f"the room {room} is empty"
    forbidden = (set(ROOMS) - ALLOWED[room]) | (set() if room == "orchestration" else ONLY_IN_ORCHESTRATION)
    broken = {str(path.relative_to(HOUSE)): found for path in files if (found := imported(path) & forbidden)}
    assert not broken


def test_great_expectations_is_imported_by_the_gate_alone():
    users = {
        str(path.relative_to(HOUSE))
        for room in ROOMS
        for path in (HOUSE / room).rglob("*.py")
        if "great_expectations" in imported(path)
    }
    assert users == {"expectations/gate.py"}


def test_inference_touches_no_files_and_no_sql():
    for path in (HOUSE / "inference").rglob("*.py"):
        assert not imported(path) & {"duckdb", "pathlib", "os", "io", "sqlite3"}, path
