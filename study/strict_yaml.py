"""YAML that cannot surprise: duplicate keys are refused, `NO` stays a word, `0123` stays a text.

`yaml.safe_load` lets the last of two equal keys win, reads `NO` as False and `0123` as 83. Here every scalar is read
as text but for plain `true`/`false`, decimal numbers and nothing (null); pydantic gives the final type.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar
from zoneinfo import available_timezones

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

MAX_BYTES = 1_000_000


class ConfigError(ValueError):
    """A configuration file cannot be used; the message names the file, the place and what to do."""


class _StrictLoader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012  (the base class's own attribute)

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):  # a few of them unfold to more than a machine holds
            raise ConfigError(
                f"line {self.peek_event().start_mark.line + 1}: aliases (*name) are not allowed; write it out"
            )
        return super().compose_node(parent, index)


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict:
    seen: dict = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigError(f"line {key_node.start_mark.line + 1}: a key must be a single word")
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise ConfigError(f"line {key_node.start_mark.line + 1}: the key {key!r} stands twice; keep one")
        seen[key] = loader.construct_object(value_node, deep=True)
    return seen


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"true|false", "tf"),
    ("tag:yaml.org,2002:int", r"-?(0|[1-9][0-9]*)", "-0123456789"),
    ("tag:yaml.org,2002:float", r"-?(0|[1-9][0-9]*)\.[0-9]+", "-0123456789"),
    ("tag:yaml.org,2002:null", r"null|~|", "n~\0"),
):
    _StrictLoader.add_implicit_resolver(_tag, re.compile(rf"^(?:{_pattern})$"), [*_first, ""])


def load(path: Path) -> Any:
    """The document in `path` as plain dicts, lists and scalars.

    Raises ConfigError when the file is missing, too large, not UTF-8, not YAML or has a duplicate key.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); create it with `coaching init`") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: {len(data):,} bytes; a configuration file has at most {MAX_BYTES:,}")
    try:
        text = unicodedata.normalize("NFC", data.decode("utf-8"))
        return yaml.load(text, Loader=_StrictLoader)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {str(error)[:500]}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        # Tags whose value does not fit (!!int abc) and nesting without end leave the library as other errors.
        raise ConfigError(f"{path}: not valid YAML ({type(error).__name__})") from None


class RenamedKey(UserWarning):
    """A configuration file has a key under its name of an earlier version; the message gives the new name."""


def rename_keys(document: Any, renamed: dict[str, str]) -> Any:
    """`document` with old keys (old → new) under their new names, each with a RenamedKey warning.

    Raises ValueError where both names of a key are given.
    """
    if not isinstance(document, dict) or not renamed.keys() & document.keys():
        return document
    for old, new in renamed.items():
        if old in document:
            if new in document:
                raise ValueError(f"{old} is the old name of {new}; keep {new} only")
            warnings.warn(
                f"the key {old} is called {new} now; rename it, the next version reads {new} only",
                RenamedKey,
                stacklevel=2,
            )
    return {renamed.get(key, key): value for key, value in document.items()}


# Unknown key → the keys that the part of the file has in which it stands; filled while a document is read.
_KNOWN_BESIDE: ContextVar[dict[str, list[str]] | None] = ContextVar("known_beside", default=None)


def closest(word: str, known: Iterable[str]) -> str:
    """` – did you mean …?` where one of the known words is like this one; else nothing."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"; did you mean {found[0]}?" if found else ""


class Strict(BaseModel):
    """A part of a configuration file: unknown keys are errors, nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    RENAMED: ClassVar[dict[str, str]] = {}  # old key → new one; both are read for one version

    @model_validator(mode="before")
    @classmethod
    def _rename(cls, document: Any) -> Any:
        document = rename_keys(document, cls.RENAMED)
        beside = _KNOWN_BESIDE.get()
        if beside is not None and isinstance(document, dict):
            known = [field.alias or name for name, field in cls.model_fields.items()]
            beside |= {str(key): known for key in document if key not in known}
        return document


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name} is no IANA time zone; write for instance Europe/Berlin")
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]
Model = TypeVar("Model", bound=BaseModel)


def load_as(path: Path, model: type[Model]) -> Model:
    """The document in `path` as `model`. Raises ConfigError: one line per fault with file, place and what is wrong."""
    return as_model(path, lambda: model.model_validate(load(path)))


def as_model(path: Path, make: Callable[[], Model]) -> Model:
    """What `make` returns; pydantic's faults become one ConfigError that names `path`, as warnings of old keys do."""
    beside: dict[str, list[str]] = {}
    token = _KNOWN_BESIDE.set(beside)
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always", RenamedKey)
            made = make()
        for one in seen:
            place = f"{path}: " if one.category is RenamedKey else ""
            warnings.warn(f"{place}{one.message}", one.category, stacklevel=2)
        return made
    except ValidationError as error:
        lines = [
            f"{path}: {'.'.join(map(str, fault['loc'])) or 'document'}: {_words(fault, beside)}"
            for fault in error.errors()
        ]
        raise ConfigError("\n".join(lines[:20])) from None
    finally:
        _KNOWN_BESIDE.reset(token)


def _words(fault: Mapping[str, Any], beside: Mapping[str, list[str]]) -> str:
    """What is wrong: of a key that nobody reads, which one may be meant."""
    if fault["type"] != "extra_forbidden":
        return fault["msg"]
    key = str(fault["loc"][-1])
    return f"there is no such key{closest(key, beside.get(key, ()))}"
