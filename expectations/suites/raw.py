"""What the gate asks of loads and raw tables."""

from __future__ import annotations

from collections.abc import Mapping

from expectations.suites.promise import Promise, Tables, be_between, be_in_set, be_zero, not_be_empty

AGAIN = "deliver the file again, whole, or take it out of the inbox (which takes it back until a release used it)"
MAPPING = "look at the quarantine (`coaching quarantine list`), then fix the export or the mapping in sources/"
REPORT = "compare the report's columns and filters with those of the month before and deliver it again"


def raw(limit: Mapping[str, float]) -> Tables:
    """What arrived: files, columns beside those of the file before, the organisation from snapshot to snapshot."""
    return {
        "loads": _loads(limit),
        "profiles": _profiles(limit),
        "groups": _groups(),
        "headcounts": _headcounts(limit),
        "identities": _identities(limit),
        "matches": _matches(limit),
        "units": _units(limit),
    }


def _loads(limit: Mapping[str, float]) -> list[Promise]:
    """Every file arrived whole."""
    return [
        not_be_empty("no_files", "at least one file was loaded", fix="drop exports into inbox/"),
        be_in_set(
            "file_refused",
            "every file in the inbox could be loaded",
            "status",
            ["loaded"],
            fix=f"the reason stands beside the file; {AGAIN}",
        ),
        be_between("file_empty", "no export is empty", "n_records", 1, fix=AGAIN),
        be_between(
            "faulty_share",
            "few records of a file are faulty (share)",
            "faulty_share",
            0,
            limit["faulty_share"],
            threshold="faulty_share",
            fix=MAPPING,
        ),
        be_between(
            "faulty_records",
            "few records of a file are faulty (number)",
            "n_faulty",
            0,
            limit["faulty_records"],
            threshold="faulty_records",
            fix=MAPPING,
        ),
        be_zero("records_lost", "records in = loaded + quarantined", "n_lost"),
    ]


def _profiles(limit: Mapping[str, float]) -> list[Promise]:
    """Columns beside those of the file before."""
    return [
        be_between(
            "column_dry",
            "a filled column does not run dry",
            "filled_ratio",
            limit["filled_ratio"],
            threshold="filled_ratio",
            waived_by="column_name",
            fix=REPORT,
        ),
        be_between(
            "column_scale",
            "a column of numbers keeps its unit",
            "scale_ratio",
            0,
            limit["scale_ratio"],
            threshold="scale_ratio",
            waived_by="column_name",
            fix=f"say the unit in the mapping (`scale`), or {REPORT}",
        ),
        be_between(
            "column_uniform",
            "a column keeps its variety",
            "distinct_ratio",
            limit["distinct_ratio"],
            threshold="distinct_ratio",
            waived_by="column_name",
            fix=REPORT,
        ),
    ]


def _groups() -> list[Promise]:
    """Departments and sites from snapshot to snapshot."""
    return [
        be_between(
            "group_vanished",
            "no department or site vanishes from a snapshot",
            "n_now",
            1,
            waived_by="value",
            fix="deliver the whole snapshot; if the group really closed, waive it in study.yml",
        )
    ]


def _headcounts(limit: Mapping[str, float]) -> list[Promise]:
    """The organisation's size from snapshot to snapshot."""
    return [
        not_be_empty("no_snapshot", "there is a snapshot of the people", fix="drop HR exports into inbox/hris"),
        be_between(
            "headcount_jump",
            "head-count does not jump between snapshots",
            "change",
            -limit["headcount_change"],
            limit["headcount_change"],
            threshold="headcount_change",
            waived_by="snapshot",
            fix="deliver the whole snapshot; if the organisation really changed so, waive it in study.yml",
        ),
        be_between(
            "unit_coverage",
            "people have an assignment unit",
            "unit_coverage",
            limit["unit_coverage"],
            1,
            threshold="unit_coverage",
            fix="deliver the report with the column that the study assigns by, filled",
        ),
        be_between(
            "snapshot_gap",
            "no month is missing between snapshots",
            "gap_days",
            0,
            limit["snapshot_gap_days"],
            threshold="snapshot_gap_days",
            fix="deliver the missing month, if there is one",
        ),
    ]


def _identities(limit: Mapping[str, float]) -> list[Promise]:
    """Are they the same people under the same ids?"""
    return [
        be_between(
            "people_found_again",
            "the people of a snapshot are found again in the next one",
            "found_share",
            limit["found_again_share"],
            1,
            threshold="found_again_share",
            waived_by="snapshot",
            fix="compare the ids of both files: do they come from the same system, with the same filters?",
        ),
        be_between(
            "ids_lost_zeros",
            "nobody is known under an id without its leading zeros",
            "lost_zeros_share",
            0,
            limit["renumbered_share"],
            threshold="renumbered_share",
            fix="a spreadsheet took the leading zeros off the ids: deliver the file as it was exported, or give "
            "the zeros back with zero_pad: in the mapping",
        ),
        be_between(
            "ids_of_another_space",
            "nobody is known under an id of another kind",
            "other_space_share",
            0,
            limit["renumbered_share"],
            threshold="renumbered_share",
            fix="the ids look different from those of the snapshot before: map the column that held them, or "
            "deliver a crosswalk of old to new ids (hris_crosswalk)",
        ),
        be_between(
            "ids_renumbered",
            "nobody is known under another id",
            "renumbered_share",
            0,
            limit["renumbered_share"],
            threshold="renumbered_share",
            fix="people have new ids: deliver a crosswalk of old to new ids (hris_crosswalk)",
        ),
        be_between(
            "new_people_not_hired",
            "new people were hired since the snapshot before",
            "unhired_share",
            0,
            limit["unhired_share"],
            threshold="unhired_share",
            waived_by="snapshot",
            fix="people appear who were hired long ago: new ids without a crosswalk, or a part of the "
            "organisation that the report had left out; waive it in study.yml if a part really joined",
        ),
    ]


def _matches(limit: Mapping[str, float]) -> list[Promise]:
    """Do the other sources speak about these people?"""
    return [
        be_between(
            "unmatched",
            "records name people whom the month's snapshot knows",
            "matched_share",
            limit["matched_share"],
            1,
            threshold="matched_share",
            waived_by="month",
            fix="compare the ids of both exports (leading zeros?); deliver the month's snapshot if it is missing",
        )
    ]


def _units(limit: Mapping[str, float]) -> list[Promise]:
    """Do the study's units exist?"""
    return [
        not_be_empty("no_units", "the study has units", fix="deliver the roster, or name the units in study.yml"),
        be_between(
            "units_unknown",
            "the study's units exist in the organisation",
            "found_share",
            limit["found_share"],
            1,
            threshold="found_share",
            fix="write the units in roster or study.yml as the HR export writes them",
        ),
    ]
