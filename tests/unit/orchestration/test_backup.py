"""A backup that is damaged, of something else, or reaches outside leaves no workspace behind."""

import io
import tarfile

import pytest

from orchestration.backup import CannotRestore, back_up, restore
from orchestration.workspace import Workspace


def archive(path, *members: tuple[tarfile.TarInfo, bytes]):
    with tarfile.open(path, "w:gz") as file:
        for info, content in members:
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def link(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


STUDY = (tarfile.TarInfo("study.yml"), b"programme: x")


@pytest.mark.parametrize(
    "members",
    [
        [(tarfile.TarInfo("notes.txt"), b"")],
        [STUDY, (tarfile.TarInfo("secrets/pseudonym.key"), b"")],
        [STUDY, (tarfile.TarInfo("sources/../../outside"), b"")],
        [STUDY, (link("releases", "/etc"), b"")],
        [STUDY, (link("releases/current", "../../outside"), b"")],
    ],
    ids=["something else", "a key", "climbing out", "a link to elsewhere", "a link climbing out"],
)
def test_what_is_no_backup_is_refused_and_nothing_is_written(tmp_path, members):
    file = archive(tmp_path / "saved.tar.gz", *members)
    with pytest.raises(CannotRestore, match="nothing was written"):
        restore(file, Workspace(tmp_path / "again"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["saved.tar.gz"]


def test_a_backup_that_was_cut_off_is_refused(workspace, tmp_path):
    file = tmp_path / "saved.tar.gz"
    (workspace.sources).mkdir()
    (workspace.sources / "much.yml").write_bytes(bytes(range(256)) * 2_000)
    assert back_up(workspace, file) == ["study.yml", "sources"]
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(file.read_bytes()[:-500])
    with pytest.raises(CannotRestore, match="nothing was written"):
        restore(file, Workspace(tmp_path / "again"))
    assert not (tmp_path / "again").exists()


def test_an_empty_folder_is_filled_and_one_with_something_in_it_is_left_alone(workspace, tmp_path):
    file = tmp_path / "saved.tar.gz"
    back_up(workspace, file)
    again = Workspace(tmp_path / "again")
    again.root.mkdir()
    assert restore(file, again) == ["study.yml"]
    assert again.study.read_bytes() == workspace.study.read_bytes()
    with pytest.raises(CannotRestore, match="is not empty"):
        restore(file, again)
