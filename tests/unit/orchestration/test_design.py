"""`coaching design`: what a study may expect before it begins."""

import io

import pytest
from rich.console import Console
from typer.testing import CliRunner

from orchestration.cli import design as cli_design
from orchestration.cli.commands import app


@pytest.fixture
def printed(monkeypatch):
    """What goes to the terminal, lines joined."""
    written = io.StringIO()
    monkeypatch.setattr(cli_design, "out", Console(file=written, width=120))
    return lambda: " ".join(written.getvalue().split())


def run(tmp_path, *options: str):
    return CliRunner().invoke(app, ["design", "--picture", str(tmp_path / "curves.svg"), *options])


def test_a_design_says_what_it_could_see_and_draws_it(tmp_path, printed):
    found = run(tmp_path, "--teams", "40", "--people", "12", "--sd", "20", "--effect", "4")
    assert found.exit_code == 0, found.output
    assert "20 coached and 20 other units" in printed()
    assert "86%" in printed() and "35" in printed()  # difference in differences: power, and units for 80 %
    drawn = (tmp_path / "curves.svg").read_text()
    assert drawn.startswith("<svg") and "40 units" in drawn


def test_a_pilot_of_four_teams_is_warned_that_it_will_get_no_verdict(tmp_path, printed):
    assert run(tmp_path, "--teams", "8", "--before", "0").exit_code == 0
    assert "no verdict" in printed() and "after only" in printed()
    assert "adjusted for the past" not in printed()  # nothing lies before kick-off


def test_a_pilot_of_few_teams_is_warned_of_what_it_will_not_get(tmp_path, printed):
    assert run(tmp_path, "--teams", "34", "--before", "3").exit_code == 0
    assert "Fewer than 35 units over 7 waves: the headline and its curve are published" in printed()
    assert run(tmp_path, "--teams", "35", "--before", "3").exit_code == 0
    assert printed().count("withheld") == 1


@pytest.mark.parametrize("wrong", [["--icc", "2"], ["--share", "1"], ["--sd", "0"], ["--people", "0"]])
def test_what_cannot_be_is_refused(tmp_path, wrong):
    found = run(tmp_path, "--teams", "40", *wrong)
    assert found.exit_code == 2
    assert not (tmp_path / "curves.svg").exists()
