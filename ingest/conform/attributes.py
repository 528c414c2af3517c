"""Further columns by name: groups, flags, numbers; personal ones hashed or in bands."""

from __future__ import annotations

from itertools import pairwise

import polars as pl

from ingest.conform.fields import cast_words
from ingest.conform.words import refine_words
from ingest.conform.work import UnfitValues, Work, repeat_value
from ingest.mapping.columns import Attribute
from ingest.mapping.headers import normalise_name

UNFIT_ATTRIBUTE = "attribute that does not fit its mapping"


def read_attribute(work: Work, attribute: Attribute) -> pl.DataFrame:
    """Columns word and number, one row per record. A value that does not fit is dropped, unless it is required."""
    doubts = None if attribute.required else UnfitValues(work.n)
    words = refine_words(work, attribute, bool(attribute.required), "this attribute", doubts=doubts)
    if attribute.contains is not None:
        words = _contains_word(words, attribute.contains, attribute.split)
    value = cast_words(work, attribute, attribute.kind, words, doubts=doubts)
    if doubts is not None and doubts.mask.any():
        value = pl.select(pl.when(~doubts.mask).then(value)).to_series()
        columns = " + ".join(attribute.headers)
        work.dropped.append((doubts.mask, UNFIT_ATTRIBUTE, f"the record counts without this value of {columns}"))
    nothing = repeat_value(None, pl.Float64, work.n)
    if attribute.bands:
        number = value.dt.year().cast(pl.Float64) if attribute.kind == "date" else value
        return pl.DataFrame({"word": band_numbers(number, attribute.bands), "number": nothing})
    if attribute.kind == "number":
        return pl.DataFrame({"word": repeat_value(None, pl.String, work.n), "number": value})
    if attribute.kind == "flag":
        return pl.DataFrame({"word": value.cast(pl.String), "number": value.cast(pl.Float64)})
    word = value.dt.to_string("%Y-%m-%d") if attribute.kind == "date" else value
    if attribute.personal:
        word = work.pseudonyms.hash_all(word, namespace=attribute.namespace)
    return pl.DataFrame({"word": word, "number": nothing})


def _contains_word(words: pl.Series, wanted: str, split: str) -> pl.Series:
    """true or false: is `wanted` one of the words of the cell."""
    folded = normalise_name(wanted).casefold()
    # A list in JSON came as one text, its words separated by "; ".
    cells = (None if w is None else [one for part in w.split(split) for one in part.split("; ")] for w in words)
    listed = [None if cell is None else folded in [normalise_name(one).casefold() for one in cell] for cell in cells]
    return pl.Series(listed, dtype=pl.Boolean).cast(pl.String)


def band_numbers(number: pl.Series, bands: tuple[float, ...]) -> pl.Series:
    """The band that a number falls into, by its lower limits: "below 30000", "30000 to 60000", "60000 and more"."""
    labels = [f"below {bands[0]:g}"]
    labels += [f"{low:g} to {high:g}" for low, high in pairwise(bands)]
    labels.append(f"{bands[-1]:g} and more")
    band = pl.sum_horizontal([pl.col("") >= limit for limit in bands])
    found = number.alias("").to_frame().select(pl.when(pl.col("").is_not_null()).then(band)).to_series()
    return found.replace_strict(dict(enumerate(labels)), default=None, return_dtype=pl.String)


def attribute_rows(kept: pl.DataFrame, attributes: dict[str, pl.DataFrame], good: pl.Series) -> pl.DataFrame:
    """One row per record and attribute that has a value."""
    return pl.concat(
        kept.select("line")
        .with_columns(pl.lit(name).alias("attribute"), found["word"].filter(good), found["number"].filter(good))
        .filter(pl.col("word").is_not_null() | pl.col("number").is_not_null())
        for name, found in attributes.items()
    )
