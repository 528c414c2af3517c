"""The import rule of docs/decisions/0001-layers-and-imports.md, read from the source: Python's imports and SQL's."""

import ast
import re
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
# The schemas that each package's SQL names. dbt alone goes from one layer to the next.
READS = {
    "durable": set(),
    "study": set(),
    "ingest": {"raw"},
    "inference": set(),
    "simulation": set(),
    # The gate judges every layer, and the shape that closed cells must keep.
    "expectations": {"raw", "staging", "intermediate", "panels", "cells", "comparisons", "estimates", "closed"},
    # Panels and intermediate for the restatement: whose values changed?
    "publish": {"staging", "intermediate", "panels", "cells", "comparisons", "estimates", "closed"},
    "orchestration": {
        *("raw", "staging", "intermediate", "cells", "comparisons", "estimates", "closed", "restricted"),
    },
}
SCHEMAS = "raw|staging|intermediate|panels|cells|comparisons|estimates|candidate|closed|gate|restricted"
LAYERS = ("staging", "intermediate", "panels", "cells", "comparisons")
LAYER_OF = dict(zip(("stg", "int", "pnl", "cell", "cmp"), LAYERS, strict=True))
MODELS = sorted((PROJECT_ROOT / "dbt_project" / "models").rglob("*.sql"))
REASON = "{# Beside the layer before: "


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_neither_each_other_nor_the_orchestrator(package):
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


def texts(package: str) -> list[str]:
    """Every text of a package that may hold SQL."""
    folder = PROJECT_ROOT / package
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py")]
    found = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return [text for text in found if isinstance(text, str)] + [p.read_text("utf-8") for p in folder.rglob("*.yml")]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_names_the_schemas_that_it_may_read(package):
    pattern = rf"(?:from|join|into|update)\s+({SCHEMAS})\.\w"
    assert {schema for text in texts(package) for schema in re.findall(pattern, text)} == READS[package]


def layer_of(model: str) -> str:
    return LAYER_OF[model.split("_", maxsplit=1)[0]]


def beside(path: Path) -> set[str]:
    """What a model reads that is neither of its own layer, nor of the one before, nor the study's."""
    text, place = path.read_text(encoding="utf-8"), LAYERS.index(layer_of(path.stem))
    models = {name for name in re.findall(r"ref\('(\w+)'\)", text) if not name.startswith("stg_study__")}
    found = {name for name in models if LAYERS.index(layer_of(name)) not in (place - 1, place)}
    sources = set(re.findall(r"source\('(raw)', '(?!raw_study__)(\w+)'\)", text)) if place else set()
    return found | {".".join(pair) for pair in sources}


@pytest.mark.parametrize("path", MODELS, ids=[path.stem for path in MODELS])
def test_a_model_reads_the_layer_before_or_says_why_not(path):
    has_reason = path.read_text(encoding="utf-8").startswith(REASON)
    assert bool(beside(path)) == has_reason, beside(path)


def test_no_model_reads_a_later_layer():
    back = {
        f"{path.stem} reads {name}"
        for path in MODELS
        for name in re.findall(r"ref\('(\w+)'\)", path.read_text(encoding="utf-8"))
        if LAYERS.index(layer_of(name)) > LAYERS.index(layer_of(path.stem))
    }
    assert back == {"pnl_kickoffs reads cell_units"}, "an arrow back needs its reason here and in the model"
