"""An attacker who keeps forty nightly releases of a small organisation finds nobody, in naive ones he finds some."""

import pytest

from benchmarks import attack

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [3, 4])
def test_forty_nights_tell_of_nobody(monkeypatch, seed):
    monkeypatch.setattr(attack, "NIGHTS", 40)
    found = attack.organisation(300, seed)
    assert found["releases"] >= 2
    assert found["naive_exact"] > 5  # the attack works
    assert (found["exact"], found["near"]) == (0, 0)
    assert found["shown"] > 0.5
    assert found["covered"] > 0.9
