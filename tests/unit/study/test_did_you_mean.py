"""A misspelt key or metric is named with the one that is meant."""

import pytest

from study.model import Study
from study.strict_yaml import ConfigError, load_as


@pytest.mark.parametrize(
    ("written", "instead_of", "says"),
    [
        ("outcoms", "outcomes", "outcoms: there is no such key; did you mean outcomes?"),
        (
            "favorable_from",
            "favourable_from",
            "favour.favorable_from: there is no such key; did you mean favourable_from?",
        ),
        ("review_day", "review_days", "checkins.review_day: there is no such key; did you mean review_days?"),
        ("rolle", "role", "outcomes.0.rolle: there is no such key; did you mean role?"),
        ("entirely_else", "title", "entirely_else: there is no such key"),
    ],
)
def test_a_misspelt_key_is_named_with_the_one_that_is_meant(tmp_path, written, instead_of, says):
    path = tmp_path / "study.yml"
    text = (
        "programme: p\ntitle: T\noutcomes:\n  - {metric: enps, role: primary}\n"
        "favour: {favourable_from: 75}\ncheckins: {review_days: 7}\n"
    )
    path.write_text(text.replace(instead_of, written, 1))
    with pytest.raises(ConfigError) as refused:
        load_as(path, Study)
    [line] = [line for line in str(refused.value).splitlines() if "no such key" in line]
    assert line == f"{path}: {says}"
