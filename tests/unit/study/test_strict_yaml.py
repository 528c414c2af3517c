import pytest

from study import strict_yaml
from study.strict_yaml import ConfigError


def written(tmp_path, text):
    path = tmp_path / "file.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_words_stay_words_and_leading_zeros_stay(tmp_path):
    assert strict_yaml.load(written(tmp_path, "a: NO\nb: 0123\nc: 12\nd: 1.5\ne: true\nf: 2026-01-01\ng:\n")) == {
        "a": "NO",
        "b": "0123",
        "c": 12,
        "d": 1.5,
        "e": True,
        "f": "2026-01-01",
        "g": None,
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("min_n: 5\nmin_n: 1\n", "stands twice"),
        ("a: [1, 2\n", "not valid YAML"),
        ("a: !!python/object:os.system {}\n", "not valid YAML"),
        ("? [a, b]\n: 1\n", "single word"),
        ("a: &a [1]\nb: [*a, *a]\n", "aliases"),
        ("x" * 1_000_001, "at most"),
    ],
)
def test_surprises_are_refused_with_the_file_named(tmp_path, text, says):
    with pytest.raises(ConfigError, match=says) as caught:
        strict_yaml.load(written(tmp_path, text))
    assert "file.yml" in str(caught.value)


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match="coaching init"):
        strict_yaml.load(tmp_path / "none.yml")
