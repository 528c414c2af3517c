"""Which links are seen, and where the chain is named as broken."""

import numpy as np
import pytest

from benchmarks.chain import named
from inference.chain import Effect, Link, Seen, breaks_at, effects_seen, training_seen

ALL_SEEN = dict.fromkeys(Link, Seen.YES)


@pytest.mark.parametrize(
    ("trained", "coaches", "seen"),
    [
        (8, 10, Seen.YES),
        (7, 10, Seen.FEW),
        (0, 3, Seen.FEW),
        (0, 0, Seen.UNKNOWN),
        (None, 10, Seen.UNKNOWN),
        (3, None, Seen.UNKNOWN),
    ],
)
def test_eight_of_ten_coaches_make_the_training(trained, coaches, seen):
    assert training_seen(trained, coaches) is seen


def of(**outcomes: tuple[float, float]) -> list[Effect]:
    return [Effect(metric=name, gain=gain, p_value=p) for name, (gain, p) in outcomes.items()]


@pytest.mark.parametrize(
    ("effects", "seen", "which"),
    [
        (of(), Seen.UNKNOWN, ""),
        (of(a=(1.0, 0.04)), Seen.YES, "a"),
        (of(a=(1.0, 0.06)), Seen.NOT_SHOWN, "a"),
        (of(a=(-1.0, 0.04)), Seen.WORSE, "a"),
        (of(a=(1.0, 0.04), b=(1.0, 0.9)), Seen.NOT_SHOWN, "a"),  # two questions: 0.04 is not enough
        (of(a=(1.0, 0.02), b=(1.0, 0.001)), Seen.YES, "b"),
        (of(a=(-1.0, 0.01), b=(1.0, 0.001)), Seen.MIXED, "a"),  # what became worse is never hidden
        (of(a=(-1.0, 0.001), b=(1.0, 0.5)), Seen.WORSE, "a"),
    ],
)
def test_a_link_is_seen_by_its_clearest_outcome_adjusted_for_their_number(effects, seen, which):
    assert effects_seen(effects, 0.05) == (seen, which)


@pytest.mark.parametrize("link", Link)
@pytest.mark.parametrize("state", [Seen.FEW, Seen.NOT_SHOWN, Seen.WORSE, Seen.MIXED])
def test_the_first_link_that_is_not_seen_is_named(link, state):
    after = list(Link)[list(Link).index(link) + 1 :]
    assert breaks_at(ALL_SEEN | {link: state}) is link
    assert breaks_at(ALL_SEEN | {link: state} | dict.fromkeys(after, Seen.NOT_SHOWN)) is link


def test_what_is_not_known_is_no_break():
    assert breaks_at(ALL_SEEN) is None
    assert breaks_at({}) is None
    assert breaks_at(ALL_SEEN | {Link.HELD: Seen.UNKNOWN}) is None
    assert breaks_at(ALL_SEEN | {Link.HELD: Seen.UNKNOWN, Link.NOTICED: Seen.NOT_SHOWN}) is Link.NOTICED


@pytest.mark.parametrize("breaks", [*Link, None])
def test_a_break_in_the_laboratory_is_named(breaks):
    """Thirty units in each arm, effects of 0.4 standard deviations; benchmarks/results/chain.md has more of them."""
    rng = np.random.default_rng(7)
    assert sum(named(breaks, 30, 0.4, rng) == breaks for _ in range(20)) >= 17
