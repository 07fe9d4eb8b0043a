"""People who may log in: added with the rights of a role, by two persons; reset, out of service; the audit trail."""

import multiprocessing

import pytest
from django.db import connections

from tests import office_of_tests
from tests.office_of_tests import PASSWORD, PINS
from tests.tools.office.conftest import one_time_code
from wattpurse_tools.office import audit, users
from wattpurse_tools.office.actor import NotPermitted
from wattpurse_tools.pages import one_time_codes
from wattpurse_tools.record.models import AuditEntry, User
from wattpurse_tools.record.office_folder import open_record
from wattpurse_tools.vault.interface import ApprovalNeeded, Refused


def approved(office, manager, second, act):
    """Do an action that needs two persons: propose, approve, and do it with the approval."""
    with pytest.raises(ApprovalNeeded) as needed:
        act(None)
    request = office.keys.propose(manager.ticket, needed.value.action, needed.value.document, "a new colleague")
    office.keys.approve(second.ticket, request)
    return request


def test_a_new_cashier_needs_two_persons_and_then_logs_in(any_office, pages, manager, second, monkeypatch):
    secrets = iter(["first-of-them", "987123", "second-of-them", "987123"])
    monkeypatch.setattr(users, "new_password", lambda: next(secrets))
    monkeypatch.setattr(users, "new_pin", lambda: next(secrets))

    def act(approval):
        return users.add(any_office, manager, "anna", User.CASHIER, 1, approval=approval)

    request = approved(any_office, manager, second, act)
    assert not User.objects.filter(username="anna").exists()
    person = act(request)
    assert (person.operator, person.password) == (4, "second-of-them")
    answer = pages.post("/login", {"name": "anna", "password": person.password, "pin": person.pin})
    assert answer.status_code == 302
    assert pages.get("/me").context["actor"].rights == {"sell"}
    assert AuditEntry.objects.filter(action="user added", subject="anna", operator=1).count() == 1


def test_a_person_whose_user_was_not_written_is_completed(office, manager, monkeypatch):
    operators = office.keys.operators()
    monkeypatch.setattr(
        type(office.keys), "operators", lambda _: [*operators, type(operators[0])(9, "anna", ("sell",))]
    )
    assert users._number_for(office, "anna") == 9
    assert users._number_for(office, "ben") == 10


@pytest.mark.parametrize(
    ("name", "role", "shop", "words"),
    [
        ("7", "cashier", 1, "no number"),
        ("", "cashier", 1, "1 to 60 letters"),
        ("Manager", "cashier", 1, "choose another name"),
        ("anna", "boss", 1, "a role is one of"),
        ("anna", "cashier", None, "belongs to a shop"),
        ("anna", "cashier", 9, "no shop 9"),
    ],
)
def test_a_person_that_cannot_be_is_refused_before_the_vault_is_asked(office, manager, name, role, shop, words):
    before = office.keys.operators()
    with pytest.raises(ValueError, match=words):
        users.add(office, manager, name, role, shop)
    assert office.keys.operators() == before


def test_a_cashier_adds_nobody_and_lists_nobody(office, cashier):
    for act in (
        lambda: users.add(office, cashier, "anna", User.CASHIER, 1),
        lambda: users.accounts(office, cashier),
        lambda: users.new_secrets(office, cashier, "manager"),
        lambda: users.set_password(cashier, "manager", "a long password"),
        lambda: users.set_in_service(office, cashier, "manager", False),
    ):
        with pytest.raises(NotPermitted):
            act()


def test_new_secrets_end_the_old_ones_and_the_app_for_codes(office, pages, manager, second, monkeypatch):
    monkeypatch.setattr(users, "new_pin", lambda: "987123")
    one_time_code("second")
    person = User.objects.get(username="second")
    one_time_codes.new_paper_codes(person)
    act = lambda approval: users.new_secrets(office, manager, "second", True, approval)  # noqa: E731
    made = act(approved(office, manager, second, act))
    assert not one_time_codes.has_device(person)
    assert pages.post("/login", {"name": "second", "password": PASSWORD, "pin": PINS[2]}).status_code == 200
    answer = pages.post("/login", {"name": "second", "password": made.password, "pin": made.pin})
    assert answer.headers["Location"] == "/login/code"


def test_a_person_out_of_service_is_out_in_record_and_vault(office, manager):
    users.set_in_service(office, manager, "cashier", False)
    assert not User.objects.get(username="cashier").is_active
    with pytest.raises(Refused):
        office.keys.sign_on(3, PINS[3])
    with pytest.raises(ApprovalNeeded):
        users.set_in_service(office, manager, "cashier", True)


def test_a_password_that_many_have_is_refused(office, manager):
    with pytest.raises(ValueError, match="too common"):
        users.set_password(manager, "cashier", "password123")
    users.set_password(manager, "cashier", "8302957164")


def test_entries_of_several_processes_make_one_chain(any_folder):
    connections.close_all()
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=office_of_tests.write_entries, args=(str(any_folder.path), name)) for name in "abc"
    ]
    for one in writers:
        one.start()
    for one in writers:
        one.join(120)
        assert one.exitcode == 0
    open_record(any_folder)
    assert AuditEntry.objects.filter(action="written").count() == 30
    assert audit.first_broken() is None
