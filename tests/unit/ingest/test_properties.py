"""Parsers of dates, times, numbers, ids and names held to what they promise, on whatever hypothesis thinks of."""

import hmac
import unicodedata
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ingest.cast import to_date, to_minutes, to_number, to_time
from ingest.mapping.columns import Column
from ingest.pseudonyms import Pseudonyms, normal_email, normal_id, normal_name

KEY = b"k" * 40
DATES = st.dates(date(1900, 1, 1), date(2199, 12, 31))
FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d %b %Y", "%Y%m%d")
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)


def one(function, word, *more, **options):
    return function(pl.Series([word], dtype=pl.String), *more, **options)[0]


def column(**declared) -> Column:
    return Column.model_validate({"from": "x"} | declared)


def read_date(word, *formats, **declared):
    return one(to_date, word, column(formats=list(formats), **declared), newest=None, is_workbook=False)


@given(DATES, st.sampled_from(FORMATS))
def test_a_date_comes_back_from_every_format(day, written):
    assert read_date(day.strftime(written), written) == day


@given(WORDS | st.from_regex(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}", fullmatch=True), st.sampled_from(FORMATS))
@example("30.02.2026", "%d.%m.%Y")
@example("13/02/2026", "%m/%d/%Y")
@example("01.01.26", "%d.%m.%Y")
def test_a_date_is_what_its_format_says_or_nothing(word, written):
    """Never another order, never a day that does not exist, never a year of two digits where four are declared."""
    found = read_date(word, written)
    if found is not None:
        digits = [int(part) for part in "".join(c if c.isdigit() else " " for c in word).split()]
        assert (found.year >= 1000 and found.day in digits) or written == "%Y%m%d"


@given(DATES, st.integers(1, 99))
def test_two_digit_years_follow_the_pivot(day, pivot):
    assume((day.month, day.day) != (2, 29))
    found = read_date(day.strftime("%d.%m.%y"), "%d.%m.%y", two_digit_years=pivot)
    assert found == day.replace(year=(2000 if day.year % 100 < pivot else 1900) + day.year % 100)


@given(st.integers(1, 109_573))
def test_serial_days_of_a_spreadsheet_count_from_its_day_one(days):
    assert read_date(str(days), "excel") == date(1899, 12, 30) + timedelta(days=days)


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31)), st.sampled_from(["Europe/Berlin", "America/New_York"])
)
def test_a_local_time_is_the_one_time_in_utc_or_nothing(local, zone):
    local = local.replace(microsecond=0)
    found = one(to_time, str(local), column(), zone, is_workbook=False)
    both = {local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC).replace(tzinfo=None) for fold in (0, 1)}
    exists = len(both) == 1
    assert found == (both.pop() if exists else None)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31)), st.integers(-12, 14))
def test_a_written_offset_counts_whatever_the_zone(local, hours):
    local = local.replace(microsecond=0)
    word = f"{local:%Y/%m/%d %I:%M:%S %p} GMT{hours:+d}"
    found = one(to_time, word, column(formats="%Y/%m/%d %I:%M:%S %p %Z"), "Asia/Tokyo", is_workbook=False)
    assert found == local - timedelta(hours=hours)


@given(
    st.decimals(-(10**12), 10**12, places=3),
    st.sampled_from([(".", ","), (",", "."), (".", " "), (".", "'"), (",", "")]),
)
def test_a_number_comes_back_from_every_way_of_writing_it(number, marks):
    decimal, thousands = marks
    text = f"{number:,.3f}".replace(",", "\x00").replace(".", decimal).replace("\x00", thousands)
    assert one(to_number, text, decimal=decimal, thousands=thousands) == float(number)


@given(WORDS | st.from_regex(r"[+-]?[\d.,' ]{1,12}([eE][+-]?\d{1,4})?", fullmatch=True))
@example("1,5")
@example("1.5.1")
@example("nan")
@example("١٢")
@example("1e400")
@example("0x10")
@example("1_000")
def test_a_number_is_what_python_reads_or_nothing(word):
    found = one(to_number, word, decimal=".", thousands="")
    if found is not None:
        assert float(word) == found and abs(found) < float("inf") and word.isascii() and "_" not in word


@given(WORDS)
def test_a_thousands_mark_only_groups(word):
    """1.5 under a decimal comma is not 15."""
    found = one(to_number, word, decimal=",", thousands=".")
    if found is not None and "." in word:
        groups = word.lstrip("+-").split(",")[0].split(".")
        assert 1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_a_duration_is_the_same_minutes_however_it_is_written(hours, minutes, seconds):
    total = 60 * hours + minutes + seconds / 60
    written = [
        f"{hours}h {minutes}m {seconds}s",
        f"PT{hours}H{minutes}M{seconds}S",
        f"{hours}:{minutes:02d}:{seconds:02d}",
    ]
    assert all(abs(one(to_minutes, word, "h:m") - total) < 1e-9 for word in written)
    assert abs(one(to_minutes, f"{minutes}:{seconds:02d}", "m:s") - (minutes + seconds / 60)) < 1e-9


@given(WORDS)
def test_an_id_keeps_case_and_zeros_and_loses_only_composition_and_spaces(text):
    assert normal_id(text) == unicodedata.normalize("NFC", text).strip()
    assert normal_id(normal_id(text)) == normal_id(text)
    assert normal_id(f"00{text}") != normal_id(f"0{text}")


NAMES = st.text(st.characters(categories=["L"], exclude_characters="ßŉǰΐΰևẖẗẘẙẚ"), min_size=1, max_size=12)


@given(NAMES, NAMES)
def test_last_comma_first_is_first_last_whatever_the_case_and_the_spaces(first, last):
    written = [f"{first} {last}", f"{last}, {first}", f" {last} ,  {first} ", f"{first}  {last}", f"{first} {last}."]
    assert len({normal_name(text) for text in written}) == 1
    assert normal_name(unicodedata.normalize("NFD", f"{first} {last}")) == normal_name(f"{first} {last}")


@given(WORDS)
def test_normal_forms_are_their_own_normal_form(text):
    for form in (normal_id, normal_email, normal_name):
        assume(form is not normal_name or text.count(",") == 0)
        assert form(form(text)) == form(text)


@settings(max_examples=50)
@given(st.lists(st.none() | WORDS, max_size=30), st.sampled_from(["id", "name", "email"]))
def test_pseudonyms_are_hmacs_one_by_one_or_all_at_once(words, form):
    pseudonyms = Pseudonyms(KEY)
    for _ in range(2):  # the second time from memory
        found = pseudonyms.hash_all(pl.Series(words, dtype=pl.String), form=form).to_list()
        assert found == [(Pseudonyms(KEY).hash(word, form=form) or None) if word else None for word in words]
    for word in filter(normal_id, filter(None, words)):
        expected = hmac.new(KEY, normal_id(word).encode(), "sha256").hexdigest()[:32]
        assert pseudonyms.hash(word) == expected
        assert pseudonyms.hash(word, namespace="other") != expected
