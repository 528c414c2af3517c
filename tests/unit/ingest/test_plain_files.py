"""What lies in the inbox is taken only if it is a regular file, reached without a link."""

import os
import socket

import pytest

from ingest import land
from ingest.plain_files import NotAFile, open_plain, walk


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    (folder / "hris" / "sub").mkdir(parents=True)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "pseudonym.key").write_text("the key")
    (folder / "hris" / "sub" / "hris_2026-01.csv").write_text("a\n1\n")
    return folder


def reasons(inbox) -> dict[str, str]:
    return {path.name: reason for path, reason in land.scan(inbox).waiting}


def test_a_link_is_named_and_nothing_behind_it_is_read(inbox, tmp_path):
    key = tmp_path / "secrets" / "pseudonym.key"
    (inbox / "hris" / "link.csv").symlink_to(key)
    (inbox / "hris" / "dangling.csv").symlink_to("nowhere")
    (inbox / "survey").symlink_to(tmp_path / "secrets")
    (inbox / "hris" / "folder").symlink_to(tmp_path / "secrets")
    found = land.scan(inbox)
    assert [one.file_name for one in found.files.values()] == ["sub/hris_2026-01.csv"]
    listed = reasons(inbox)
    assert all("symbolic link" in listed[name] for name in ("link.csv", "dangling.csv", "folder"))
    landed = land.land(found, tmp_path / "landing")
    assert len(landed) == 1
    assert "the key" not in "".join(p.read_text() for p in (tmp_path / "landing").rglob("*") if p.is_file())


def test_pipes_sockets_and_devices_are_no_files_and_hang_nobody(inbox):
    os.mkfifo(inbox / "hris" / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as one:
        os.chdir(inbox / "hris")  # a socket's path is short
        one.bind("socket.csv")
        listed = reasons(inbox)
    assert "regular file" in listed["pipe.csv"]
    assert "socket.csv" in listed


def test_a_file_swapped_for_a_link_after_the_look_is_left_for_the_next_run(inbox, tmp_path):
    found = land.scan(inbox)
    path = inbox / "hris" / "sub" / "hris_2026-01.csv"
    path.unlink()
    path.symlink_to(tmp_path / "secrets" / "pseudonym.key")
    assert land.land(found, tmp_path / "landing") == []
    assert not list((tmp_path / "landing").rglob("content*"))


def test_a_folder_swapped_for_a_link_is_not_entered(inbox, tmp_path):
    (inbox / "hris" / "moved").symlink_to(tmp_path / "secrets")
    with pytest.raises(NotAFile) as found, open_plain(inbox, ("hris", "moved", "pseudonym.key")):
        pass
    assert "symbolic link" in found.value.strerror


def test_a_manifest_that_is_a_link_keeps_its_file_waiting(inbox, tmp_path):
    (inbox / "hris" / "sub" / "hris_2026-01.csv.manifest.json").symlink_to(tmp_path / "secrets" / "pseudonym.key")
    assert "symbolic link" in reasons(inbox)["hris_2026-01.csv"]


def test_the_inbox_itself_may_be_a_link(inbox, tmp_path):
    (tmp_path / "mounted").symlink_to(inbox)
    assert list(walk(tmp_path / "mounted")) == [("hris", "sub", "hris_2026-01.csv")]
    assert len(land.scan(tmp_path / "mounted").files) == 1
