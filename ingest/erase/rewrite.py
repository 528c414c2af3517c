"""A file's content without a person: CSV, JSON lines, JSON and XLSX."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

from ingest.erase.traces import DISTINCT, Traces
from ingest.formats.reader import kind_of
from ingest.formats.workbook import part_of
from ingest.mapping.model import Mapping


def without_person(path: Path, layout: Mapping, found: Traces, words: set[str]) -> bytes:
    """The file's content without what was `found`, and without the distinct ones of `words` wherever they stand."""
    kind = kind_of(path, layout)
    said = {word for word in words if DISTINCT.match(word)}
    if kind == "xlsx":
        return _workbook_without(path, layout, found, said)
    raw = path.read_bytes()
    encoding = "utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else layout.encoding
    text = raw.decode(encoding)
    if kind == "jsonl":
        text = _lines_without(text, found)
    elif kind == "json":
        text = _document_without(text, layout, found)
    else:
        text = _csv_without(text, layout, found)
    return _without_words(text, said).encode(encoding)


def _csv_without(text: str, layout: Mapping, found: Traces) -> str:
    mark = "\n" if "\n" in text else "\r"
    *whole, last = text.split(mark)
    lines = [f"{line}{mark}" for line in whole] + ([last] if last else [])
    reader = csv.reader(lines, delimiter=layout.delimiter)
    kept, begin = [], 0
    for fields in reader:
        end = reader.line_num
        span = range(begin + 1, end + 1)
        if not found.own.intersection(span):
            mentioned = set().union(*(found.mentions.get(line, set()) for line in span))
            kept.append(_blank_words(lines[begin:end], fields, mentioned, layout.delimiter))
        begin = end
    return "".join(kept)


def _blank_words(lines: list[str], fields: list[str], words: set[str], delimiter: str) -> str:
    as_sent = "".join(lines)
    if not any(one.strip() in {word.strip() for word in words} for one in fields):
        return as_sent
    out = io.StringIO()
    clean = ["" if one.strip() in {word.strip() for word in words} else one for one in fields]
    csv.writer(out, delimiter=delimiter, lineterminator="").writerow(clean)
    return out.getvalue() + as_sent[len(as_sent.rstrip("\r\n")) :]


def _lines_without(text: str, found: Traces) -> str:
    kept = []
    for number, line in enumerate(text.split("\n"), start=1):
        if number in found.own:
            continue
        words = found.mentions.get(number)
        kept.append(json.dumps(_emptied(json.loads(line), words), ensure_ascii=False) if words else line)
    return "\n".join(kept)


def _document_without(text: str, layout: Mapping, found: Traces) -> str:
    document = json.loads(text)
    holder, key, records = None, "", document
    for key in filter(None, layout.records.split(".")):
        holder, records = records, records[key]
    kept = [
        _emptied(record, found.mentions.get(number, set()))
        for number, record in enumerate(records, start=1)
        if number not in found.own
    ]
    if holder is None:
        document = kept
    else:
        holder[key] = kept
    return json.dumps(document, ensure_ascii=False, indent=1)


def _emptied(value: object, words: set[str]) -> object:
    if isinstance(value, dict):
        return {key: _emptied(one, words) for key, one in value.items()}
    if isinstance(value, list):
        return [_emptied(one, words) for one in value]
    return None if value is not None and str(value) in words else value


SHEETS, SHARED = re.compile(r"xl/worksheets/[^/]+\.xml$"), "xl/sharedStrings.xml"
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def _workbook_without(path: Path, layout: Mapping, found: Traces, said: set[str]) -> bytes:
    """The rows' cells go, and of the shared texts those that no other row uses. Rows keep their numbers."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
        sheet = part_of(archive, layout.worksheet)
    ElementTree.register_namespace("", MAIN[1:-1])
    shared = ElementTree.fromstring(parts[SHARED]) if SHARED in parts else ElementTree.Element("none")
    texts = ["".join(node.itertext()) for node in shared]
    used: set[int] = set()
    changed = {}
    for name in filter(SHEETS.match, parts):
        root = ElementTree.fromstring(parts[name])
        n_gone = _sheet_without(root, found if name == sheet else Traces(), said, texts, used)
        if n_gone:
            changed[name] = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    kept = [_without_words(text, said) if index in used else "" for index, text in enumerate(texts)]
    if changed or any(index in used and text != kept[index] for index, text in enumerate(texts)):
        for node, text in zip(shared, kept, strict=True):
            for child in list(node):
                node.remove(child)
            ElementTree.SubElement(node, f"{MAIN}t").text = text
        changed[SHARED] = ElementTree.tostring(shared, encoding="utf-8", xml_declaration=True)
    for name in parts.keys() - {*changed, SHARED}:
        text = parts[name].decode("utf-8", "surrogateescape")
        if _without_words(text, said) != text:  # who wrote the workbook, a comment beside a cell
            changed[name] = _without_words(text, said).encode("utf-8", "surrogateescape")
    if not changed:
        return path.read_bytes()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            at = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            archive.writestr(at, changed.get(name, content), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _sheet_without(root: ElementTree.Element, found: Traces, said: set[str], texts: list[str], used: set[int]) -> int:
    """Take cells out of a sheet; how many. The shared texts of the cells that stay are noted in `used`."""
    n_gone = 0
    for row in root.iter(f"{MAIN}row"):
        line = int(row.get("r", "0"))
        words = {word.strip() for word in found.mentions.get(line, set())} | said
        for cell in list(row):
            value = cell.find(f"{MAIN}v")
            index = int(value.text) if cell.get("t") == "s" and value is not None else None
            text = texts[index] if index is not None else "".join(cell.itertext())
            if line in found.own or text.strip() in words:
                row.remove(cell)
                n_gone += 1
            elif index is not None:
                used.add(index)
    return n_gone


def _without_words(text: str, said: set[str]) -> str:
    """A text without these words, wherever they stand as words."""
    for word in sorted(said, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "", text, flags=re.IGNORECASE)
    return text
