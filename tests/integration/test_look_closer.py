"""The notebook of docs/how-to, executed on a published workspace: its numbers are those of the study."""

import runpy

import pytest


def test_the_notebook_finds_the_studys_own_number_and_that_of_a_group(published, monkeypatch, request):
    monkeypatch.setenv("COACHING_WORKSPACE", str(published.root))
    found = runpy.run_path(str(request.config.rootpath / "docs" / "how-to" / "look_closer.py"))
    headline, of_all, of_steady = found["headline"], found["of_all"], found["of_steady"]
    for name in ("estimate", "std_error", "ci_low", "ci_high", "p_value", "df"):
        assert of_all[name] == pytest.approx(headline[name], rel=1e-9), name
    assert (of_all["n_pilot"], of_all["method"]) == (headline["n_pilot"], headline["method"])
    assert of_steady["status"] == "estimated" and of_steady["n_pilot"] < of_all["n_pilot"]
    assert of_steady["estimate"] != pytest.approx(of_all["estimate"], rel=1e-6)
    for name in ("chart_of_levels", "event_study", "forest"):
        drawn = found[name].to_dict()
        assert all(drawn["datasets"].values()) and drawn["datasets"], name
