"""Judge the tables with Great Expectations and give a verdict on exactly one content.

Great Expectations is imported here only, and only when something is judged: it costs 13 s of CPU.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import pandas as pd

from expectations.suites import Promise, suites, thresholds
from expectations.verdict import Failure, Verdict

MAX_EXAMPLES = 5
EXAMPLE_COLUMNS = 6


def judge(
    tables: Mapping[str, pd.DataFrame],
    *,
    content_hash: str,
    limit: Mapping[str, float] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Verdict:
    """The verdict on `tables` (name → frame, see expectations.tables) for the content with `content_hash`.

    A table that is missing, an expectation that raises and one that returns nothing all count against it.
    """
    declared = suites({**thresholds(), **(limit or {})})
    split = dict(tables)
    estimates = split["estimates"]
    split["estimated"] = estimates[estimates["status"] == "estimated"]
    split["not_estimable"] = estimates[estimates["status"] == "not_estimable"]
    context = _context()
    failures: list[Failure] = []
    errors: list[str] = []
    n_evaluated = 0
    for name, promises in declared.items():
        progress(name)
        if name not in split:
            errors.append(f"{name}: the table was not given to the gate")
            continue
        frame = split[name].reset_index(drop=True)
        for promise, result in zip(promises, _validate(context, name, frame, promises), strict=True):
            if result is None or _raised(result.exception_info):
                errors.append(f"{name}: could not evaluate “{promise.sentence}”")
                continue
            n_evaluated += 1
            if not result.success:
                failures.append(_failure(name, promise, result, frame))
    return Verdict(
        content_hash=content_hash,
        n_declared=sum(map(len, declared.values())),
        n_evaluated=n_evaluated,
        failures=tuple(failures),
        errors=tuple(errors),
    )


def _context():
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return context


def _validate(context, name: str, frame: pd.DataFrame, promises: list[Promise]) -> list:
    """One result per promise, in order; None where Great Expectations gave none."""
    import great_expectations as gx
    import great_expectations.expectations as gxe

    asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe(name)
    suite = context.suites.add(gx.ExpectationSuite(name=name))
    for number, promise in enumerate(promises):
        expectation = getattr(gxe, promise.expectation)
        suite.add_expectation(expectation(**promise.arguments, meta={"number": number}))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
    outcome = definition.run(
        batch_parameters={"dataframe": frame},
        result_format={"result_format": "COMPLETE", "include_unexpected_rows": False},
    )
    by_number = {result.expectation_config.meta["number"]: result for result in outcome.results}
    return [by_number.get(number) for number in range(len(promises))]


def _raised(info: dict) -> bool:
    """Great Expectations notes an exception flat, or one level down by the metric that raised it."""
    return bool(info.get("raised_exception")) or any(
        isinstance(part, dict) and part.get("raised_exception") for part in info.values()
    )


def _failure(name: str, promise: Promise, result, frame: pd.DataFrame) -> Failure:
    detail = result.result
    rows = detail.get("unexpected_index_list") or []
    observed = detail.get("observed_value")
    if observed is None:
        observed = f"{detail.get('unexpected_count', '?')} of {detail.get('element_count', len(frame))} rows break it"
    asked = [promise.arguments[key] for key in ("column", "column_A", "column_B") if key in promise.arguments]
    columns = [
        *frame.columns[:EXAMPLE_COLUMNS],
        *(column for column in asked if column not in frame.columns[:EXAMPLE_COLUMNS]),
    ]
    examples = tuple(
        ", ".join(f"{column}={frame.at[index, column]}" for column in columns) for index in rows[:MAX_EXAMPLES]
    )
    return Failure(table=name, promise=promise.sentence, observed=str(observed)[:200], examples=examples)
