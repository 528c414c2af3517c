"""Files that ask for minutes or gigabytes: refused in less than 5 s and 512 MB, each in a process of its own."""

import io
import os
import subprocess
import sys
import zipfile

import pytest

pytestmark = pytest.mark.slow
SECONDS, MEGABYTES = 5.0, 512
HEAD = "Employee ID,Hire Date,Termination Date,Department,Team ID,Birth Date,Termination Type,Worker Status\n"
SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{}</worksheet>'


def workbook(sheet: bytes, more: dict[str, bytes] | None = None) -> bytes:
    """The least that is a workbook, with `sheet` as its only sheet."""
    main = "http://schemas.openxmlformats.org"
    parts = {
        "[Content_Types].xml": b"<Types/>",
        "xl/workbook.xml": (
            f'<workbook xmlns="{main}/spreadsheetml/2006/main" xmlns:r="{main}/officeDocument/2006/relationships">'
            '<sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>'
        ).encode(),
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{main}/package/2006/relationships">'
            '<Relationship Id="r1" Target="worksheets/sheet1.xml"/></Relationships>'
        ).encode(),
        "xl/worksheets/sheet1.xml": sheet,
    } | (more or {})
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return target.getvalue()


def entities() -> bytes:
    """A billion laughs."""
    lines = ['<!ENTITY a0 "ha">', *(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))]
    sheet = SHEET.format("<sheetData><row><c><v>&a9;</v></c></row></sheetData>")
    return f"<!DOCTYPE x [{''.join(lines)}]>{sheet}".encode()


BOMBS = {
    "sheet that unpacks to 300 MB.xlsx": lambda: workbook(SHEET.format(" " * 300_000_000).encode()),
    "other part that unpacks to 300 MB.xlsx": lambda: workbook(
        SHEET.format("").encode(), {"xl/media/image1.png": b"\0" * 300_000_000}
    ),
    "one cell at the far corner.xlsx": lambda: workbook(
        SHEET.format('<sheetData><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>').encode()
    ),
    "entities that multiply.xlsx": lambda: workbook(entities()),
    "one line of 100 MB.csv": lambda: HEAD.encode() + b"E1," + b"x" * 100_000_000 + b"\n",
    "one unclosed quote and 100 MB.csv": lambda: HEAD.encode() + b'E1,"' + b"x,y\n" * 25_000_000,
    "50,000 columns.csv": lambda: (",".join(f"c{i}" for i in range(50_000)) + "\n").encode() * 3,
    "header of 100 MB.csv": lambda: b"Employee ID," * 8_000_000 + b"\n",
    "lists in lists.json": lambda: b"[" * 5_000_000 + b"]" * 5_000_000,
    "objects in objects.jsonl": lambda: b'{"a":' * 2_000_000 + b"1" + b"}" * 2_000_000 + b"\n",
    "one number of 50 MB.jsonl": lambda: b'{"id":' + b"9" * 50_000_000 + b"}\n",
    "gzip under another name.csv": lambda: b"\x1f\x8b" + b"\0" * 1_000,
    "NUL bytes, 100 MB.csv": lambda: b"\0" * 100_000_000,
    "one mark, 40 million times.csv": lambda: HEAD.encode() + b'"' * 40_000_001 + b"\n",
}
CHILD = """
import re, sys, time
from pathlib import Path
from ingest.mapping.preview import check
from ingest.mapping.registry import built_in_mappings
readers = {".json": "hris_bamboohr_directory", ".jsonl": "checkins_log"}
reader = readers.get(Path(sys.argv[1]).suffix, "hris_report")
mappings = [m.model_copy(update={"files": ("*",)}) for m in built_in_mappings() if m.name == reader]
began = time.perf_counter()
report = check(Path(sys.argv[1]), mappings)
seconds = time.perf_counter() - began
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1e3
print(f"{seconds:.2f} {peak:.0f} {report.would_load} {report.refused[:200]}")
"""


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_goes_off(name, tmp_path, request):
    path = tmp_path / f"2026-03-01 {name}"
    path.write_bytes(BOMBS[name]())
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)],
        cwd=request.config.rootpath,
        env={**os.environ, "PYTHONPATH": str(request.config.rootpath)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    seconds, megabytes, would_load, reason = done.stdout.strip().split(" ", 3)
    print(f"{name}: {seconds} s, {megabytes} MB: {reason}")
    assert would_load == "False" and reason
    assert float(seconds) < SECONDS and float(megabytes) < MEGABYTES
