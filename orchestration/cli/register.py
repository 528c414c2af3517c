"""`coaching register`: the study as a registration text, and what a release is compared with from then on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

import durable
from orchestration.cli.terminal import BUSY, HERE, WRONG, WorkspaceOption, check_folder, fail, opened, out
from study.strict_yaml import ConfigError


def register(
    file: Annotated[Path, typer.Option("--out", help="Where the text is written.")] = Path("registration.md"),
    workspace: WorkspaceOption = HERE,
) -> None:
    """Write the study as a text for a registry, before the pilot. Releases name what was changed in it since.

    Until the first kick-off it can be written again; then what was registered stays.
    """
    from ingest.warehouse import WarehouseBusy, WarehouseUnreadable
    from orchestration.lots import kickoffs, newest_lot
    from publish import ledger
    from study.model import load_study
    from study.registration import amendments, document

    there, now = opened(workspace), datetime.now(UTC)
    check_folder(file, "--out")
    try:
        study, begun = load_study(there.study), [day for day in kickoffs(there) if day <= now.date()]
    except (ConfigError, WarehouseUnreadable) as problem:
        raise fail(str(problem), WRONG) from None
    except WarehouseBusy as busy:
        raise fail(str(busy), BUSY) from None
    if there.registration.exists() and begun:
        kept = json.loads(there.registration.read_text(encoding="utf-8"))
        changed = ", ".join(one.setting for one in amendments(kept["questions"], study)) or "nothing"
        raise fail(
            f"the study was registered on {kept['at'][:10]}, and the first kick-off was on {min(begun)}: what was "
            f"registered stays. Changed since, and named in each release: {changed}",
            WRONG,
        )
    kept = document(study, newest_lot(there), now)
    durable.replace_text(there.registration, kept)
    made = json.loads(kept)
    durable.replace_text(file, made["text"], mode=0o644)
    ledger.append(there.ledger, "registered", text_sha256=made["text_sha256"], questions_hash=study.questions_digest)
    out.print(f"Registered: {file} (sha256 {made['text_sha256'][:16]}). Paste it into a registry.", highlight=False)
    if begun:
        out.print(
            f"The first kick-off was on {min(begun)}: releases say that this was registered afterwards.", style="yellow"
        )
