"""The runbook for a new metric, followed to the letter: a panel, a row and a name; the rest follows by itself."""

import csv
import re
import shutil
import textwrap

from ingest.warehouse import warehouse
from orchestration.assets.transform import PROJECT
from study.catalogue import CATALOGUE, Metric
from tests.models import dbt


def block(text: str, language: str) -> str:
    return textwrap.dedent(re.search(rf"^ *```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE).group(1))


def test_a_metric_is_a_panel_a_row_and_a_page(copy_of_published, tmp_path, request):
    text = (request.config.rootpath / "docs" / "how-to" / "add-a-metric.md").read_text(encoding="utf-8")
    project = tmp_path / "dbt_project"
    shutil.copytree(PROJECT, project)
    panel, row = block(text, "sql"), block(text, "csv")
    name = row.split(",")[0]
    (project / "models" / "marts" / "panels" / "pnl_manager_changes.sql").write_text(panel, encoding="utf-8")
    settings = project / "dbt_project.yml"
    named = settings.read_text(encoding="utf-8").replace("panels: [", "panels: [pnl_manager_changes, ")
    settings.write_text(named, encoding="utf-8")
    with warehouse(copy_of_published.warehouse) as connection:
        heads = CATALOGUE.read_text(encoding="utf-8").splitlines()[0].split(",")
        added = Metric(**{key: value for key, value in zip(heads, next(csv.reader([row])), strict=True) if value})
        marks = ", ".join("?" * len(heads))
        connection.execute(f"insert into raw.raw_study__metrics values ({marks})", list(added.model_dump().values()))
        connection.execute("insert into raw.raw_study__outcomes values (?, 'secondary', 'quarter', 0)", [name])
    arguments = ("build", "--exclude", "test_type:unit")
    done = dbt(tmp_path / "target", copy_of_published.warehouse, "2025-03-02", *arguments, project=project)
    assert done.returncode == 0, done.stdout[-4000:]
    with warehouse(copy_of_published.warehouse) as connection:
        by_hand = connection.execute(
            """
            with changed as (
                select person_id, month, manager_person_id <> lag(manager_person_id) over (
                    partition by person_id order by month) as is_change
                from intermediate.int_manager_links
            )
            select count(*) from changed inner join intermediate.int_eligible using (person_id) where is_change
            """
        ).fetchall()
        cells = connection.execute(
            "select sum(value_sum)::int from cells.cell_means where metric = ? and segment = 'all'", [name]
        ).fetchall()
        found = {
            table: connection.execute(f"select count(*) from {table} where metric = ?", [name]).fetchall()[0][0]
            for table in (
                *("comparisons.cmp_outcomes", "comparisons.cmp_trends"),
                *("cells.cell_flows", "staging.stg_study__outcomes"),
            )
        }
    assert cells == by_hand and by_hand[0][0] > 0
    assert all(found.values()), found
