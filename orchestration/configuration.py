"""A workspace's study, checked against what its mappings read and what the gate asks."""

from expectations.suites.declared import waivable
from ingest.mapping.registry import load_mappings, number_attributes, survey_scales
from orchestration.workspace import Workspace
from study.model import Study, load_study
from study.strict_yaml import ConfigError
from study.validation import Readable, check


def checked_study(workspace: Workspace) -> Study:
    """The study of a workspace. Raises ConfigError for a key or a value that it cannot have."""
    study = load_study(workspace.study)
    mappings = load_mappings(workspace.sources) if study.outputs or study.scales else []
    try:
        check(study, Readable(number_attributes(mappings), survey_scales(mappings), waivable()))
    except ConfigError as error:
        raise ConfigError(f"{workspace.study}: {error}") from None
    return study
