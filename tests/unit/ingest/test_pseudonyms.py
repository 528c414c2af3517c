import hashlib
import hmac

import pytest

from ingest.pseudonyms import KEY_VARIABLE, KeyMissing, Pseudonyms, create_key_file, normal_name

KEY = b"k" * 40


def test_an_id_is_an_hmac_of_its_normal_form():
    expected = hmac.new(KEY, b"00123", hashlib.sha256).hexdigest()[:32]
    assert Pseudonyms(KEY).hash(" 00123 ") == expected


def test_leading_zeros_make_another_person_and_another_key_other_people():
    assert Pseudonyms(KEY).hash("00123") != Pseudonyms(KEY).hash("123")
    assert Pseudonyms(KEY).hash("00123") != Pseudonyms(b"x" * 40).hash("00123")


def test_composed_and_decomposed_letters_are_one_person():
    assert Pseudonyms(KEY).hash("Zoe\u0308") == Pseudonyms(KEY).hash("Zo\u00eb")


def test_number_spaces_and_forms_do_not_meet():
    made = Pseudonyms(KEY)
    assert len({made.hash("7"), made.hash("7", namespace="managers"), made.hash("7", form="name")}) == 3


@pytest.mark.parametrize("name", ["Person, Ann  B.", "ann b person", " Ann B  PERSON"])
def test_names_are_equal_however_they_are_written(name):
    assert normal_name(name) == "ann b person"


def test_without_a_key_nothing_is_read(tmp_path, monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with pytest.raises(KeyMissing, match="coaching init"):
        Pseudonyms.from_environment(tmp_path / "none.key")


def test_a_key_that_others_can_read_is_refused(tmp_path, monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    path = tmp_path / "pseudonym.key"
    path.write_text("k" * 40)
    path.chmod(0o644)
    with pytest.raises(KeyMissing, match="chmod 0400"):
        Pseudonyms.from_environment(path)


def test_a_made_key_works_is_closed_and_is_never_overwritten(tmp_path, monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    path = tmp_path / "secrets" / "pseudonym.key"
    create_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o400
    assert len(Pseudonyms.from_environment(path).key_id) == 8
    with pytest.raises(FileExistsError):
        create_key_file(path)


def test_the_key_is_not_shown():
    assert "kkkk" not in repr(Pseudonyms(KEY))
