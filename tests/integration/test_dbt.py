"""dbt's own unit tests, run by dbt on DuckDB, on the schema of a real warehouse."""

import json
import re

from orchestration.assets.transform import PROJECT
from tests.models import compiled_manifest, dbt


def test_dbts_unit_tests_pass(copy_of_published, tmp_path):
    done = dbt(tmp_path / "target", copy_of_published.warehouse, "2100-01-01", "test", "--select", "test_type:unit")
    assert done.returncode == 0, done.stdout[-4000:]
    passed = int(re.search(r"PASS=(\d+)", done.stdout).group(1))
    assert passed >= 20


def test_every_model_has_a_key_test_and_a_grain_and_marts_have_contracts():
    manifest = json.loads(compiled_manifest().read_text())
    models = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    keyed = {
        parent
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == "unique_key"
        for parent in node["depends_on"]["nodes"]
    }
    assert set(models) <= keyed
    for name, node in models.items():
        assert node["description"].startswith("grain:"), name
        if node["schema"] in ("cells", "comparisons"):
            assert node["config"]["contract"]["enforced"], name


def test_no_model_reads_a_clock_or_names_an_engine(published):
    forbidden = re.compile(r"current_date|current_timestamp|\bnow\(\)|\btoday\(\)|list_|struct_|::", re.IGNORECASE)
    for path in (PROJECT / "models").rglob("*.sql"):
        assert not forbidden.search(path.read_text()), path


def test_the_code_folder_is_not_written_to(published):
    assert not (PROJECT / "target").exists()
    assert not (PROJECT / "logs").exists()
