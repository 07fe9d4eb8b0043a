"""Callbacks in the form of M-Pesa: the question before a payment and its confirmation."""

import json

import pytest

from tests.tools.office.selling_site import EUR, build_site
from wattpurse_tools.headend import payments
from wattpurse_tools.headend.providers.provider_file import Provider, provider_of, put_provider, remove_provider
from wattpurse_tools.record.models import PaymentNotice

SECRET = "a-secret-of-the-path"
# The fields of a confirmation in Safaricom's documentation.
CONFIRMATION = {
    "TransactionType": "Pay Bill",
    "TransID": "RKTQDM7W6S",
    "TransTime": "20191122063845",
    "TransAmount": "10.00",
    "BusinessShortCode": "600638",
    "BillRefNumber": "1",
    "InvoiceNumber": "",
    "OrgAccountBalance": "",
    "ThirdPartyTransID": "",
    "MSISDN": "25470****149",
    "FirstName": "John",
}


@pytest.fixture
def post(office, pages):
    """Return a function that posts a callback and returns status and content."""
    build_site()
    settings = {"short_code": "600638", "addresses": ["127.0.0.1"]}
    put_provider(office.folder, Provider("mpesa", "mpesa", (SECRET,), settings=settings))

    def post(step, content, secret=SECRET, name="mpesa", address="127.0.0.1"):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        answer = pages.post(
            f"/pay/hook/mpesa/{name}/{secret}/{step}", body, content_type="application/json", REMOTE_ADDR=address
        )
        return answer.status_code, answer.content

    return post


def test_a_confirmation_is_recorded_once(post):
    for _ in range(2):
        status, answer = post("confirmation", CONFIRMATION)
        assert (status, json.loads(answer)["ResultCode"]) == (200, 0)
    notice = PaymentNotice.objects.get()
    assert (notice.number, notice.kind, notice.amount_microunits) == ("RKTQDM7W6S", payments.PAID, 10 * EUR)
    assert (notice.currency, notice.reference, notice.paid_s) == ("KES", "1", 1_574_393_925)


def test_forged_and_unreadable_callbacks_are_refused(post):
    assert post("confirmation", CONFIRMATION, "another-secret")[0] == 401
    assert post("confirmation", CONFIRMATION, address="10.0.0.1")[0] == 401
    assert post("confirmation", CONFIRMATION, name="other")[0] == 404
    assert post("confirmation", CONFIRMATION | {"BusinessShortCode": "1"})[0] == 400
    assert post("confirmation", CONFIRMATION | {"TransAmount": "ten"})[0] == 400
    assert post("confirmation", CONFIRMATION | {"TransAmount": "-10"})[0] == 400
    assert post("confirmation", b"[]")[0] == 400
    assert post("validation", b"{}")[0] == 400
    assert PaymentNotice.objects.count() == 0


def test_the_question_is_answered_by_the_meter(post):
    assert json.loads(post("validation", CONFIRMATION)[1])["ResultCode"] == "0"
    assert json.loads(post("validation", CONFIRMATION | {"BillRefNumber": "999"})[1])["ResultCode"] == "C2B00012"
    assert PaymentNotice.objects.count() == 0


def test_the_file_of_providers_is_the_owners_alone(office):
    put_provider(office.folder, Provider("stripe", "stripe", ("one",)))
    put_provider(office.folder, Provider("stripe", "stripe", ("two",), "key"))
    path = office.folder.path / "providers"
    assert path.stat().st_mode & 0o777 == 0o600
    assert provider_of(office.folder, "stripe", "stripe").secrets == ("two",)
    path.chmod(0o640)
    with pytest.raises(ValueError, match="open to other"):
        provider_of(office.folder, "stripe", "stripe")
    path.chmod(0o600)
    remove_provider(office.folder, "stripe")
    assert provider_of(office.folder, "stripe", "stripe") is None
    for name, kind in (
        ("Stripe", "stripe"),
        ("a b", "stripe"),
        ("x" * 12, "stripe"),
        ("bank", "stripe"),
        ("b", "bank"),
    ):
        with pytest.raises(ValueError, match="name"):
            put_provider(office.folder, Provider(name, kind))
