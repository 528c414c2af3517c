"""A person's records out of the files, and out of every file that comes later.

What was erased is remembered as tombstones: keyed hashes of pseudonyms, which are neither the person's words nor the
pseudonyms that stood in the warehouse. A file is read by its mapping; where a record is the person's own it goes, where
another's names the person (a manager, a trainer) only that word goes, and all else stays byte by byte.

Right to erasure: Regulation (EU) 2016/679 (GDPR), article 17.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree

import polars as pl

import durable
from ingest import land
from ingest.conform import conform
from ingest.load import mapping_hash, open_with
from ingest.pseudonyms import Pseudonyms
from ingest.read import FileRefused, kind_of
from ingest.spec import Column, Mapping, candidates
from ingest.workbook import part_of

OWN = ("person_id", "old_person_id", "email_key")  # whose record it is
TOMBSTONES = "erased.json"
ERASING = "erasing"  # beside a frozen copy: sha256 of what will stand in its place
PSEUDONYM = re.compile(r"^[0-9a-f]{32}$")
# A word that is taken out wherever it stands must not be one that stands everywhere.
DISTINCT = re.compile(r"^(?=.*[^\W\d_])(?=.*[\d@ ]).{5,}$|^\d{7,}$")


class CannotErase(ValueError):
    """A file that may hold the person can be neither read nor changed; the message names it and says what to do."""


@dataclass
class Erased:
    """Who was erased: `tombstones`, and what was searched for all of them: contents (sha256) as mappings read them."""

    pseudonyms: Pseudonyms
    tombstones: set[str] = field(default_factory=set)
    searched: set[str] = field(default_factory=set)
    _known: dict[str, bool] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, folder: Path, pseudonyms: Pseudonyms) -> Erased:
        """As kept in `folder`; nobody where nothing was kept."""
        path = folder / TOMBSTONES
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return cls(pseudonyms, set(found.get("tombstones", [])), set(found.get("searched", [])))

    def keep(self, folder: Path) -> None:
        """Write it down, whole or not at all."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = json.dumps({"tombstones": sorted(self.tombstones), "searched": sorted(self.searched)}, indent=1)
        durable.replace_text(folder / TOMBSTONES, text + "\n")

    def add(self, pseudonyms: Iterable[str]) -> bool:
        """Take these people in; whether anybody was new. Then every file is to be searched again."""
        new = {self._tombstone(one) for one in pseudonyms} - self.tombstones
        if new:
            self.tombstones |= new
            self.searched.clear()
            self._known.clear()
        return bool(new)

    def _tombstone(self, pseudonym: str) -> str:
        return self.pseudonyms.seal(f"erased\x1f{pseudonym}")[:32]

    def covers(self, pseudonym: str | None) -> bool:
        """Whether a pseudonym is that of somebody who was erased."""
        if pseudonym is None or not self.tombstones:
            return False
        if pseudonym not in self._known:
            self._known[pseudonym] = self._tombstone(pseudonym) in self.tombstones
        return self._known[pseudonym]


@dataclass
class Traces:
    """Where a file tells of the erased: lines of own records, and words to take out of other lines. `words` are those
    that the own records name the person by, `pseudonyms` what they are hashed to."""

    own: set[int] = field(default_factory=set)
    mentions: dict[int, set[str]] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    pseudonyms: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.own or self.mentions)

    @property
    def n_mentions(self) -> int:
        """Records of others that name the person."""
        return len(self.mentions.keys() - self.own)


@dataclass(frozen=True)
class Rewritten:
    """What became of one file: its digest before and after, and how much went."""

    source: str
    old: str
    new: str
    n_records: int
    n_mentions: int


def traces(path: Path, file_name: str, source: str, mappings: list[Mapping], erased: Erased) -> tuple[Mapping, Traces]:
    """Read a file by its mapping and find the erased in it. Raises FileRefused."""
    opened = open_with(path, file_name, source, candidates(mappings, source, file_name))
    layout, found = opened.reading.layout, Traces()
    headers = _headers(layout)
    in_parts = [header for name, one in layout.all_columns if _is_in_parts(name, one) for header in one.headers]
    for batch in opened.reading.batches:
        done = conform(batch, layout, erased.pseudonyms, load_id="0" * 64, dated=opened.facts.day, file_name=file_name)
        for frame in done.tables.values():
            _in_rows(frame, erased, found)
        records = [(row["line"], row) for row in batch.frame.iter_rows(named=True)]
        records += [(fault.line, fault.record) for fault in batch.faults]
        for line, record in records:
            _in_words(line, record, headers, erased, found)
        for line, record in records:
            if line in found.own:
                _learn(record, headers, in_parts, erased, found)
    return layout, found


Header = tuple[str, str, str, bool]  # header, form, namespace, whether it says whose record it is


def _headers(layout: Mapping) -> list[Header]:
    kinds = {name: kind for name, kind in layout.record.fields.items() if kind in ("person", "name", "email")}
    return [
        (header, "id" if kinds[name] == "person" else kinds[name], column.namespace, name in (*OWN, "name_key"))
        for name, column in layout.all_columns
        if name in kinds and name != "response_id" and not _is_in_parts(name, column)
        for header in column.headers
    ]


def _is_in_parts(name: str, column: Column) -> bool:
    """A first name alone is nobody's."""
    return name == "name_key" and len(column.headers) > 1


def _in_rows(frame: pl.DataFrame, erased: Erased, found: Traces) -> None:
    """What the conformed rows are about; of own ones, all that the person is known by."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String and name != "load_id"]
    for name in texts:
        for line, value in frame.select("line", name).rows():
            if value is not None and PSEUDONYM.match(value) and erased.covers(value):
                found.own.add(line) if name in OWN else found.mentions.setdefault(line, set())
    known_by = [name for name in texts if name in (*OWN, "name_key")]
    for row in frame.filter(pl.col("line").is_in(sorted(found.own))).select(known_by).iter_rows():
        found.pseudonyms.update(value for value in row if value is not None)


def _in_words(line: int, record: dict, headers: list[Header], erased: Erased, found: Traces) -> None:
    """The words as they stand, also of records that were refused."""
    for header, form, namespace, is_own in headers:
        word = record.get(header)
        if word and erased.covers(erased.pseudonyms.hash(word, form=form, namespace=namespace)):
            if is_own and form != "name":  # two people may have one name
                found.own.add(line)
            else:
                found.mentions.setdefault(line, set()).add(word)


def _learn(record: dict, headers: list[Header], in_parts: list[str], erased: Erased, found: Traces) -> None:
    for header, form, namespace, is_own in headers:
        word = record.get(header)
        if word and is_own:
            found.words.add(word)
            found.pseudonyms.add(erased.pseudonyms.hash(word, form=form, namespace=namespace))
    names = [word for word in (record.get(header) for header in in_parts) if word]
    if len(names) > 1:
        found.words |= {" ".join(names), " ".join(reversed(names)), ", ".join(reversed(names))}


def without(path: Path, layout: Mapping, found: Traces, words: set[str]) -> bytes:
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
    return _unsaid(text, said).encode(encoding)


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
            kept.append(_blanked(lines[begin:end], fields, mentioned, layout.delimiter))
        begin = end
    return "".join(kept)


def _blanked(lines: list[str], fields: list[str], words: set[str], delimiter: str) -> str:
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


MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
SHEETS, SHARED = re.compile(r"xl/worksheets/[^/]+\.xml$"), "xl/sharedStrings.xml"


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
    kept = [_unsaid(text, said) if index in used else "" for index, text in enumerate(texts)]
    if changed or any(index in used and text != kept[index] for index, text in enumerate(texts)):
        for node, text in zip(shared, kept, strict=True):
            for child in list(node):
                node.remove(child)
            ElementTree.SubElement(node, f"{MAIN}t").text = text
        changed[SHARED] = ElementTree.tostring(shared, encoding="utf-8", xml_declaration=True)
    for name in parts.keys() - {*changed, SHARED}:
        text = parts[name].decode("utf-8", "surrogateescape")
        if _unsaid(text, said) != text:  # who wrote the workbook, a comment beside a cell
            changed[name] = _unsaid(text, said).encode("utf-8", "surrogateescape")
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


def _unsaid(text: str, said: set[str]) -> str:
    """A text without these words, wherever they stand as words."""
    for word in sorted(said, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "", text, flags=re.IGNORECASE)
    return text


def search(inbox: Path, landing: Path, mappings: list[Mapping], erased: Erased) -> Iterator[tuple[Path, str, str]]:
    """Files not searched yet: path, name below the source's folder, source. Landed ones first."""

    def is_searched(digest: str, source: str, file_name: str) -> bool:
        return _as_read(digest, candidates(mappings, source, file_name)) in erased.searched

    for landed in land.landed_files(landing):
        path = land.content_path(landing, landed)
        digest = land.sha256(path) if path.exists() else ""
        if digest not in (landed.content_sha256, _promised(path)) or not digest:
            land.check_frozen(landing, landed)
        if not is_searched(digest, landed.source, landed.file_name):
            yield path, landed.file_name, landed.source
    for arrival in land.scan(inbox).files.values():
        if not is_searched(arrival.content_sha256, arrival.source, arrival.file_name):
            yield arrival.path, arrival.file_name, arrival.source


def learn(inbox: Path, landing: Path, mappings: list[Mapping], erased: Erased) -> set[str]:
    """Everything that the files name the erased by, followed to the end: an id leads to an address, that to another id.

    The words themselves; their tombstones are added to `erased`.
    """
    words: set[str] = set()
    _rename_landed(landing)
    grows = bool(erased.tombstones)
    while grows:
        grows = False
        for path, file_name, source in search(inbox, landing, mappings, erased):
            try:
                _, found = traces(path, file_name, source, mappings, erased)
            except FileRefused:
                continue
            words |= found.words
            grows = erased.add(found.pseudonyms) or grows
    return words


@dataclass(frozen=True)
class _Change:
    """What is to become of one file: `layout` None where no mapping reads it, `content` None where it stays."""

    path: Path
    source: str
    file_name: str
    layout: Mapping | None
    found: Traces
    old: str
    content: bytes | None

    @property
    def rewritten(self) -> Rewritten | None:
        if self.content is None:
            return None
        new = hashlib.sha256(self.content).hexdigest()
        return Rewritten(self.source, self.old, new, len(self.found.own), self.found.n_mentions)


def _change(place: tuple[Path, str, str], mappings: list[Mapping], erased: Erased, words: frozenset[str]) -> _Change:
    path, file_name, source = place
    old = path.read_bytes()
    known = {"path": path, "source": source, "file_name": file_name, "old": hashlib.sha256(old).hexdigest()}
    try:
        layout, found = traces(path, file_name, source, mappings, erased)
    except FileRefused:
        if _names(path, words):
            raise CannotErase(
                f"{path} names the person and no mapping reads it; take it away (in landing/ its whole folder) "
                "and erase again"
            ) from None
        return _Change(**known, layout=None, found=Traces(), content=None)
    if not found and not words:
        return _Change(**known, layout=layout, found=found, content=None)
    try:
        content = without(path, layout, found, set(words))
    except (OSError, ValueError, csv.Error, ElementTree.ParseError) as error:
        raise _cannot_change(path, error) from None
    return _Change(**known, layout=layout, found=found, content=None if content == old else content)


def _cannot_change(path: Path, error: Exception) -> CannotErase:
    return CannotErase(
        f"{path} holds somebody who is to be erased and cannot be changed ({type(error).__name__}); take the file away "
        "and erase again"
    )


def find(
    inbox: Path, landing: Path, mappings: list[Mapping], erased: Erased, words: frozenset[str] = frozenset()
) -> list[Rewritten]:
    """What `cleanse` would do, without doing it. Raises CannotErase."""
    changes = (_change(place, mappings, erased, words) for place in search(inbox, landing, mappings, erased))
    return [rewritten for change in changes if (rewritten := change.rewritten)]


def cleanse(
    inbox: Path, landing: Path, mappings: list[Mapping], erased: Erased, words: frozenset[str] = frozenset()
) -> list[Rewritten]:
    """Take the erased out of every landed file and every file of the inbox that was not searched yet.

    Raises CannotErase where a file cannot be read by any mapping, but names one of `words`, or cannot be written.
    """
    done = []
    land.tidy(landing)
    _rename_landed(landing)  # what an erasure that broke off had written
    for place in list(search(inbox, landing, mappings, erased)):
        change = _change(place, mappings, erased, words)
        rewritten = change.rewritten
        if rewritten:
            _write(change, rewritten.new, is_landed=landing in change.path.parents)
        new = rewritten.new if rewritten else change.old
        if change.layout is not None:  # what no mapping reads is looked at again: somebody may correct the mapping
            erased.searched.add(_as_read(new, candidates(mappings, change.source, change.file_name)))
        if rewritten:
            done.append(rewritten)
    _rename_landed(landing)
    return done


def _write(change: _Change, new: str, *, is_landed: bool) -> None:
    path = change.path
    try:
        if is_landed:
            durable.replace_text(path.with_name(ERASING), new)
        else:  # what the sender's manifest says of it is true no more
            path.with_name(path.name + land.MANIFEST).unlink(missing_ok=True)
        path.chmod(0o600)
        durable.replace(
            path, lambda temporary: temporary.write_bytes(change.content), mode=0o400 if is_landed else 0o600
        )
    except OSError as error:
        raise _cannot_change(path, error) from None


def _as_read(digest: str, fitting: list[Mapping]) -> str:
    return f"{digest}.{mapping_hash(fitting)}"


def _promised(path: Path) -> str:
    """What an erasure that broke off was about to write in place of a frozen copy; "" where there is none."""
    promise = path.with_name(ERASING)
    return promise.read_text(encoding="utf-8") if promise.exists() else ""


def _names(path: Path, words: Iterable[str]) -> bool:
    raw = path.read_bytes().lower()
    return any(word.lower().encode() in raw for word in words if DISTINCT.match(word))


def _rename_landed(landing: Path) -> None:
    """A landed file is known by its content: one that was changed gets another name, or goes where that is there.

    Its note is written first: a crash before the folder is renamed leaves a whole file under its former name.
    """
    for landed in land.landed_files(landing):
        path = land.content_path(landing, landed)
        digest = land.sha256(path) if path.exists() else ""
        if digest not in (landed.content_sha256, _promised(path)):
            continue  # nobody here has written that; the search says so
        if digest != landed.content_sha256:
            facts = {"content_sha256": digest, "n_bytes": path.stat().st_size, "n_declared": None}
            land.note(replace(landed, **facts), landing)
        path.with_name(ERASING).unlink(missing_ok=True)
        load_id = land.load_id_of(landed.source, landed.file_name, digest)
        if load_id == landed.load_id:
            continue
        kept = next((one for one in land.landed_files(landing) if one.load_id == load_id), None)
        if kept:  # what is newest stays newest
            land.note(replace(kept, sequence=max(kept.sequence, landed.sequence)), landing)
            (landing / landed.load_id / "landed.json").unlink()
            durable.remove(landing / landed.load_id)
        else:
            durable.rename(landing / landed.load_id, landing / load_id)


def redact(text: str, words: Iterable[str], mark: str = "[erased]") -> str:
    """`text` with `mark` for every word that is a person's own (DISTINCT), in whatever case; the longest first."""
    for word in sorted({word for word in words if DISTINCT.match(word)}, key=len, reverse=True):
        text = re.sub(re.escape(word), mark, text, flags=re.IGNORECASE)
    return text


def redact_names(inbox: Path, landing: Path, words: Iterable[str]) -> None:
    """Rename files whose name holds one of the words, in the inbox and in what landing notes of them."""
    for path in sorted(path for path in inbox.rglob("*") if path.is_file()):
        if (name := redact(path.name, words, "erased")) != path.name:
            durable.rename(path, path.with_name(name))
    for landed in land.landed_files(landing):
        if (name := redact(landed.file_name, words, "erased")) != landed.file_name:
            land.note(replace(landed, file_name=name), landing)
    _rename_landed(landing)
