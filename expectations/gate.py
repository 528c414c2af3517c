"""Judge the tables with Great Expectations and give a verdict on exactly one content.

Great Expectations is imported here only, and only when something is judged: that alone costs 3.5 s of CPU.
"""

from __future__ import annotations

import html
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd

from expectations.suites.declared import CONTENT_LAYERS, declared
from expectations.suites.promise import Promise
from expectations.verdict import Failure, Judged, Verdict, Waiver

MAX_EXAMPLES = 5
EXAMPLE_COLUMNS = 6


def judge(
    tables: Mapping[str, pd.DataFrame],
    *,
    content_hash: str,
    layers: Iterable[str] = CONTENT_LAYERS,
    waivers: Iterable[Waiver] = (),
    day: date = date.min,
    docs: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Verdict:
    """The verdict on `tables` (name → frame, see expectations.tables) for the content with `content_hash`.

    A table that is missing, an expectation that raises and one that returns nothing all count against it. `waivers`
    are findings that somebody has signed for, as far as they last beyond `day`. Data Docs are written to `docs`.
    """
    asked = {name: promises for name, (layer, promises) in declared().items() if layer in layers}
    layer_of = {name: layer for name, (layer, _) in declared().items()}
    signed = [item for item in waivers if item.until >= day]
    context = _context(docs)
    batch = _batch(context)
    found: dict[str, list[Failure]] = {"block": [], "warn": []}
    used: list[Waiver] = []
    errors: list[str] = []
    judged: list[Judged] = []
    for name, promises in asked.items():
        progress(name)
        if name not in tables:
            errors.append(f"{name}: the table was not given to the gate")
            continue
        frame = tables[name].reset_index(drop=True)
        for promise, result in zip(promises, _validate(context, batch, name, frame, promises), strict=True):
            if result is None or _raised(result.exception_info):
                errors.append(f"{name}: could not evaluate “{promise.sentence}”")
                continue
            rows = [] if result.success else result.result.get("unexpected_index_list") or []
            by = [_signer(promise, frame, row, signed) for row in rows]
            left = [row for row, signer in zip(rows, by, strict=True) if signer is None]
            if promise.level == "block":
                used += [signer for signer in by if signer is not None and signer not in used]
            is_met = result.success or bool(rows and not left)
            seen = _observed(result, len(frame), len(left))
            judged.append(Judged(table=name, check=promise.check, level=promise.level, is_met=is_met, observed=seen))
            if not is_met:
                found[promise.level].append(_failure(layer_of[name], name, promise, seen, frame, left))
    if docs is not None:
        _write_docs(context, docs)
    blocked = {(failure.table, failure.check) for failure in found["block"]}
    return Verdict(
        content_hash=content_hash,
        n_declared=sum(map(len, asked.values())),
        n_evaluated=len(judged),
        failures=tuple(found["block"]),
        warnings=tuple(item for item in found["warn"] if (item.table, item.check) not in blocked),
        waivers=tuple(used),
        errors=tuple(errors),
        judged=tuple(judged),
    )


def _signer(promise: Promise, frame: pd.DataFrame, row: int, signed: list[Waiver]) -> Waiver | None:
    """Who has signed for this row, if anybody may."""
    if not promise.waived_by:
        return None
    value = str(frame.at[row, promise.waived_by])
    return next((item for item in signed if (item.check, item.value) == (promise.check, value)), None)


SITE = "verdict"


def _context(docs: Path | None):
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    if docs is not None:
        shutil.rmtree(docs, ignore_errors=True)
        store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs)}
        context.add_data_docs_site(
            site_name=SITE,
            site_config={
                "class_name": "SiteBuilder",
                "store_backend": store,
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
                "show_how_to_buttons": False,
            },
        )
    return context


def _batch(context):
    """One for all tables: Great Expectations writes its whole configuration whenever it is given another source."""
    source = context.data_sources.add_pandas("warehouse")
    return source.add_dataframe_asset("table").add_batch_definition_whole_dataframe("whole")


def _validate(context, batch, name: str, frame: pd.DataFrame, promises: list[Promise]) -> list:
    """One result per promise, in order; None where Great Expectations gave none.

    Which rows break a promise is asked only where one does: it is two fifths of what a judgement costs.
    """
    import great_expectations as gx
    import great_expectations.expectations as gxe
    from great_expectations.core.run_identifier import RunIdentifier

    expectations = [
        getattr(gxe, promise.expectation)(
            **promise.arguments,
            meta={"number": number},
            notes=f"{promise.sentence} ({promise.check}, {promise.level})",
        )
        for number, promise in enumerate(promises)
    ]
    suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
    of_both = RunIdentifier(run_time=datetime.now(UTC))  # the second result takes the place of the first
    for detail in ("BASIC", "COMPLETE"):
        outcome = definition.run(
            batch_parameters={"dataframe": frame},
            result_format={"result_format": detail, "include_unexpected_rows": False},
            run_id=of_both,
        )
        if outcome.success:
            break
    by_number = {result.expectation_config.meta["number"]: result for result in outcome.results}
    return [by_number.get(number) for number in range(len(promises))]


def _raised(info: dict) -> bool:
    """Great Expectations notes an exception flat, or one level down by the metric that raised it."""
    return bool(info.get("raised_exception")) or any(
        isinstance(part, dict) and part.get("raised_exception") for part in info.values()
    )


def _observed(result, n_rows: int, n_breaking: int) -> str:
    """What was seen, in short: the value, or how many rows break the promise."""
    value = result.result.get("observed_value")
    if value is None:
        n_seen = result.result.get("element_count", n_rows)
        value = f"{n_breaking or (0 if result.success else '?')} of {n_seen} rows break it"
    return str(value)[:200]


def _failure(layer: str, name: str, promise: Promise, observed: str, frame: pd.DataFrame, rows: list[int]) -> Failure:
    asked = [promise.arguments[key] for key in ("column", "column_A", "column_B") if key in promise.arguments]
    columns = [
        *frame.columns[:EXAMPLE_COLUMNS],
        *(column for column in asked if column not in frame.columns[:EXAMPLE_COLUMNS]),
    ]
    examples = tuple(
        ", ".join(f"{column}={frame.at[index, column]}" for column in columns) for index in rows[:MAX_EXAMPLES]
    )
    return Failure(
        layer=layer,
        table=name,
        check=promise.check,
        promise=promise.sentence,
        observed=observed,
        fix=promise.fix,
        examples=examples,
    )


# Great Expectations' pages ask other machines for styles, scripts and pictures; ours ask nobody.
FOREIGN = re.compile(
    r"<script\b.*?</script>|<link\b[^>]*\bhref=[\"']?(?:https?:)?//[^>]*>|<img\b[^>]*//[^>]*>"
    r"|<footer\b.*?</footer>|<a\b[^>]*//[^>]*>.*?</a>|url\('?https?://[^)]*\)",
    re.S,
)
STYLE = """<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 72rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
th, td { border-bottom: 1px solid #ddd; padding: .25rem .5rem; text-align: left; vertical-align: top; }
.navbar, .cooltip, .modal, form, .fixed-bottom { display: none !important; }
.fa-check-circle::before { content: "✓"; color: #17763b; } .fa-times::before { content: "✗"; color: #b3261e; }
</style>"""


def _write_docs(context, docs: Path) -> None:
    """Data Docs that need no network: without what other machines would serve; the index needs no script."""
    context.build_data_docs(site_names=[SITE])
    for path in sorted((docs / "static").glob("*")):
        if path.name != "styles":
            shutil.rmtree(path)
    for page in [*docs.rglob("*.html"), *docs.rglob("*.css")]:
        text = FOREIGN.sub("", page.read_text(encoding="utf-8"))
        page.write_text(text.replace("</head>", f"{STYLE}</head>", 1), encoding="utf-8")
    items = []
    for page in sorted(docs.glob("validations/**/*.html")):
        place = page.relative_to(docs)
        mark = "times" if "fas fa-times" in page.read_text(encoding="utf-8") else "check-circle"
        link = f'<a href="{place.as_posix()}">{html.escape(place.parts[1])}</a>'
        items.append(f'<li><i class="fa-{mark}"></i> {link}</li>')
    head = f"<!doctype html><html lang=en><head><meta charset=utf-8><title>Data Docs</title>{STYLE}</head>"
    text = f"{head}<body><h1>What the gate saw</h1><ul>{''.join(items)}</ul></body></html>\n"
    (docs / "index.html").write_text(text, encoding="utf-8")
