"""How much of the machine the models may use."""

import pytest

from orchestration import machine
from study.strict_yaml import ConfigError


@pytest.fixture
def free(tmp_path, monkeypatch):
    """A machine with so many free gigabytes, and perhaps a container with fewer."""
    for name in (machine.MEMORY, machine.THREADS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(machine, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "CGROUP", tmp_path)

    def make(gigabytes: float, container: str = "max", used: float = 0):
        (tmp_path / "meminfo").write_text(f"MemTotal: 1 kB\nMemAvailable:   {int(gigabytes * 2**20)} kB\n")
        (tmp_path / "memory.max").write_text(f"{container}\n")
        (tmp_path / "memory.current").write_text(f"{int(used * 2**30)}\n")

    return make


@pytest.mark.parametrize(("gigabytes", "limit"), [(1, "2GB"), (7.9, "2GB"), (8, "4GB"), (15, "4GB"), (64, "32GB")])
def test_models_get_half_of_what_is_free_and_two_at_least(free, gigabytes, limit):
    free(gigabytes)
    assert machine.memory_limit() == limit


def test_a_container_has_less_than_its_machine(free):
    free(64, container=str(10 * 2**30), used=1.5)
    assert machine.memory_limit() == "4GB"


def test_what_is_asked_is_taken(free, monkeypatch):
    free(64)
    monkeypatch.setenv(machine.MEMORY, "3GB")
    monkeypatch.setenv(machine.THREADS, "5")
    assert (machine.memory_limit(), machine.threads()) == ("3GB", 5)


@pytest.mark.parametrize("asked", ["8", "0GB", "8 GB", "-1GB", "1TB", "much"])
def test_other_words_for_memory_are_refused(free, monkeypatch, asked):
    monkeypatch.setenv(machine.MEMORY, asked)
    with pytest.raises(ConfigError, match="write whole gigabytes"):
        machine.memory_limit()


@pytest.mark.parametrize("asked", ["0", "-2", "two", "1.5"])
def test_other_words_for_threads_are_refused(free, monkeypatch, asked):
    monkeypatch.setenv(machine.THREADS, asked)
    with pytest.raises(ConfigError, match="write a whole number"):
        machine.threads()
