import shutil

import pytest

from orchestration.pending import NothingToLoad, find_pending_changes
from study.strict_yaml import ConfigError


def test_an_inbox_that_is_gone_or_empty_is_said(workspace):
    with pytest.raises(ConfigError, match="is empty"):
        find_pending_changes(workspace)
    shutil.rmtree(workspace.inbox)
    with pytest.raises(ConfigError, match="not mounted"):
        find_pending_changes(workspace)


def test_a_question_that_the_catalogue_does_not_know_is_refused(workspace):
    workspace.study.write_text(workspace.study.read_text().replace("metric: retention,", "metric: happiness,"))
    with pytest.raises(ConfigError, match="happiness is no metric"):
        find_pending_changes(workspace)


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ("outputs: [{metric: calls, attribute: calls_taken, label: Calls, unit: calls}]", "attribute calls_taken;"),
        ("scales: [{scale: serenity, label: Serenity}]", "scale serenity;"),
    ],
)
def test_a_declared_metric_that_no_mapping_reads_anything_for_is_refused(workspace, declared, says):
    with workspace.study.open("a") as file:
        file.write(declared + "\n")
    with pytest.raises(ConfigError, match=says):
        find_pending_changes(workspace)
    (workspace.sources).mkdir(exist_ok=True)
    (workspace.sources / "ours.yml").write_text(
        "name: ours\nextends: hris_report\nattributes: {calls_taken: {from: Calls, kind: number}}\n"
    )
    (workspace.sources / "survey.yml").write_text(
        "name: ours_too\nextends: survey_qualtrics\nitems: {calm: {from: Calm, scale: serenity, range: [1, 5]}}\n"
    )
    with pytest.raises(ConfigError, match="is empty"):  # the inbox: the study is one
        find_pending_changes(workspace)


def test_two_questions_that_divide_the_same_count_are_refused(workspace):
    one = "  - {metric: goals_met_share, role: primary, minimum_important_difference: 0.03}\n"
    text = workspace.study.read_text()
    assert one in text
    workspace.study.write_text(text.replace(one, one + "  - {metric: goals_met_per_fte_month}\n"))
    with pytest.raises(ConfigError, match="goals_met_share and goals_met_per_fte_month divide the same"):
        find_pending_changes(workspace)
    workspace.study.write_text(text.replace(one, "  - {metric: goals_met_per_fte_month, role: primary}\n"))
    with pytest.raises(ConfigError, match="is empty"):  # the inbox: the study is one
        find_pending_changes(workspace)


def test_a_misspelt_metric_is_named_with_the_one_that_is_meant(workspace):
    workspace.study.write_text(
        workspace.study.read_text().replace("metric: engagement_score,", "metric: engagment_score,")
    )
    with pytest.raises(ConfigError, match=r"engagment_score is no metric; did you mean engagement_score\?"):
        find_pending_changes(workspace)


def test_files_outside_a_sources_folder_are_reported(workspace):
    (workspace.inbox / "hris_2026-01.csv").write_text("x\n")
    (workspace.inbox / "hris" / "hris_2026-01.csv").write_text("x\n")
    [(path, why)] = find_pending_changes(workspace).waiting
    assert path.parent == workspace.inbox
    assert "source's folder" in why


def test_each_kind_of_change_is_pending(copy_of_published):
    assert not find_pending_changes(copy_of_published)
    (copy_of_published.sources).mkdir(exist_ok=True)
    from ingest.mapping.registry import BUILT_IN

    text = (BUILT_IN / "roster_table.yml").read_text().replace("name: roster_table", "name: ours")
    (copy_of_published.sources / "ours.yml").write_text(text)
    assert find_pending_changes(copy_of_published).reasons == ("a source mapping has changed",)
    study = copy_of_published.study
    study.write_text(study.read_text().replace("retention_months: 6", "retention_months: 3"))
    assert "study.yml has changed" in find_pending_changes(copy_of_published).reasons


def test_what_is_missing_is_said_before_a_run(workspace):
    """HR files alone compare nobody; with a list, what needs other sources is named."""
    (workspace.inbox / "hris" / "hris_2026-01.csv").write_text("x\n")
    with pytest.raises(NothingToLoad, match=r"which units are coached.*inbox/roster"):
        find_pending_changes(workspace)
    (workspace.inbox / "roster" / "list.csv").write_text("x\n")
    unanswered = dict(find_pending_changes(workspace).unanswered)
    assert set(unanswered) == {"survey", "checkins"}
    assert "engagement_score" in unanswered["survey"]
    assert not set(unanswered["survey"]) & set(unanswered["checkins"])
    (workspace.inbox / "survey" / "pulse_2026-01-10.csv").write_text("x\n")
    assert set(dict(find_pending_changes(workspace).unanswered)) == {"checkins"}


def test_units_that_the_study_lists_need_no_roster(workspace):
    listed = "[{cohort: one, kickoff_date: 2026-03-01, units: [T1]}]"
    text = workspace.study.read_text().replace("source: roster", "source: listed")
    workspace.study.write_text(f"{text}cohorts: {listed}\ncontrol_units: [T2]\n")
    (workspace.inbox / "hris" / "hris_2026-01.csv").write_text("x\n")
    assert find_pending_changes(workspace).reasons == ("there is no release yet",)
