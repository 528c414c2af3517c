"""What the page says about the release that readers saw before."""

import json
import re
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from publish.page.since import changes, said
from publish.page.wording import Finding
from publish.release import write_release
from tests.unit.publish.test_release import content, order, passing, written  # noqa: F401


@dataclass(frozen=True)
class Outcome:
    metric: str
    label: str
    estimate: str
    verdict: str
    role: str = "primary"
    kind: str = "better"

    @property
    def finding(self) -> Finding:
        return Finding(self.kind, self.verdict, "")


ENGAGEMENT = Outcome("e", "Engagement", "+1.2 points", "Not certain")
BETTER = Outcome("e", "Engagement", "+2.0 points", "Better")
HIDDEN = Outcome("e", "Engagement", "–", "Not shown, to protect people", kind="suppressed")
ENPS = Outcome("n", "eNPS", "+3", "No effect shown", "secondary")


def between(then, now, answer_then=None, answer_now=None):
    return changes(said(then, answer_then), said(now, answer_now))


def test_primary_outcomes_are_compared_always_and_others_where_something_else_is_said():
    assert between([ENGAGEMENT, ENPS], [BETTER, ENPS], "Not yet", "Scale it up") == [
        "Should it be scaled up? Not yet before, Scale it up now.",
        "Engagement: +1.2 points (Not certain) before, +2.0 points (Better) now.",
    ]
    moved = replace(ENPS, estimate="+9", verdict="Better")
    assert between([BETTER, ENPS], [BETTER, moved], "Not yet", "Not yet") == [
        "Should it be scaled up? Not yet, as before.",
        "Engagement: +2.0 points (Better), as before.",
        "eNPS: +3 (No effect shown) before, +9 (Better) now.",
    ]


def test_what_is_asked_for_the_first_or_no_more_is_said():
    assert between([ENPS], [ENGAGEMENT], None, "Not yet") == [
        "Should it be scaled up? Not yet now; nothing was said before.",
        "Engagement: not asked before; now +1.2 points (Not certain).",
        "eNPS: not asked any more.",
    ]
    assert between([BETTER], [replace(BETTER, role="secondary")]) == [
        "Engagement: +2.0 points (Better), as before. It was primary and is secondary."
    ]
    assert between([ENPS], [ENPS]) == []


def test_what_is_suppressed_now_is_not_repeated_as_it_was():
    assert between([BETTER], [HIDDEN]) == ["Engagement: not shown any more, to protect people."]
    assert between([HIDDEN], [HIDDEN]) == []
    assert between([HIDDEN], [BETTER]) == [
        "Engagement: – (Not shown, to protect people) before, +2.0 points (Better) now."
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


def test_a_release_that_did_not_keep_what_it_said_is_not_compared_and_stops_nothing(content, tmp_path):  # noqa: F811
    """Neither do its tables, whatever is in them: other code may have written them."""
    first = written(content, tmp_path)
    for path in (first / "parquet").iterdir():
        path.chmod(0o640)
        path.write_bytes(b"damaged")
    manifest = first / "manifest.json"
    manifest.chmod(0o640)
    facts = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({name: value for name, value in facts.items() if name not in ("said", "design")}))
    second = written(content, tmp_path, as_of=date(2025, 2, 1))
    assert "It did not keep what it said, so it is not compared." in since(second)
    assert "<li>" not in since(second)
