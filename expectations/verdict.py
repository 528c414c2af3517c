"""What the gate says."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """A finding that a person has looked at and signed for in study.yml: which, who, why and until when."""

    check: str
    value: str
    who: str
    why: str
    until: date


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One expectation that was not met. `examples` are rows of small aggregate tables, never of persons."""

    layer: str
    table: str
    check: str
    promise: str
    observed: str
    fix: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One expectation as it was evaluated. `is_met` also where somebody has signed for what was found."""

    table: str
    check: str
    level: str
    is_met: bool
    observed: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The gate's answer for exactly one content. What is waived was not met, and somebody has signed for it."""

    content_hash: str
    n_declared: int
    n_evaluated: int
    failures: tuple[Failure, ...] = ()
    warnings: tuple[Failure, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    errors: tuple[str, ...] = ()
    judged: tuple[Judged, ...] = ()

    @property
    def passed(self) -> bool:
        """True only if everything declared was evaluated, something was declared, and nothing failed or broke."""
        return self.n_evaluated == self.n_declared > 0 and not self.failures and not self.errors

    def as_dict(self) -> dict:
        """For the warehouse and the gate's own folder; days are text."""
        document = {"passed": self.passed, **asdict(self)}
        document["waivers"] = [item | {"until": str(item["until"])} for item in document["waivers"]]
        return document

    def for_readers(self) -> dict:
        """For the release: that it passed and what it warned of, without what was seen (that is of small groups)."""
        document = self.as_dict()
        names = ("passed", "content_hash", "n_declared", "n_evaluated", "waivers")
        return {name: document[name] for name in names} | {
            "warnings": sorted({f"{warning.table}: {warning.promise}" for warning in self.warnings})
        }

    def sentences(self) -> list[str]:
        """What is wrong and what to do, one sentence each."""
        lines = [
            f"{failure.table}: {failure.promise}; seen: {failure.observed}"
            + "".join(f"\n    {example}" for example in failure.examples)
            + f"\n    → {failure.fix} (coaching gate explain {failure.check})"
            for failure in self.failures
        ]
        if self.n_evaluated != self.n_declared or not self.n_declared:
            lines.append(f"only {self.n_evaluated} of {self.n_declared} expectations could be evaluated")
        return [*lines, *self.errors]
