"""Files and folders of an office are for their owner alone under any umask, and are never reached by a link."""

import os
import stat
from pathlib import Path

import pytest

from tests import office_of_tests
from wattpurse_tools import private_files
from wattpurse_tools.office import setting_up, trials
from wattpurse_tools.record.office_folder import OfficeFolder, open_record
from wattpurse_tools.vault import setup


@pytest.fixture
def open_umask():
    """Let new files be open to all, as far as the umask decides."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder):
    """Return the mode of a folder and of everything below it, by name."""
    return {str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in [folder, *folder.rglob("*")]}


def test_a_new_office_is_closed_to_others_under_umask_0(tmp_path, open_umask, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    folder = OfficeFolder(tmp_path / "office")
    trials.set_up_trial(folder, setting_up.Plan())
    open_record(folder)
    found = modes(folder.path)
    assert {"office.db", "secret", "passphrase-of-the-trial", "vault", "cards", "backups", "vault/keys"} <= set(found)
    assert {name for name, mode in found.items() if mode & 0o077} == set()


def test_the_files_beside_the_database_are_closed_too(office_folder, open_umask):
    from wattpurse_tools.record.models import Site

    Site.objects.update(name="written")
    beside = [path for path in office_folder.path.iterdir() if path.name.startswith("office.db-")]
    assert beside
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in beside)


@pytest.mark.parametrize("name", ["secret", "office.db", "passphrase-of-the-trial"])
def test_a_planted_link_is_not_followed(office_folder, tmp_path, name):
    target = tmp_path / "target"
    target.write_text("of somebody else")
    target.chmod(0o600)
    planted = office_folder.path / name
    planted.unlink(missing_ok=True)
    planted.symlink_to(target)
    with pytest.raises(ValueError, match="is a link"):
        if name == "office.db":
            open_record(office_folder)
        elif name == "secret":
            private_files.read(office_folder.secret)
        else:
            office_folder.passphrase_of_trial()
    assert target.read_text() == "of somebody else"


def test_a_planted_link_is_not_written_through(tmp_path):
    target = tmp_path / "target"
    for planted in (tmp_path / "link", tmp_path / "broken"):
        planted.symlink_to(target if planted.name == "link" else tmp_path / "nothing")
        with pytest.raises(ValueError, match="is not overwritten"):
            private_files.create(planted, b"secret")
    assert not target.exists()


def test_a_file_open_to_others_or_with_a_second_name_is_refused(tmp_path):
    file = tmp_path / "file"
    private_files.create(file, b"secret")
    assert private_files.read(file) == b"secret"
    file.chmod(0o640)
    with pytest.raises(ValueError, match="chmod 600"):
        private_files.read(file)
    file.chmod(0o600)
    os.link(file, tmp_path / "second")
    with pytest.raises(ValueError, match="second name"):
        private_files.read(file)


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_a_file_and_a_folder_of_another_user_are_refused(tmp_path):
    file = tmp_path / "file"
    private_files.create(file, b"secret")
    os.chown(file, 65534, 65534)
    with pytest.raises(ValueError, match="another Unix user"):
        private_files.read(file)
    folder = tmp_path / "folder"
    private_files.make_folder(folder)
    os.chown(folder, 65534, 65534)
    with pytest.raises(ValueError, match="another Unix user"):
        private_files.make_folder(folder)


def test_a_folder_that_others_may_enter_is_refused(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(ValueError, match="chmod 700"):
        private_files.check_folder(folder)


def test_a_device_is_no_file_of_the_office(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ValueError, match="no plain file"):
        private_files.read(tmp_path / "pipe")


def test_a_set_up_that_fails_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)

    def fail(*_):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        setting_up.set_up(OfficeFolder(tmp_path / "office"), "a passphrase", setting_up.Plan(), fail)
    assert list(tmp_path.iterdir()) == []


def test_an_office_is_not_set_up_twice(office_folder):
    with pytest.raises(ValueError, match="is not empty"):
        setting_up.set_up(office_folder, "a passphrase", setting_up.Plan(), setup.create_for_tests)


def test_a_database_that_has_an_office_gets_no_second_one(postgres_url, tmp_path):
    plan = setting_up.Plan()
    setting_up.set_up(OfficeFolder(tmp_path / "first"), "a passphrase", plan, setup.create_for_tests)
    with pytest.raises(ValueError, match="has an office already"):
        setting_up.set_up(OfficeFolder(tmp_path / "second"), "a passphrase", plan, setup.create_for_tests)
    assert not (tmp_path / "second").exists()


def test_cards_that_a_simulated_meter_made_before_come_into_the_office(tmp_path, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    cards = tmp_path / "office/cards"
    cards.mkdir(parents=True)
    (cards / "tenant.json").write_text("{}")
    folder = OfficeFolder(tmp_path / "office")
    trials.set_up_trial(folder, setting_up.Plan())
    assert (folder.cards / "tenant.json").read_text() == "{}"
    assert stat.S_IMODE(folder.cards.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"time_zone": "Mars/Olympus"}, "no such time zone"),
        ({"currency": "euro"}, "three letters"),
        ({"decimals": 7}, "0 to 6 decimals"),
        ({"managers": ("anna", "Anna")}, "name of one's own"),
        ({"managers": ("7",)}, "no number"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_before_anything_is_made(tmp_path, changes, words):
    plan = setting_up.Plan(**changes)
    with pytest.raises(ValueError, match=words):
        setting_up.set_up(OfficeFolder(tmp_path / "office"), "a passphrase", plan, setup.create_for_tests)
    assert list(tmp_path.iterdir()) == []


def test_a_secret_is_not_in_what_the_office_prints_of_itself(office_folder):
    assert office_of_tests.PASSPHRASE not in repr(office_folder.__dict__)
    assert Path(office_folder.secret).read_text() not in repr(office_folder.__dict__)
