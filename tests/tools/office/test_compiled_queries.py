"""Queries that are compiled once give what Django's own queries give, on each database."""

from datetime import date

import pytest
from django.db import transaction
from django.db.models import Q
from django.db.transaction import TransactionManagementError

from tests.tools.office.selling_site import build_site, new_shift, request
from wattpurse_tools.compiled_queries import CompiledRows, CompiledValues
from wattpurse_tools.office import sales
from wattpurse_tools.record.models import AuditEntry, Meter, Price, Sale, Site, TaxRate, Token, User


def values_of(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.fixture
def sold(any_office, cashier):
    build_site()
    shift = new_shift(any_office, cashier)
    return [sales.sell(any_office, cashier, request(shift)) for _ in range(2)]


# Between them they have every kind of field: texts, days, documents, bytes, truth values, nothing.
@pytest.mark.parametrize("model", [AuditEntry, Meter, Price, Sale, Site, TaxRate, Token, User])
def test_whole_rows_are_those_of_django(sold, model):
    rows = CompiledRows(model, lambda: model.objects.order_by("pk")).rows()
    assert rows
    assert [values_of(row) for row in rows] == [values_of(row) for row in model.objects.order_by("pk")]
    assert list(map(str, map(type, values_of(rows[0]).values()))) == list(
        map(str, map(type, values_of(model.objects.order_by("pk")[0]).values()))
    )


def test_another_value_finds_another_row(sold):
    query = CompiledRows(Sale, lambda key: Sale.objects.filter(client_key=key), "key")
    first, second = (one.sale.client_key for one in sold)
    assert [query.first(key).client_key for key in (first, second, first)] == [first, second, first]
    assert query.first("another") is None
    assert query.rows("another") == []


def test_a_row_is_changed_and_saved(sold):
    meter = CompiledRows(Meter, lambda number: Meter.objects.filter(number=number), 1).first(sold[0].sale.meter_number)
    meter.is_stopped = True
    meter.save(update_fields=["is_stopped"])
    assert Meter.objects.get(pk=meter.pk).is_stopped is True


def test_values_are_converted(sold):
    query = CompiledValues(lambda: TaxRate.objects.order_by("pk").values_list("name", "from_day"))
    assert query.rows() == list(TaxRate.objects.order_by("pk").values_list("name", "from_day"))
    assert all(isinstance(day, date) for _, day in query.rows())


def test_a_sample_may_stand_in_two_places_and_beside_constants(sold):
    query = CompiledValues(
        lambda number: (
            Sale.objects.filter(Q(meter_number=number) | Q(operator=number), kind="sale")
            .order_by("pk")
            .values_list("pk")
        ),
        9_999,
    )
    meter = sold[0].sale.meter_number
    assert query.rows(meter) == [(one.sale.pk,) for one in sold]
    assert query.rows(sold[0].sale.operator) == [(one.sale.pk,) for one in sold]
    assert query.rows(meter + 1) == []


def test_a_sample_that_is_no_parameter_is_refused(sold):
    query = CompiledValues(lambda name: Site.objects.values_list("pk"), "name")
    with pytest.raises(ValueError, match="each of its 1 samples"):
        query.rows("anything")


def test_rows_are_locked_in_a_transaction_alone(sold):
    query = CompiledRows(Meter, lambda number: Meter.objects.select_for_update().filter(number=number), 1)
    number = sold[0].sale.meter_number
    with transaction.atomic():
        assert query.first(number).number == number
    with pytest.raises(TransactionManagementError):
        query.first(number)
