"""The import law of docs/decisions/0001-layers-and-imports.md, read from the source."""

import ast
from pathlib import Path

import pytest

PROJECT_ROOT = Path(__file__).parents[2]
PACKAGES = ("durable", "study", "ingest", "inference", "expectations", "publish", "simulation", "orchestration")
ALLOWED = {package: {package, "durable", "study"} for package in PACKAGES} | {
    "durable": {"durable"},
    "study": {"study"},
    "publish": {"publish", "inference", "durable", "study"},
    "orchestration": set(PACKAGES),
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


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_import_neither_each_other_nor_the_orchestrator(package):
    files = list((PROJECT_ROOT / package).rglob("*.py"))
    assert files, f"the package {package} is empty"
    forbidden = (set(PACKAGES) - ALLOWED[package]) | (set() if package == "orchestration" else ONLY_IN_ORCHESTRATION)
    broken = {str(path.relative_to(PROJECT_ROOT)): found for path in files if (found := imported(path) & forbidden)}
    assert not broken


def test_great_expectations_is_imported_by_the_gate_alone():
    users = {
        str(path.relative_to(PROJECT_ROOT))
        for package in PACKAGES
        for path in (PROJECT_ROOT / package).rglob("*.py")
        if "great_expectations" in imported(path)
    }
    assert users == {"expectations/gate.py"}


def test_inference_touches_no_files_and_no_sql():
    for path in (PROJECT_ROOT / "inference").rglob("*.py"):
        assert not imported(path) & {"duckdb", "pathlib", "os", "io", "sqlite3"}, path
