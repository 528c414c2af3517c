"""What all text formats share: is this text at all, whole, and in the declared encoding?"""

from __future__ import annotations

import io
from pathlib import Path

from ingest.formats.lines import Splitter
from ingest.formats.records import FileRefused
from ingest.mapping.model import Mapping

MAGIC = {
    b"\x1f\x8b": "gzip-compressed",
    b"PK\x03\x04": "a ZIP or XLSX file",
    b"PK\x05\x06": "an empty ZIP file",
    b"%PDF": "a PDF",
    b"BZh": "bzip2-compressed",
    b"\xfd7zXZ": "xz-compressed",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x28\xb5\x2f\xfd": "zstd-compressed",
    b"Rar!": "a RAR archive",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "an old binary Excel (.xls) or Office file",
}

UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def check_is_text(head: bytes, *, is_utf16: bool = False) -> None:
    """Refuse what begins as another kind of file does (`head`: its first 4,096 bytes). Raises FileRefused."""
    for magic, name in MAGIC.items():
        if head.startswith(magic):
            raise FileRefused(f"this is {name}, not text; unpack or convert it, or declare its format in the mapping")
    if not is_utf16 and sum(byte < 9 for byte in head) > len(head) // 100 + 8:
        raise FileRefused("this is no text file; export it as CSV, XLSX or JSON")
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t")[:9].lower()
    if start.startswith((b"<!doctype", b"<html")):
        raise FileRefused("this is a web page (a log-in page?), not an export; download the export again")
    if start.startswith(b"<?xml"):
        raise FileRefused("this is XML; export it as CSV, XLSX or JSON")


def check_head(path: Path, mapping: Mapping) -> None:
    """Refuse a file that is no whole text in the mapping's encoding. Raises FileRefused."""
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(-min(path.stat().st_size, 4), io.SEEK_END)
        tail = file.read()
    is_marked = head.startswith(UTF16_MARKS)
    check_is_text(head, is_utf16=is_marked or mapping.encoding == "utf-16")
    if is_marked and mapping.encoding != "utf-16":
        raise FileRefused(f"this is UTF-16, the mapping says {mapping.encoding}; declare encoding: utf-16")
    if mapping.final_newline == "required" and not tail.rstrip(b"\0").endswith((b"\n", b"\r")):
        raise FileRefused(
            "the last line does not end, so the file may be cut off; deliver it again "
            "(or declare final_newline: optional if this system never writes one)"
        )


def line_rules(mapping: Mapping) -> dict[str, str]:
    """Expression → reason, for lines that are no records."""
    return {rule.line: rule.reason for rule in mapping.set_aside if rule.line is not None}


def open_splitter(path: Path, mapping: Mapping) -> Splitter:
    """The splitter for a mapping's delimiter, quoting and line rules."""
    passed_over = line_rules(mapping)
    style = {"encoding": mapping.encoding, "delimiter": mapping.delimiter, "quoting": mapping.quoting}
    return Splitter(path, **style, passed_over=passed_over)
