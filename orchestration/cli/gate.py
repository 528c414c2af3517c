"""`coaching gate`: what the gate asks, why, whom to ask about it, and what it saw last."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.text import Text

from expectations.suites.declared import declared
from expectations.suites.promise import Promise, Threshold, thresholds
from orchestration.cli.terminal import HERE, WRONG, WorkspaceOption, fail, opened, out
from orchestration.workspace import Workspace
from publish import ledger

gate = typer.Typer(no_args_is_help=True, help="What the gate asks, and what it saw.")
OUTCOME_COLOURS = {"blocked": "red", "warned": "yellow", "waived": "yellow", "kept": "green", "unjudged": "dim"}


def last_verdicts(workspace: Workspace) -> list[dict]:
    """The whole verdicts of the last run that was judged: on the content, and on the candidate if it came so far."""
    events = [event for event in ledger.read(workspace.ledger) if event["event"] in ledger.JUDGED]
    last = [event for event in events if event.get("run_id") == events[-1].get("run_id")]
    found = []
    for event in last:
        path = workspace.gate / event["content_hash"][:16] / "verdict.json"
        if path.exists():
            found.append(json.loads(path.read_text(encoding="utf-8")) | {"docs": str(path.parent / "docs/index.html")})
    return found


def _outcome(verdicts: list[dict], layers: set[str], promise: Promise, table: str) -> str:
    """What the last run said of a check: kept, warned, blocked, waived or unjudged."""
    for verdict in verdicts:
        for word, key in (("blocked", "failures"), ("warned", "warnings")):
            if any((item["check"], item["table"]) == (promise.check, table) for item in verdict[key]):
                return word
        if any(item["check"] == promise.check for item in verdict["waivers"]):
            return "waived"
    judged = 2 if "release" in layers else 1
    return "kept" if len(verdicts) >= judged else "unjudged"


@gate.callback()
def _gate() -> None:
    """What the gate asks, and what it saw."""


@gate.command()
def explain(
    check: Annotated[str | None, typer.Argument(help="A check's word; without one all are listed.")] = None,
    workspace: WorkspaceOption = HERE,
) -> None:
    """What is asked before anything leaves: the limit, its reason and owner, what was seen last, and what to do."""
    verdicts = last_verdicts(opened(workspace))
    known = declared()
    if check is None:
        _list(verdicts)
        return
    found = [
        (layer, table, promise)
        for table, (layer, promises) in known.items()
        for promise in promises
        if promise.check == check
    ]
    if not found:
        raise fail(f"{check} is no check; see: coaching gate explain", WRONG)
    layer, _, promise = found[0]
    tables = ", ".join(sorted({name for _, name, _ in found}))
    lines = [f"{promise.sentence}", f"  layer: {layer}, table: {tables}"]
    if promise.threshold:
        limit = thresholds()[promise.threshold]
        lines += [f"  {level}: {getattr(limit, level):g}" for level in ("warn", "block") if limit.has(level)]
        lines += [f"  reason: {limit.reason.strip()}", f"  owner: {limit.owner}"]
    else:
        lines.append("  block: a matter of logic, without a number")
    lines.append(f"  to do: {promise.fix}")
    if promise.waived_by:
        lines.append(
            f"  may be signed for in study.yml: waivers: [{{check: {check}, value: <{promise.waived_by}>, who: …, "
            "why: …, until: <day>}]"
        )
    else:
        lines.append("  nobody can sign for it")
    for verdict in verdicts:
        for word, key in (("blocked", "failures"), ("warned", "warnings")):
            for item in verdict[key]:
                if item["check"] == check:
                    lines.append(f"  {word} as of {verdict['as_of']}: {item['table']}: {item['observed']}")
                    lines += [f"    {example}" for example in item["examples"]]
                    lines.append(f"    {verdict['docs']}")
    out.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def _numbers(limit: Threshold) -> str:
    return " / ".join(f"{getattr(limit, level):g}" if limit.has(level) else "–" for level in ("warn", "block"))


def _list(verdicts: list[dict]) -> None:
    limits = thresholds()
    seen = set()
    for name, (layer, promises) in declared().items():
        for promise in promises:
            if (layer, promise.check) in seen:
                continue
            if layer not in {shown for shown, _ in seen}:
                out.print(f"{layer}  (warn / block)", style="bold", highlight=False)
            seen.add((layer, promise.check))
            numbers = _numbers(limits[promise.threshold]) if promise.threshold else ""
            last = _outcome(verdicts, {layer}, promise, name)
            text = Text.assemble(
                f"  {promise.check:<28}",
                (f"{last:<9}", OUTCOME_COLOURS[last]),
                f"{numbers:<14}{promise.sentence}",
            )
            out.print(text, soft_wrap=True)
