"""Files as they go wrong, made from good ones: over 300, each a known fault in a known format.

Every fault says what is damaged. The whole file has N_PEOPLE records; a reader that takes the damaged one as whole and
clean has been deceived.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

N_PEOPLE = 12
COLUMNS = ("id", "name", "hired", "left", "team", "output")


@dataclass(frozen=True)
class Case:
    """A damaged file; `damage` is the class of fault, `ending` the format."""

    name: str
    damage: str
    ending: str
    data: bytes
    encoding: str = "utf-8"


def people(n: int = N_PEOPLE) -> list[dict[str, str]]:
    """Obviously synthetic people."""
    return [
        {
            "id": f"{number:05d}",
            "name": f"Person {number}, Synthetic",
            "hired": f"2020-01-{number + 1:02d}",
            "left": "2026-02-01" if number % 5 == 4 else "",
            "team": f"T{number % 3}",
            "output": f"{number * 10.5:.1f}",
        }
        for number in range(n)
    ]


def as_csv(rows, delimiter=",", end="\n") -> str:
    """RFC 4180: names are quoted, since they hold commas."""
    head = delimiter.join(COLUMNS)
    lines = [delimiter.join(f'"{row[c]}"' if c == "name" else row[c] for c in COLUMNS) for row in rows]
    return end.join([head, *lines]) + end


def as_jsonl(rows) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def as_json(rows) -> str:
    return json.dumps({"people": rows}, indent=1)


def as_xlsx(rows) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(rows).write_excel(buffer)
    return buffer.getvalue()


WRITERS = {
    "csv": lambda rows: as_csv(rows).encode(),
    "jsonl": lambda rows: as_jsonl(rows).encode(),
    "json": lambda rows: as_json(rows).encode(),
    "xlsx": as_xlsx,
}
# What stands in a field that cannot: column → words.
WRONG_VALUES = {
    "hired": (
        "2020-02-30",
        "30/02/2020",
        "01.02.2020",
        "2020-13-01",
        "soon",
        "0000-00-00",
        "1899-12-31",
        "2200-01-01",
        "43831",
        "2020-1-1x",
        "1e5",
        "null",
    ),
    "left": ("9999-12-31", "yesterday", "2026-02-30", "2026/02/01", "True", "N/A"),
    "output": (
        "1,5",
        "1.234,5",
        "12 34",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "0x1F",
        "٣",
        "1_000",
        "--5",
        "$5",
        "5%",
        "1.2.3",
    ),
    "id": ("", " ", "\u200b", "\ufeff"),
}
STRUCTURE = {
    "short row": lambda lines: [*lines[:4], '00099,"Person, Short",2020-01-01', *lines[4:]],
    "long row": lambda lines: [*lines[:4], lines[4] + ",extra", *lines[5:]],
    "header again": lambda lines: [*lines[:6], lines[0], *lines[6:]],
    "file twice": lambda lines: [*lines, *lines],
    "record twice": lambda lines: [*lines, lines[3]],
    "two records under one key": lambda lines: [
        *lines,
        lines[3].replace("T2", "T9").replace("T1", "T8").replace("T0", "T7"),
    ],
    "unclosed quote": lambda lines: [*lines[:5], lines[5].replace('"', "", 1), *lines[6:]],
    "opened quote": lambda lines: [*lines[:5], '"' + lines[5], *lines[6:]],
    "quote in the middle": lambda lines: [*lines[:5], lines[5].replace(",2020", ',"20"20', 1), *lines[6:]],
    "line break in a field": lambda lines: [*lines[:5], lines[5].replace("Person", "Per\nson"), *lines[6:]],
    "carriage return in a field": lambda lines: [*lines[:5], lines[5].replace("T", "T\r"), *lines[6:]],
    "NUL byte": lambda lines: [*lines[:5], lines[5].replace("T", "T\0"), *lines[6:]],
    "blank fields only": lambda lines: [*lines[:5], "," * 5, *lines[5:]],
    "line of totals": lambda lines: [*lines, "Total,,,,,693"],
    "other delimiter in the middle": lambda lines: [*lines[:5], lines[5].replace(",", ";"), *lines[6:]],
    "no header": lambda lines: lines[1:],
    "header only": lambda lines: lines[:1],
    "renamed column": lambda lines: [lines[0].replace("hired", "start date"), *lines[1:]],
    "missing column": lambda lines: [",".join(line.split(",")[:-1]) for line in lines],
    "doubled column": lambda lines: [lines[0].replace("team", "hired"), *lines[1:]],
    "two tables": lambda lines: [*lines, "", "unit,arm", "T1,Pilot"],
    "conflict marks": lambda lines: [*lines[:3], "<<<<<<< HEAD", *lines[3:]],
}
HEADS = {
    "empty": b"",
    "one byte": b"i",
    "only line ends": b"\n\n\n\n",
    "only spaces": b"      ",
    "web page": b"<!DOCTYPE html><html><body>Sign in to continue</body></html>\n",
    "web page, small": b"\n\n<html>\n<head></head></html>\n",
    "xml": b'<?xml version="1.0"?><people/>\n',
    "pdf": b"%PDF-1.7 not a table\n",
    "gzip": gzip.compress(as_csv(people()).encode()),
    "bzip2": b"BZh91AY&SY" + bytes(range(200)),
    "zstd": b"\x28\xb5\x2f\xfd" + bytes(range(100)),
    "old excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "parquet": b"PAR1" + bytes(range(120)) + b"PAR1",
    "noise": bytes((i * 7919 + 13) % 256 for i in range(4_000)),
    "zeros": bytes(4_096),
    "long line": b"id," + b"x" * (2 << 20) + b"\n",
    "many columns": (",".join(f"c{i}" for i in range(2_000)) + "\n").encode(),
    "error message": b"Error 500: report could not be generated\n",
    "json in csv": b'{"people": []}\n',
}


def truncations(ending: str, data: bytes, step: int) -> Iterator[Case]:
    """Cut at every `step`th byte, from the first to the last but one."""
    for cut in range(1, len(data), step):
        yield Case(f"cut at byte {cut}", "truncated", ending, data[:cut])


def _values() -> Iterator[Case]:
    for column, words in WRONG_VALUES.items():
        for word in words:
            rows = people()
            rows[5][column] = word
            for ending, writer in WRITERS.items():
                if ending == "xlsx" and "\ufeff" in word:
                    continue
                if ending == "csv" and "," in word:
                    rows[5][column] = f'"{word}"'
                    yield Case(f"{column} = {word!r}", "wrong value", ending, writer(rows))
                    rows[5][column] = word
                else:
                    yield Case(f"{column} = {word!r}", "wrong value", ending, writer(rows))


def _encodings() -> Iterator[Case]:
    text = as_csv(people()).replace("Synthetic", "Sünthetic")
    for encoding in ("cp1252", "latin-1", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "mac-roman", "cp437", "utf-7"):
        if encoding != "utf-7":
            yield Case(f"written as {encoding}", "encoding", "csv", text.encode(encoding))
    data = text.encode()
    yield Case("half a character", "encoding", "csv", data.replace("ü".encode(), b"\xc3"))
    yield Case("surrogates", "encoding", "csv", data.replace("ü".encode(), b"\xed\xa0\x80"))
    yield Case("overlong", "encoding", "csv", data.replace("ü".encode(), b"\xc0\xaf"))
    yield Case(
        "declared cp1252, has 0x81", "encoding", "csv", text.encode("cp1252").replace(b"\xfc", b"\x81"), "cp1252"
    )
    yield Case("declared utf-16, is not", "encoding", "csv", data + b"x", "utf-16")
    bad = [json.dumps(row) for row in people()]
    bad[5] = bad[5].replace("T2", "\\ud800")
    yield Case("lone surrogate in JSON", "encoding", "jsonl", ("\n".join(bad) + "\n").encode())


def _json() -> Iterator[Case]:
    lines = as_jsonl(people()).splitlines()
    broken = {
        "no object": "[1, 2]",
        "a word": "people",
        "cut object": lines[5][:-3],
        "key twice": lines[5][:-1] + ', "id": "00001"}',
        "NaN": lines[5].replace('"52.5"', "NaN"),
        "infinity": lines[5].replace('"52.5"', "Infinity"),
        "list for a word": lines[5].replace('"T2"', '[["T2"]]'),
        "object for a word": lines[5].replace('"T2"', '{"a": {"b": 1}}'),
        "two on a line": lines[5] + lines[6],
        "trailing comma": lines[5][:-1] + ",}",
        "single quotes": lines[5].replace('"', "'"),
        "deep": "[" * 5_000 + "]" * 5_000,
    }
    for name, line in broken.items():
        yield Case(name, "broken json", "jsonl", ("\n".join([*lines[:5], line, *lines[6:]]) + "\n").encode())
    documents = {
        "no list": '{"people": 5}',
        "other list": '{"persons": []}',
        "empty list": '{"people": []}',
        "words in the list": '{"people": ["a", "b"]}',
        "list of lists": '{"people": [[1], [2]]}',
        "deep": '{"people": ' + "[" * 20_000,
        "two documents": as_json(people()) * 2,
        "comment": "// people\n" + as_json(people()),
    }
    for name, text in documents.items():
        yield Case(name, "broken json", "json", text.encode())


def _workbooks() -> Iterator[Case]:
    whole = as_xlsx(people())
    for part in ("xl/workbook.xml", "xl/worksheets/sheet1.xml", "[Content_Types].xml", "xl/_rels/workbook.xml.rels"):
        yield Case(f"without {part}", "broken workbook", "xlsx", _rezip(whole, drop=part))
    yield Case(
        "broken sheet",
        "broken workbook",
        "xlsx",
        _rezip(whole, change={"xl/worksheets/sheet1.xml": b"<worksheet><row"}),
    )
    yield Case(
        "bomb", "broken workbook", "xlsx", _rezip(whole, change={"xl/worksheets/sheet1.xml": b" " * 210_000_000})
    )
    yield Case("a zip of a csv", "broken workbook", "xlsx", _zipped({"people.csv": as_csv(people()).encode()}))
    yield Case("csv named xlsx", "broken workbook", "xlsx", as_csv(people()).encode())
    yield Case("xlsx named csv", "broken workbook", "csv", whole)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        at = archive.getinfo("xl/worksheets/sheet1.xml").header_offset + 200
    yield Case("flipped byte", "broken workbook", "xlsx", whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])


def _zipped(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _rezip(whole: bytes, *, drop: str = "", change: dict[str, bytes] | None = None) -> bytes:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if name != drop}
    return _zipped(parts | (change or {}))


def corpus() -> Iterator[Case]:
    """All cases but the cuts at every byte (`truncations`)."""
    lines = as_csv(people()).splitlines()
    for name, damage in STRUCTURE.items():
        for end in ("\n", "\r\n"):
            kind = "windows" if end == "\r\n" else "unix"
            yield Case(f"{name} ({kind})", "structure", "csv", (end.join(damage(lines)) + end).encode())
    for name, data in HEADS.items():
        for ending in WRITERS:
            yield Case(name, "no table", ending, data)
    yield from _values()
    yield from _encodings()
    yield from _json()
    yield from _workbooks()
