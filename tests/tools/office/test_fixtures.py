"""The ground of the office's tests: a fresh office on each database, with people who have signed on."""

from wattpurse_tools.record.models import Shop, Site, User


def test_an_office_is_made_on_both_databases(any_office):
    assert Site.objects.get().key_fingerprint == any_office.keys.fingerprint()
    assert Shop.objects.get().tills.count() == 1
    assert set(User.objects.values_list("username", flat=True)) == {"manager", "second", "cashier"}


def test_one_test_does_not_see_the_rows_of_another(any_office):
    assert Site.objects.count() == 1
    Site.objects.update(name="changed")


def test_the_people_have_their_rights(office, manager, second, cashier):
    assert manager.rights == second.rights > cashier.rights == {"sell"}


def test_an_empty_record_is_migrated_on_postgresql(postgres_url, tmp_path):
    from wattpurse_tools.record.office_folder import OfficeFolder, open_record

    open_record(OfficeFolder(tmp_path))
    assert Site.objects.count() == 0
