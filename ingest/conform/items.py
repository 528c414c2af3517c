"""Survey answers: a code, or a label translated to one; wide (a column per item) or long (a record per answer)."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ingest.cast import (
    cleaned,
    number_marks,
    to_number,
)
from ingest.conform.fields import check_range
from ingest.conform.words import found_words, translate_words
from ingest.conform.work import UnfitValues, Work
from ingest.mapping.columns import AnswerScale, Column, Item
from ingest.mapping.headers import normalise_name
from ingest.mapping.model import Mapping
from ingest.tables import ANSWERS

UNFIT_ANSWER = "answer outside its scale"


@dataclass(frozen=True)
class _Answers:
    """The answers to one item: one value per record of the batch, null where there is none."""

    name: str
    item: Item
    range: tuple[float, float]
    values: pl.Series


def _scale_of(item: Item, mapping: Mapping) -> AnswerScale:
    shared = mapping.answer_scales.get(item.answers, AnswerScale())
    return AnswerScale(range=item.range or shared.range, values=shared.values | item.values, no_answer=shared.no_answer)


def _answer_codes(work: Work, item: Item, words: pl.Series, broken) -> tuple[pl.Series, AnswerScale]:
    """Answers as codes: a code passes, a label is translate_words, whatever its case; both exports give the same."""
    scale = _scale_of(item, work.mapping)
    if scale.values:
        words = pl.select(pl.coalesce(translate_words(words, scale.values), words)).to_series()
    column = Column.model_validate({"from": list(item.headers)})
    decimal, thousands = number_marks(column, work.mapping, work.batch.kind)
    value = to_number(words, decimal=decimal, thousands=thousands)
    if item.on_unmapped != "empty":
        expected = f"a code or one of {', '.join(scale.values) or 'none'}"
        broken(words.is_not_null() & value.is_null(), "bad_answer", expected)
    check_range(value, scale.range, broken)
    return value, scale


def wide_answers(work: Work) -> list[_Answers]:
    """The answers of a survey with one column per item."""
    found = []
    for name, item in work.mapping.items.items():
        doubts = UnfitValues(work.n)
        words = found_words(work, item, doubts, _scale_of(item, work.mapping).no_answer)
        value, scale = _answer_codes(work, item, words, doubts)
        work.answers[name] = ((words.is_not_null() | doubts.mask).sum(), doubts.mask.sum())
        if doubts.mask.any():
            value = pl.select(pl.when(~doubts.mask).then(value)).to_series()
            work.dropped.append((doubts.mask, UNFIT_ANSWER, f"it is no answer to {' + '.join(item.headers) or name}"))
        found.append(_Answers(name, item, scale.range, value))
    return found


def long_answers(work: Work) -> list[_Answers]:
    """One record per answer: which item it answers stands in a column of its own."""
    long, frame, verdicts = work.mapping.long, work.batch.frame, work.verdicts
    questions = cleaned(frame[normalise_name(long.question)])
    names = {text.casefold(): name for name, item in work.mapping.items.items() for text in item.headers}
    known = translate_words(questions, names)
    kind, expected = ("faulty", "a question that items names")
    if long.other_questions == "set_aside":
        kind, expected = ("set_aside", "a question that is not asked about")
    verdicts.add(
        known.is_null(), kind=kind, rule="unknown_question", column=normalise_name(long.question), expected=expected
    )
    answer = Column.model_validate({"from": long.answer})
    found, answered = [], pl.repeat(False, work.n, eager=True)
    for name, item in work.mapping.items.items():
        mine = (known == name).fill_null(False)
        broken = work.judge(answer)

        def broken_here(mask: pl.Series, rule: str, expected: str, *, mine=mine, broken=broken) -> None:
            broken(mask & mine, rule, expected)

        how = ("replace", "extract", "on_unmapped", "null_words")
        reading = answer.model_copy(update={key: getattr(item, key) for key in how})
        words = found_words(work, reading, broken_here, _scale_of(item, work.mapping).no_answer)
        words = pl.select(pl.when(mine).then(words)).to_series()
        value, scale = _answer_codes(work, item, words, broken_here)
        answered = answered | value.is_not_null()
        found.append(_Answers(name, item, scale.range, value))
    verdicts.add(
        ~answered & verdicts.good,
        kind="set_aside",
        rule="no_answer",
        column=normalise_name(long.answer),
        expected="asked, but not answered",
    )
    return found


def answer_rows(kept: pl.DataFrame, answers: list[_Answers], good: pl.Series) -> pl.DataFrame:
    """One row per response and answered item."""
    parts = [
        kept.select("line", "response_id")
        .with_columns(
            pl.lit(one.name).alias("item"),
            pl.lit(one.item.scale).alias("scale"),
            one.values.filter(good).alias("answer"),
            pl.lit(one.range[0]).alias("lowest"),
            pl.lit(one.range[1]).alias("highest"),
            pl.lit(one.item.reverse).alias("is_reversed"),
        )
        .filter(pl.col("answer").is_not_null())
        for one in answers
    ]
    return pl.concat(parts) if parts else pl.DataFrame(schema=ANSWERS.schema)
