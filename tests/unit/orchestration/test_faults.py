"""Errors that a step raises are reported without the words of records."""

import errno
import inspect

import dagster as dg
import duckdb
import pytest

from ingest.land import NotWhole
from ingest.warehouse import WarehouseBusy
from orchestration.faults import MAX_ERROR_TEXT, RETRIES, StepFailed, redact_errors


def raising(error):
    @redact_errors
    def step():
        raise error

    return step


def test_a_foreign_error_says_its_kind_and_not_its_words():
    with pytest.raises(StepFailed, match="ValueError") as caught:
        raising(ValueError("could not parse 'Ann Example'"))()
    assert "Ann" not in str(caught.value)
    assert caught.value.kind == "ValueError"
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_the_place_is_ours():
    from inference.power import intraclass_correlation

    with pytest.raises(StepFailed, match=r"at inference/power\.py:\d+ in intraclass_correlation"):
        redact_errors(intraclass_correlation)("a", "b", "c")


@pytest.mark.parametrize("error", [NotWhole("still being written"), duckdb.CatalogException("no table x")])
def test_our_own_words_and_the_warehouses_are_reported_and_capped(error):
    with pytest.raises(StepFailed, match=str(error)):
        raising(error)()
    with pytest.raises(StepFailed) as caught:
        raising(type(error)("x" * 10_000))()
    assert len(str(caught.value)) < MAX_ERROR_TEXT + 200


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ESTALE, "stale handle"), WarehouseBusy("another program has it open")],
)
def test_only_what_may_pass_is_tried_again(error):
    with pytest.raises(dg.RetryRequested) as caught:
        raising(error)()
    assert caught.value.max_retries == RETRIES
    assert isinstance(caught.value.__cause__, StepFailed)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), duckdb.IOException("disk full"), ValueError("x")])
def test_what_will_not_pass_is_not_tried_again(error):
    with pytest.raises(StepFailed):
        raising(error)()


def test_a_generator_stays_one():
    @redact_errors
    def steps(n: int):
        yield from range(n)
        raise KeyError("Ann")

    assert inspect.isgeneratorfunction(steps)
    made = steps(2)
    assert [next(made), next(made)] == [0, 1]
    with pytest.raises(StepFailed, match="KeyError"):
        next(made)
