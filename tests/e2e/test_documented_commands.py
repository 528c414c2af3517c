"""A command or an option stands in the docs only if the command line has it, and the other way round."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.exceptions import TyperException

from ingest.mapping.model import ENCODINGS
from orchestration.cli.commands import app
from study.model import Study, load_study

PROJECT_ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = PROJECT_ROOT / "docs" / "tutorial"  # typed as it stands by tests/e2e/test_tutorial.py
PAGES = (
    PROJECT_ROOT / "README.md",
    *(page for page in sorted((PROJECT_ROOT / "docs").rglob("*.md")) if page.parent != TUTORIAL),
)
TEMPLATE = PROJECT_ROOT / "orchestration" / "templates" / "study.yml"
ROOT = typer.main.get_command(app)
SHELL = ("", "sh", "bash", "console")
# Optional prompt, assignments and folder before the word; a unit of systemd starts it by its path.
LINE = re.compile(r"^\s*(?:\$ )?(?:ExecStart=)?(?:[A-Z_]+=\S+ )*(?:[^\s`]*/)?coaching +([a-z-].*)$")
OF_TYPER = {"--help", "--install-completion", "--show-completion"}


def blocks(text: str) -> Iterator[str]:
    for language, body in re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, flags=re.M | re.S):
        if language in SHELL:
            yield body


def documented() -> Iterator[tuple[str, str, bool]]:
    """Page, the words after `coaching`, and whether they are to be complete (of a block, not of a sentence)."""
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        name = str(path.relative_to(PROJECT_ROOT))
        for line in "".join(blocks(text)).splitlines():
            if found := LINE.match(line):
                yield name, found.group(1).split(" #")[0].strip(), True
        prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S)
        for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose):
            if found := LINE.match(" ".join(span.split())):
                yield name, found.group(1), False


def leaf(words: list[str]):
    """The command that the words name, and the words that are left."""
    command, rest = ROOT, list(words)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"there is no command {rest[0]}"
        command = command.commands[rest.pop(0)]
    return command, rest


def commands(command=ROOT, name: str = "coaching") -> Iterator[tuple[str, object]]:
    """Every command that does something, by its full name; the first word alone has options too."""
    if command is ROOT or not hasattr(command, "commands"):
        yield name, command
    for word, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{name} {word}")


@pytest.mark.parametrize(("page", "words", "is_whole"), sorted(set(documented())))
def test_a_documented_command_is_one_that_the_command_line_takes(page, words, is_whole):
    given = [str(PROJECT_ROOT / "README.md") if word == "FILE" else word for word in shlex.split(words)]
    command, rest = leaf(given)
    if hasattr(command, "commands"):
        assert not is_whole and not set(rest) - {one for p in command.params for one in p.opts} - OF_TYPER
        return
    if "--help" in rest:
        return
    try:
        command.make_context("coaching", rest)
    except TyperException as error:
        is_short = type(error).__name__ == "MissingParameter" and not is_whole
        assert is_short, f"{page}: coaching {words}: {error}"


def test_the_docs_have_commands():
    assert len(set(documented())) > 40


def table_rows() -> dict[str, str]:
    """Command → the cell of its options in docs/reference/commands.md."""
    text = (PROJECT_ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `(coaching[a-z -]*)`[^|]*\|[^|]*\|([^|]*)\|[0-9, ]+\|$", text, flags=re.M))


def test_every_command_is_documented():
    assert set(table_rows()) == {name for name, _ in commands()}


@pytest.mark.parametrize("name", sorted(table_rows()))
def test_the_options_of_a_command_are_those_that_are_documented(name):
    command = dict(commands())[name]
    options = [set(one.opts) for one in command.params if one.param_type_name == "option"]
    options = [names for names in options if not names & OF_TYPER]
    written = set(re.findall(r"`(--?[a-z][a-z-]*)", table_rows()[name]))
    assert written <= set().union(*options), "an option that does not exist"
    assert not [names for names in options if not names & written], "an option that is not documented"


def models(model) -> Iterator[type]:
    """A model of study.yml and those in it."""
    yield model
    for field in model.model_fields.values():
        pending = [field.annotation]
        while pending:
            kind = pending.pop()
            pending += getattr(kind, "__args__", ())
            if isinstance(kind, type) and hasattr(kind, "model_fields"):
                yield from models(kind)


def test_the_template_of_study_yml_names_every_setting():
    text = TEMPLATE.read_text(encoding="utf-8")
    known = {name for model in models(Study) for name in model.model_fields}
    assert not {name for name in known if not re.search(rf"\b{name}:", text)}


def test_every_setting_that_the_template_shows_in_a_comment_is_taken(tmp_path):
    text = TEMPLATE.read_text(encoding="utf-8")
    text = re.sub(r"^( *)# ( *(?:- |\{|[a-z_]+:)|     )", r"\1\2", text, flags=re.M)  # sentences stay comments
    text = text.replace("source: roster", "source: listed").replace("design: volunteered", "design: randomised")
    (tmp_path / "study.yml").write_text(text, encoding="utf-8")
    study = load_study(tmp_path / "study.yml")
    assert study.model_fields_set == set(Study.model_fields)
    parts = (study.assignment, study.checkins, study.favour, study.readiness, study.outputs[0], study.scales[0])
    for part in (*parts, study.cohorts[0], study.money, study.waivers[0]):
        assert part.model_fields_set == set(type(part).model_fields)


def test_the_number_of_encodings_is_the_documented_one():
    text = (PROJECT_ROOT / "docs" / "reference" / "mappings.md").read_text(encoding="utf-8")
    assert f"{len(ENCODINGS)} encodings" in text
