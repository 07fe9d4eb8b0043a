"""Customers and premises: facts that are refused, numbers that are unique, lists that are searched."""

import pytest

from tests.tools.office.desk_rows import make_street
from wattpurse_tools.office import people
from wattpurse_tools.office.actor import NotPermitted
from wattpurse_tools.office.people import CustomerFacts
from wattpurse_tools.record.models import AuditEntry, Customer, Premises


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (CustomerFacts(""), "name: is empty"),
        (CustomerFacts("A" * 121), "name: has 121 characters"),
        (CustomerFacts("Ada\nEve"), "name: has a character that cannot be printed"),
        (CustomerFacts("Ada", language="xx"), "language: xx is not one of"),
        (CustomerFacts("Ada", email="ada"), "email: ada is no address of mail"),
        (CustomerFacts("Ada", phone="call me"), "phone: call me is no telephone number"),
        (CustomerFacts("Ada", customer_type="castle"), "customer type castle: is unknown"),
    ],
)
def test_a_wrong_fact_about_a_customer_is_refused_with_its_remedy(office, manager, facts, words):
    with pytest.raises(ValueError, match=words):
        people.add_customer(office, manager, facts)
    assert not Customer.objects.exists()


def test_a_customer_has_the_next_number_or_a_free_one(any_office, manager):
    assert people.add_customer(any_office, manager, CustomerFacts("Ada")).number == 1
    assert people.add_customer(any_office, manager, CustomerFacts("Bob"), 70).number == 70
    assert people.add_customer(any_office, manager, CustomerFacts("Cem")).number == 71
    with pytest.raises(ValueError, match="customer 70 is in the record"):
        people.add_customer(any_office, manager, CustomerFacts("Dan"), 70)
    assert AuditEntry.objects.filter(action="customer add").count() == 3


def test_customers_are_found_by_number_name_telephone_and_premises(any_office, manager):
    make_street(3)
    people.change_customer(any_office, manager, 2, CustomerFacts("Zoë Müller", phone="0170 55"))
    for text, numbers in (("2", [2]), ("müll", [2]), ("0170", [2]), ("House 3", [3]), ("person", [1, 3]), ("x", [])):
        assert [one.number for one in people.find_customers(text).rows] == numbers, text


def test_premises_have_unique_names_and_a_known_feeder(office, manager):
    make_street(1)
    with pytest.raises(ValueError, match="premises House 1 are in the record"):
        people.add_premises(office, manager, "House 1")
    with pytest.raises(ValueError, match="feeder South: is unknown"):
        people.add_premises(office, manager, "House 2", feeder="South")
    added = people.add_premises(office, manager, "House 2", "Long Street 2", "North")
    people.change_premises(office, manager, added.pk, "Short Street 2", "")
    assert Premises.objects.get(name="House 2").feeder is None


def test_a_cashier_changes_no_customer(office, cashier):
    with pytest.raises(NotPermitted):
        people.add_customer(office, cashier, CustomerFacts("Ada"))
    with pytest.raises(NotPermitted):
        people.add_premises(office, cashier, "House 1")
