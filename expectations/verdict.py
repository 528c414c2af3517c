"""What the gate says."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One expectation that was not met. `examples` are rows of small aggregate tables, never of persons."""

    table: str
    promise: str
    observed: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The gate's answer for exactly one content."""

    content_hash: str
    n_declared: int
    n_evaluated: int
    failures: tuple[Failure, ...]
    errors: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """True only if everything declared was evaluated, something was declared, and nothing failed or broke."""
        return self.n_evaluated == self.n_declared > 0 and not self.failures and not self.errors

    def as_dict(self) -> dict:
        """For the ledger and the manifest."""
        return {"passed": self.passed, **asdict(self)}

    def sentences(self) -> list[str]:
        """What is wrong, one sentence each."""
        lines = [f"{failure.table}: {failure.promise}; seen: {failure.observed}" for failure in self.failures]
        lines = [
            line + "".join(f"\n    {example}" for example in failure.examples)
            for line, failure in zip(lines, self.failures, strict=True)
        ]
        if self.n_evaluated != self.n_declared or not self.n_declared:
            lines.append(f"only {self.n_evaluated} of {self.n_declared} expectations could be evaluated")
        return [*lines, *self.errors]
