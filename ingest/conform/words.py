"""A field's words: found, joined, translated, and judged as words."""

from __future__ import annotations

from functools import lru_cache

import polars as pl

from ingest.cast import (
    cleaned,
)
from ingest.conform.work import UnfitValues, Work, repeat_value
from ingest.formats.records import Batch, FileRefused
from ingest.mapping.columns import Reading
from ingest.mapping.headers import normalise_name
from ingest.mapping.model import Mapping


def read_words(
    batch: Batch, reading: Reading, mapping: Mapping, more_null_words: tuple[str, ...] = (), *, extracted: bool = True
) -> pl.Series:
    """The field's words: trimmed, replacements made, null words made null, several headers joined, a part taken out."""
    frame = batch.frame
    present = [header for header in reading.headers if header in frame.columns]
    # A table has a column or not; of JSON each record may have another one of the names.
    takes_first = reading.first_of or (reading.any_of and batch.kind in ("json", "jsonl"))
    if reading.any_of and not takes_first:
        present = present[:1]
    if not present:
        return repeat_value(None, pl.String, frame.height)
    null_words = [fold_case(word) for word in (*mapping.null_words, *reading.null_words, *more_null_words, "")]
    parts = [cleaned(frame[header]).alias(str(index)) for index, header in enumerate(present)]
    if reading.replace:
        old, new = zip(*sorted(reading.replace.items(), key=lambda pair: -len(pair[0])), strict=True)
        parts = [part.str.replace_many(list(old), list(new), leftmost=True).str.strip_chars() for part in parts]
    # Null words are null in each part: two unknown halves of a name are no name.
    named = [
        pl.when(~pl.col(part.name).str.to_lowercase().is_in(null_words)).then(pl.col(part.name)).alias(part.name)
        for part in parts
    ]
    if takes_first:
        words = pl.DataFrame(parts).select(pl.coalesce(named)).to_series()
    elif len(named) > 1:
        # An id made of several parts keeps the places of those that are empty: 1 and A is not 1A and nothing.
        keeps_places = getattr(reading, "personal", None) is not None
        places = [part.fill_null("\x1f") for part in named] if keeps_places else named
        joined = pl.concat_str(places, separator=reading.separator, ignore_nulls=True)
        joined = pl.when(~pl.all_horizontal(part.is_null() for part in named)).then(joined)
        words = pl.DataFrame(parts).select(pl.when(joined != "").then(joined)).to_series()
    else:
        words = pl.DataFrame(parts).select(named).to_series()
    if reading.extract is not None and extracted:
        words = words.str.extract(reading.extract, 1).str.strip_chars().replace("", None)
    return words


def _constant_word(work: Work, reading: Reading) -> str | None:
    """A word that is not in the records: fixed, or found in the file's name."""
    if reading.file_name is None:
        return reading.constant
    found = cleaned(pl.Series([work.file_name]).str.extract(reading.file_name, 1))
    if found[0] is None and not reading.optional:
        raise FileRefused(f"the file's name has nothing that {reading.file_name} finds; rename it, or fix file_name:")
    nothing = [fold_case(word) for word in (*work.mapping.null_words, *reading.null_words, "")]
    return None if found[0] is None or fold_case(found[0]) in nothing else found[0]


@lru_cache(maxsize=1 << 12)
def fold_case(word: str) -> str:
    """A word as null words are compared: as polars writes it in lower case."""
    return pl.select(pl.lit(word).str.strip_chars().str.to_lowercase()).item()


def found_words(work: Work, reading: Reading, broken, more_null_words: tuple[str, ...] = ()) -> pl.Series:
    """The words; `on_unmapped` decides what becomes of a value in which `extract` finds nothing."""
    if reading.row_number:
        return pl.select(pl.format("{}-{}", pl.lit(work.load_id[:16]), work.batch.frame["line"])).to_series()
    if not reading.headers:
        return repeat_value(_constant_word(work, reading), pl.String, work.n)
    words = read_words(work.batch, reading, work.mapping, more_null_words)
    if reading.extract is not None and reading.on_unmapped != "empty":
        before = read_words(work.batch, reading, work.mapping, more_null_words, extracted=False)
        if reading.on_unmapped == "kept":
            return pl.select(pl.coalesce(words, before)).to_series()
        broken(before.is_not_null() & words.is_null(), "no_match", f"a value that {reading.extract} finds")
    return words


def refine_words(
    work: Work,
    reading: Reading,
    required: bool,
    name: str,
    known: tuple[str, ...] = (),
    *,
    doubts: UnfitValues | None = None,
) -> pl.Series:
    """The words, checked for presence, pattern and value map; without a map only `known` words are allowed, if any are
    given. An unfit value quarantines the record; with `doubts` only the value is dropped."""
    broken = doubts or work.judge(reading)
    words = found_words(work, reading, broken)
    if reading.matches is not None:
        broken(~words.str.contains(f"^(?:{reading.matches})$"), "no_match", f"a value that fits {reading.matches}")
    values = reading.values or {word: word for word in known}
    if values:
        mapped = translate_words(words, values)
        if reading.on_unmapped == "kept":
            mapped = pl.select(pl.coalesce(mapped, words)).to_series()
        elif reading.on_unmapped == "refused":
            broken(words.is_not_null() & mapped.is_null(), "unknown_value", f"one of {', '.join(values)}")
        words = mapped.replace("", None)
    if reading.case is not None:
        words = {"upper": words.str.to_uppercase, "lower": words.str.to_lowercase, "title": words.str.to_titlecase}[
            reading.case
        ]()
    if required and reading.if_empty is None:
        work.judge(reading)(words.is_null(), "required", f"a value for {name}")
    return words if reading.if_empty is None else pl.select(pl.coalesce(words, pl.lit(reading.if_empty))).to_series()


def translate_words(words: pl.Series, values: dict[str, str]) -> pl.Series:
    """Words by a value map, whatever their case and spacing; null where the map does not name them."""
    folded = {normalise_name(word).casefold(): ours for word, ours in values.items()}
    known = words.drop_nulls().unique()
    ours = [folded.get(normalise_name(word).casefold()) for word in known]
    return words.replace_strict(known, pl.Series(ours, dtype=pl.String), default=None, return_dtype=pl.String)
