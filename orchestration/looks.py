"""How much alpha the study may spend on a day: looks are declared before there are results."""

from datetime import date

from inference.multiplicity import alpha_per_look
from ingest.study import Study


def alpha_on(study: Study, day: date) -> float:
    """The two-sided level of the last declared look not after `day` (before the first: the first's).

    Looks count as equal parts of the information. Without looks it is the study's alpha, every night: a study that
    decides on the first night that pleases it has no error rate, so declare looks where that could happen.
    """
    if not study.looks:
        return study.alpha
    levels = alpha_per_look([(k + 1) / len(study.looks) for k in range(len(study.looks))], alpha=study.alpha)
    passed = sum(look <= day for look in study.looks)
    return levels[max(passed, 1) - 1]
