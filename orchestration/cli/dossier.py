"""`coaching dossier`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import durable
from ingest.pseudonyms import KeyMissing
from ingest.warehouse import WarehouseBusy, WarehouseUnreadable
from orchestration.cli.terminal import BUSY, HERE, WRONG, WorkspaceOption, check_folder, fail, opened, out
from study.strict_yaml import ConfigError


def dossier(
    file: Annotated[Path, typer.Argument(help="The file to write: dossier.md, or dossier.html to print.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """Write what a works council and a data protection officer ask, answered from this workspace.

    No person is in it.
    """
    from orchestration.dossier import as_page
    from orchestration.dossier import dossier as written

    if file.suffix not in (".md", ".html"):
        raise fail(f"{file.name}: the name ends in .md or .html", WRONG)
    check_folder(file)
    there = opened(workspace)
    try:
        text = written(there)
    except WarehouseBusy as error:
        raise fail(str(error), BUSY) from None
    except (ConfigError, KeyMissing, WarehouseUnreadable) as error:
        raise fail(str(error), WRONG) from None
    durable.replace_text(file, as_page(text) if file.suffix == ".html" else text, mode=0o644)
    n_open = text.count("__________ (")
    out.print(f"Wrote {file}. {n_open} line(s) are yours to fill in.", highlight=False, soft_wrap=True)
