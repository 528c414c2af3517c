"""docs/reference/naming.md, held: words of the first build's private language stand nowhere in code or prose."""

import re
import subprocess

import pytest

WORDS = {
    "told, tell, tells": r"\b(told|tells?|untold)\b",
    "mend": r"\bmend(s|ed|ing)?\b",
    "night (a run; what happens every night is nightly)": r"(?<!every )(?<!at )\bnights?\b",
    "room, house (a layer, a package, a schema)": r"\b(rooms?|house)\b",
    "broke off": r"\b(broke|breaks) off\b",
    "look back (an as-of run)": r"\blooks? back\b",
    "worthwhile (the minimum important difference)": r"\bworthwhile\b",
    "turn (a row rank)": r"\bas turn\b|\bturn = 1\b",
}
# Where an old word is quoted: the keys that are read for one version, and what changed.
QUOTES = {
    "tests/unit/test_vocabulary.py",
    "tests/unit/study/test_renamed_keys.py",
    "study/sections.py",
    "CHANGELOG.md",
    "docs/reference/naming.md",
}
PLACES = (
    *(
        "study",
        "ingest",
        "inference",
        "expectations",
        "publish",
        "orchestration",
        "simulation",
        "durable",
        "dbt_project",
    ),
    *(
        "tests",
        "docs",
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "benchmarks/*.py",
        "benchmarks/README.md",
        "Makefile",
    ),
)


@pytest.fixture(scope="module")
def texts(request):
    root = request.config.rootpath
    named = subprocess.run(["git", "ls-files", *PLACES], cwd=root, capture_output=True, text=True, check=False).stdout
    if not named:
        pytest.skip("this is no clone of the repository")
    kinds = (".py", ".sql", ".yml", ".md", ".j2", ".csv")
    paths = [root / name for name in named.split() if name.endswith(kinds) and name not in QUOTES]
    return {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in paths if path.exists()}


@pytest.mark.parametrize("word", WORDS)
def test_a_word_that_nobody_else_uses_is_gone(texts, word):
    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if re.search(WORDS[word], line)
    ]
    assert found == []
