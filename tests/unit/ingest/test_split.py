"""The fast way and the careful way of splitting text give the same records, whatever the text."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats import lines as split
from ingest.formats.lines import Splitter, Unreadable

PIECES = ["a", "b", ",", ",", "\n", "\n", '"', '"a"', '""', "é", " ", "1", '"x,y"', "=1", "\t"]


def ours(path, data: bytes, width: int):
    path.write_bytes(data)
    splitter = Splitter(path, encoding="utf-8", delimiter=",", quoting="standard")
    found = []
    try:
        for piece in splitter.pieces(width):
            found += [(row[0], list(row[1:])) for row in piece.plain.rows()]
            found += [(odd.line, odd.fields) for odd in piece.odd]
    except Unreadable:
        return "broken"
    return sorted(found)


def careful(data: bytes):
    reader, found, last = csv.reader(io.StringIO(data.decode(), newline=""), strict=True), [], 0
    try:
        for row in reader:
            line, last = last + 1, reader.line_num
            if row:
                found.append((line, row))
    except csv.Error:
        return "broken"
    return found


@pytest.mark.parametrize("block", [1 << 23, 16, 5])
@settings(max_examples=300)
@given(text=st.lists(st.sampled_from(PIECES), max_size=60).map("".join), width=st.integers(1, 4))
def test_every_text_is_split_as_the_strict_reader_does(tmp_path_factory, block, text, width):
    path = tmp_path_factory.getbasetemp() / "text.csv"
    before, split.BLOCK_BYTES = split.BLOCK_BYTES, block
    try:
        assert ours(path, text.encode(), width) == careful(text.encode())
    finally:
        split.BLOCK_BYTES = before


def test_line_ends_of_every_system_give_the_same_records(tmp_path):
    lines = ["a,b", '"c,d",e', "f,g"]
    for end in ("\n", "\r\n", "\r"):
        data = (end.join(lines) + end).encode()
        assert ours(tmp_path / "t.csv", data, 2) == [(1, ["a", "b"]), (2, ["c,d", "e"]), (3, ["f", "g"])]


def test_a_line_longer_than_a_record_can_be_is_refused_in_little_memory(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"x" * 100_000_000)
    with pytest.raises(Unreadable, match="more than 1,048,576 bytes"):
        list(Splitter(tmp_path / "t.csv", encoding="utf-8", delimiter=",", quoting="standard").pieces(2))
