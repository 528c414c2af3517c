"""What the page says about the release that readers saw before."""

import json
import re
from dataclasses import dataclass
from datetime import date

import polars as pl

from publish.page.since import changes
from publish.page.wording import Finding
from publish.release import make_current, write_release
from tests.unit.publish.test_release import content, order, passing, written  # noqa: F401


@dataclass(frozen=True)
class Said:
    metric: str
    label: str
    estimate: str
    verdict: str
    role: str = "primary"

    @property
    def finding(self) -> Finding:
        return Finding("better", self.verdict, "")


ENGAGEMENT = Said("e", "Engagement", "+1.2 points", "Not certain")
BETTER = Said("e", "Engagement", "+2.0 points", "Better")
ENPS = Said("n", "eNPS", "+3", "No effect shown", "secondary")


def test_primary_outcomes_are_compared_always_and_others_where_something_else_is_said():
    assert changes([ENGAGEMENT, ENPS], [BETTER, ENPS], "Not yet", "Scale it up") == [
        "Should it be scaled up? Not yet before, Scale it up now.",
        "Engagement: +1.2 points (Not certain) before, +2.0 points (Better) now.",
    ]
    moved = Said("n", "eNPS", "+9", "Better", "secondary")
    assert changes([BETTER, ENPS], [BETTER, moved], "Not yet", "Not yet") == [
        "Should it be scaled up? Not yet, as before.",
        "Engagement: +2.0 points (Better), as before.",
        "eNPS: +3 (No effect shown) before, +9 (Better) now.",
    ]


def test_what_is_asked_for_the_first_or_no_more_is_said():
    assert changes([ENPS], [ENGAGEMENT], "", "") == [
        "Engagement: not asked before; now +1.2 points (Not certain).",
        "eNPS: not asked any more.",
    ]


def since(release) -> str:
    page = (release / "index.html").read_text(encoding="utf-8")
    return re.search(r'<section class="detail" id="since">(.*?)</section>', page, re.S)[1]


def test_a_release_is_compared_with_the_one_that_was_served(content, tmp_path):  # noqa: F811
    first = written(content, tmp_path)
    assert "This is the first release." in since(first)
    head = pl.col("is_headline") & (pl.col("metric") == "engagement_score")
    smaller = pl.when(head).then(pl.col("estimate") - 1.5).otherwise(pl.col("estimate")).alias("estimate")
    other = content | {"pub_estimates": content["pub_estimates"].with_columns(smaller)}
    second = written(other, tmp_path, as_of=date(2025, 2, 1))
    assert "Readers saw release 1 before, as of 1 January 2025." in since(second)
    assert re.search(r"<li>Engagement: \+\S+ points \(.*\) before, \S+ points \(.*\) now\.</li>", since(second))
    assert "as before" in since(second)
    outside = write_release(
        content, verdict=passing(content), order=order(as_of=date(2025, 3, 1), is_in_history=False), releases=tmp_path
    )
    assert "stands outside the history" in since(outside)


def test_a_release_of_other_columns_is_not_compared_and_stops_nothing(content, tmp_path):  # noqa: F811
    first = written(content, tmp_path)
    path = first / "parquet" / "pub_decisions.parquet"
    path.chmod(0o640)
    pl.read_parquet(path).drop("certainty").write_parquet(path)
    manifest = first / "manifest.json"
    manifest.chmod(0o640)
    facts = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({name: value for name, value in facts.items() if name != "design"}))
    make_current(tmp_path, first.name)
    second = written(content, tmp_path, as_of=date(2025, 2, 1))
    assert "Its columns are other ones, so it is not compared here." in since(second)
    assert "<li>" not in since(second)
