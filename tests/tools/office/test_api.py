"""The API for programs of shops: tokens, rights, idempotency keys, problems, and the document against the routes."""

import itertools
import json
import re
import time
from datetime import datetime

import jsonschema
import pytest
from django.urls import get_resolver
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.office_of_tests import CASHIER, MANAGER, PINS
from tests.tools.office.selling_site import EUR, PaperCard, build_site, request
from wattpurse_tools.office import api_tokens, sales, voids
from wattpurse_tools.office.actor import NotPermitted
from wattpurse_tools.pages.api import answers, callers, calls
from wattpurse_tools.pages.api.document import document
from wattpurse_tools.pages.api.problems import KINDS
from wattpurse_tools.pages.api.routes import NOT_NEEDED, ROUTES
from wattpurse_tools.pages.api.schemas import SCHEMAS
from wattpurse_tools.record.models import (
    ApiAnswer,
    ApiToken,
    AuditEntry,
    LoginTry,
    ManagedAccount,
    Meter,
    Sale,
    Shift,
    Shop,
    ShortLimit,
    Tenancy,
    Till,
)

_keys = itertools.count(1)


class Program:
    """A shop's program. It checks each answer against the schema that the document names."""

    def __init__(self, client, text):
        self.client = client
        self.text = text

    def call(self, method, path, body=None, key="new", **headers):
        """Return status and answer of a call."""
        if key == "new":
            key = f"key-{next(_keys)}"
        headers = {"Authorization": f"Bearer {self.text}", **({"Idempotency-Key": key} if key else {}), **headers}
        data = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        answer = getattr(self.client, method.lower())(f"/api/v1/{path}", headers=headers, **data)
        check_answer(method, path, answer)
        return answer.status_code, answer.json()

    def get(self, path):
        """Return status and answer of a GET."""
        return self.call("GET", path)

    def post(self, path, body, **more):
        """Return status and answer of a POST."""
        return self.call("POST", path, body, **more)


def check_answer(method, path, answer):
    """Raise AssertionError unless an answer is as the document says."""
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        check_schema("Problem", answer.json())
        assert answer.json()["status"] == answer.status_code
        return
    for route in ROUTES:
        if route.method == method and re.fullmatch(re.sub(r"\{\w+\}", r"\\d+", route.path), path.partition("?")[0]):
            assert answer.status_code in route.details.statuses
            check_schema(route.answer, answer.json())
            return
    raise AssertionError(f"{method} {path} is in no route")


def check_schema(name, value):
    """Raise ValidationError unless a value is as a schema says."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}}
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(value)


@pytest.fixture
def site(request):
    """Return an office with meters and prices: on each database, if the test takes `any_office`."""
    office = request.getfixturevalue("any_office" if "any_office" in request.fixturenames else "office")
    build_site()
    ShortLimit.objects.create(meter_id=1, name="short_token_limit_microunits", value=50 * EUR)
    Shop.objects.update(time_zone="Asia/Kathmandu")
    callers._Tickets.by_token.clear()
    return office


@pytest.fixture
def program(site, pages, manager):
    """Return a program of shop 1 that works as the cashier."""
    _, text = api_tokens.add(site, manager, "kiosk", 1, CASHIER, PINS[CASHIER])
    return Program(pages, text)


@pytest.fixture
def shift(program):
    """Return the number of an open shift."""
    status, told = program.post("shifts", {"till": 1, "float_microunits": 50 * EUR})
    assert status == 201
    return told["shift"]


def order(shift, euros=20, **changes):
    """Return the body of a sale of money at meter 1, without a carrier."""
    wish = {"what": "money", "gross_microunits": euros * EUR}
    return {"shift": shift, "meter": 1, "carrier": "none", "wish": wish} | changes


def test_the_document_is_a_valid_openapi_document_and_is_served_without_a_token(pages):
    served = pages.get("/api/v1/openapi.json").json()
    assert served == json.loads(json.dumps(document()))
    OpenAPIV31SpecValidator(served).validate()


def test_every_route_is_in_the_document_and_every_address_is_a_route():
    written = {(method.upper(), path) for path, its in document()["paths"].items() for method in its}
    assert written == {(route.method, f"/{route.path}") for route in ROUTES}
    served = {
        str(one.pattern)
        for part in get_resolver("wattpurse_tools.pages.urls").url_patterns
        if str(part.pattern) == "api/"
        for one in part.url_patterns
    }
    assert {f"v1/{route.path}".replace("{", "<int:").replace("}", ">") for route in ROUTES} == {
        one for one in served if one.startswith("v1/") and "openapi" not in one and "problems" not in one
    }


def test_every_post_that_changes_something_needs_a_key(program, shift):
    changing = {route.path for route in ROUTES if route.details.idempotency != NOT_NEEDED}
    assert changing == {"sales", "sales/{sale}/void", "shifts", "shifts/{shift}/count"}
    status, told = program.post("sales", order(shift), key=None)
    assert (status, Sale.objects.count()) == (422, 0)
    assert "Idempotency-Key" in told["detail"]


def test_a_program_sells_from_the_opening_of_a_shift_to_its_z_report(any_office, program, shift):
    assert program.get("me")[1]["shop"] == 1
    assert program.get("shifts")[1]["tills"][0]["shift"]["shift"] == shift
    status, quoted = program.post("quotes", order(shift))
    assert (status, quoted["customer_name"], quoted["gross_microunits"]) == (200, "Customer 1", 20 * EUR)
    status, sold = program.post("sales", order(shift))
    assert (status, sold["receipt"], sold["gross_microunits"], sold["tax_microunits"]) == (201, 1, 20 * EUR, 3_190_000)
    assert program.get(f"sales/{sold['sale']}")[1]["lines"] == sold["lines"] == quoted["lines"]
    assert program.get(f"shifts/{shift}")[1]["expected_microunits"] is None
    counted = {"counted_microunits": 70 * EUR}
    assert program.post(f"shifts/{shift}/count", counted)[1]["expected_microunits"] == 70 * EUR
    status, report = program.post(f"shifts/{shift}/close", {})
    assert (status, report["z_number"], report["difference_microunits"]) == (200, 1, 0)
    assert program.get(f"shifts/{shift}")[1]["z_number"] == 1


def test_a_sale_by_digits_tells_twenty_digits(program, shift):
    status, sold = program.post("sales", order(shift, carrier="digits"))
    assert status == 201, sold
    assert re.fullmatch(r"[\d ]+", sold["digits"][0])
    assert program.get(f"sales/{sold['sale']}")[1]["digits"] == sold["digits"]


def test_the_same_call_under_the_same_key_sells_once(any_office, program, shift):
    first = program.post("sales", order(shift), key="one")
    again = program.post("sales", order(shift), key="one")
    assert (first[0], again[0]) == (201, 200)
    assert first[1] == again[1]
    assert Sale.objects.count() == 1


def test_another_call_under_the_same_key_is_refused(program, shift):
    program.post("sales", order(shift), key="one")
    assert program.post("sales", order(shift, 30), key="one")[0] == 422
    asked = {"counted_microunits": 70 * EUR}
    assert program.post(f"shifts/{shift}/count", asked, key="two")[0] == 200
    assert program.post(f"shifts/{shift}/count", {"counted_microunits": 1}, key="two")[1]["type"].endswith("/conflict")
    assert Sale.objects.count() == 1


def test_the_keys_of_two_programs_are_not_the_same(program, shift, site, manager):
    _, text = api_tokens.add(site, manager, "second kiosk", 1, CASHIER, PINS[CASHIER])
    other = Program(program.client, text)
    assert program.post("sales", order(shift), key="one")[0] == 201
    assert other.post("sales", order(shift), key="one")[0] == 201
    assert Sale.objects.count() == 2


def test_a_kept_answer_is_told_again_and_a_refused_call_may_be_tried_again(any_office, program):
    asked = {"till": 1, "float_microunits": 0}
    first = program.post("shifts", asked, key="one")
    assert program.post("shifts", asked, key="one") == first
    assert Shift.objects.count() == 1
    assert program.post("shifts", asked, key="two")[0] == 422
    Shift.objects.update(closed_s=int(time.time()))
    assert program.post("shifts", asked, key="two")[0] == 201


def test_a_call_at_its_work_is_not_made_twice(any_office, program):
    token = ApiToken.objects.get()
    asked = {"till": 1, "float_microunits": 0}
    program.post("shifts", asked, key="one")
    ApiAnswer.objects.update(status=0)
    status, told = program.post("shifts", asked, key="one")
    assert (status, told["type"]) == (409, "/api/v1/problems/conflict")
    ApiAnswer.objects.update(time_s=int(time.time()) - answers.AT_WORK_S - 1)
    assert "a shift is open at till 1" in program.post("shifts", asked, key="one")[1]["detail"]
    assert token.shop.number == 1


def test_a_call_without_a_token_is_told_how(program):
    answer = program.client.get("/api/v1/me")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "change", [lambda text: text[:-1] + "0g"[text[-1] == "0"], lambda text: text[:-2], lambda _: "x"]
)
def test_a_changed_token_opens_nothing(program, change):
    program.text = change(program.text)
    assert program.get("me")[0] == 401


def test_wrong_tokens_of_an_address_are_delayed(program):
    wrong = Program(program.client, program.text[:-4] + "0000")
    for _ in range(20):
        assert wrong.get("me")[0] == 401
    assert wrong.get("me")[0] == 429
    LoginTry.objects.all().delete()
    assert wrong.get("me")[0] == 401


def test_a_revoked_and_an_expired_token_open_nothing(program, manager):
    token = ApiToken.objects.get()
    api_tokens.revoke(manager, token.public_part)
    assert program.get("me")[0] == 401
    ApiToken.objects.update(revoked_s=None, expires_s=int(time.time()) - 1)
    assert program.get("me")[0] == 401
    ApiToken.objects.update(expires_s=int(time.time()) + 60)
    assert program.get("me")[0] == 200


def test_neither_the_secret_nor_the_pin_is_in_the_record(any_office, program):
    token = ApiToken.objects.get()
    secret = program.text.rpartition("_")[2]
    kept = json.dumps([token.secret_hash, bytes(token.sealed_pin).hex(), token.public_part, token.name])
    assert secret not in kept
    assert PINS[CASHIER].encode().hex() not in kept


def test_a_token_has_at_most_the_rights_of_its_operator(site, manager, cashier):
    with pytest.raises(ValueError, match="no right to order"):
        api_tokens.add(site, manager, "kiosk", 1, CASHIER, PINS[CASHIER], ("sell", "order"))
    with pytest.raises(ValueError, match="are of: sell, order, cards"):
        api_tokens.add(site, manager, "kiosk", 1, MANAGER, PINS[MANAGER], ("manage",))
    with pytest.raises(ValueError, match="has another PIN"):
        api_tokens.add(site, manager, "kiosk", 1, CASHIER, "112358")
    with pytest.raises(NotPermitted):
        api_tokens.add(site, cashier, "kiosk", 1, CASHIER, PINS[CASHIER])
    assert ApiToken.objects.count() == 0


def test_a_token_without_the_right_sells_nothing(program, shift):
    ApiToken.objects.update(rights=["cards"])
    assert program.post("sales", order(shift))[1]["type"] == "/api/v1/problems/not-permitted"
    assert Sale.objects.count() == 0


def test_a_program_sees_no_sale_and_no_shift_of_another_shop(program, shift, site, manager):
    _, sold = program.post("sales", order(shift))
    other = Shop.objects.create(number=2, name="Other")
    Till.objects.create(shop=other, number=1)
    _, text = api_tokens.add(site, manager, "other", 2, CASHIER, PINS[CASHIER])
    stranger = Program(program.client, text)
    for path in (f"sales/{sold['sale']}", f"shifts/{shift}"):
        assert stranger.get(path)[0] == 404
    assert stranger.post("sales", order(shift))[0] == 403
    assert stranger.post(f"shifts/{shift}/close", {})[0] == 404
    assert [one["shift"] for one in stranger.get("shifts")[1]["tills"]] == [None]


def test_a_session_that_has_ended_at_the_vault_begins_again(program, site):
    program.get("me")
    for ticket in callers._Tickets.by_token.values():
        site.keys.sign_off(ticket)
    assert program.get("me")[0] == 200


def test_a_token_whose_operator_has_another_pin_is_refused_with_the_remedy(program, site, cashier):
    site.keys.set_pin(cashier.ticket, PINS[CASHIER], "112358")
    callers._Tickets.by_token.clear()
    status, told = program.get("me")
    assert status == 401
    assert "makes another token" in told["detail"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"meter": 1}, "'shift' is a required property"),
        ({"shift": 1, "meter": 0, "wish": {"what": "money"}}, "body.meter"),
        ({"shift": True, "meter": 1, "wish": {"what": "money"}}, "body.shift"),
        ({"shift": 1, "meter": 1, "wish": {"what": "gold"}}, "body.wish.what"),
        ({"shift": 1, "meter": 1, "wish": {"what": "money"}, "free": 1}, "'free' was unexpected"),
        ({"shift": 1, "meter": 1, "wish": {"what": "money", "gross_microunits": 1.5}}, "gross_microunits"),
        ([], "body: [] is not of type 'object'"),
    ],
)
def test_a_body_that_is_not_as_the_document_says_names_the_place(program, body, words):
    status, told = program.post("sales", body)
    assert (status, told["type"]) == (422, "/api/v1/problems/invalid")
    assert words in told["detail"]


@pytest.mark.parametrize("data", [b"{", b"\xff", b'{"shift": NaN}', b"[" * 5000, b" " * 70_000 + b"{}"])
def test_a_body_that_is_no_json_is_told(program, data):
    headers = {"Authorization": f"Bearer {program.text}", "Idempotency-Key": "x"}
    answer = program.client.post("/api/v1/sales", data=data, content_type="application/json", headers=headers)
    assert answer.status_code == 422
    assert answer.json()["type"] == "/api/v1/problems/invalid"


def test_unknown_paths_methods_and_numbers_are_problems_too(program):
    assert program.get("meters/99")[0] == 404
    assert program.get(f"meters/{10**30}")[0] == 404
    answer = program.client.get("/api/v1/nothing")
    assert (answer.status_code, answer.json()["status"]) == (404, 404)
    answer = program.client.delete("/api/v1/sales", headers={"Authorization": f"Bearer {program.text}"})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_every_type_of_problem_has_a_page(pages):
    for kind, (status, title) in KINDS.items():
        assert pages.get(f"/api/v1/problems/{kind}").json() == {"type": kind, "title": title, "status": status}


def test_too_many_calls_of_a_token_wait_for_the_next_minute(program, monkeypatch):
    monkeypatch.setattr(callers, "CALLS_PER_MINUTE", 2)
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
    ApiToken.objects.update(expires_s=None)
    assert [program.get("me")[0] for _ in range(3)] == [200, 200, 429]
    monkeypatch.setattr(time, "time", lambda: 1_800_000_060.0)
    assert program.get("me")[0] == 200


def test_times_have_the_zone_of_the_shop(program, shift):
    _, sold = program.post("sales", order(shift))
    when = datetime.fromisoformat(sold["time"])
    assert sold["time"].endswith("+05:45")
    assert abs(when.timestamp() - time.time()) < 60


def test_customers_are_found_by_name_and_number(any_office, program):
    _, told = program.get("customers?text=Customer")
    assert [one["name"] for one in told["customers"]] == ["Customer 1", "Customer 2"]
    assert told["customers"][0]["homes"] == [{"premises": "Flat 1", "meter": 1}]
    assert [one["customer"] for one in program.get("customers?text=102")[1]["customers"]] == [102]
    assert program.get("customers/101")[1]["name"] == "Customer 1"
    assert program.get("customers/999")[0] == 404
    assert program.get("customers?text=C")[0] == 422
    assert program.get("customers?text=Cus&all=1")[0] == 422


def test_the_list_of_customers_is_bounded(program, monkeypatch):
    monkeypatch.setattr(calls, "CUSTOMERS_LIMIT", 1)
    _, told = program.get("customers?text=Customer")
    assert (len(told["customers"]), told["has_more"]) == (1, True)


def test_a_meter_tells_who_lives_there(program):
    _, told = program.get("meters/1")
    assert (told["customer_name"], told["premises"], told["contract"]) == ("Customer 1", "Flat 1", "prepaid-money")


def test_the_balance_of_an_account_is_told_and_not_that_of_its_meter(program):
    Meter.objects.filter(number=1).update(balance=3, told_s=1_790_000_000)
    _, told = program.get("meters/1")
    assert (told["balance"], told["balance_told"] is None) == (3, False)
    tenancy = Tenancy.objects.get(meter_number=1)
    ManagedAccount.objects.create(tenancy=tenancy, meter_id=1, opened_s=1, balance_microunits=7_650_000)
    _, told = program.get("meters/1")
    assert (told["balance"], told["balance_told"]) == (7_650_000, None)


def test_a_forged_statement_records_nothing(program):
    for link, content in (("mqtt", "00" * 60), ("bluetooth", "11" * 60), ("mqtt", "00")):
        status, told = program.post("meters/1/statements", {"link": link, "content": content})
        assert (status, told["type"]) == (422, "/api/v1/problems/refused")


def test_the_audit_trail_names_the_token_of_a_sale(program, shift):
    program.post("sales", order(shift))
    entry = AuditEntry.objects.filter(action="sale").get()
    assert entry.operator == CASHIER
    assert entry.address == f"127.0.0.1 token {ApiToken.objects.get().public_part}"


def test_a_void_that_cannot_be_honest_is_refused_with_the_reason(site, program, shift, cashier):
    _, sold = program.post("sales", order(shift))
    status, told = program.post(f"sales/{sold['sale']}/void", {"shift": shift})
    assert status == 422
    assert "nobody can prove that it is not used" in told["detail"]
    card = PaperCard("04aa", 1)
    made = sales.sell(site, cashier, request(Shift.objects.get(), card=card), card)
    status, told = program.post(f"sales/{made.sale.pk}/void", {"shift": shift})
    assert status == 422
    assert "needs the card at the reader" in told["detail"]
    assert {one.state for one in Sale.objects.all()} == {"written"}


def test_a_void_that_was_made_at_the_till_is_told_again(site, program, shift, cashier):
    card = PaperCard("04aa", 1)
    made = sales.sell(site, cashier, request(Shift.objects.get(), card=card), card)
    reversal = voids.void(site, cashier, made.sale, shift, card)
    status, told = program.post(f"sales/{made.sale.pk}/void", {"shift": shift})
    assert status == 201
    assert (told["sale"], told["reverses"], told["kind"]) == (reversal.sale.pk, made.sale.pk, "void")
    assert [one["gross_microunits"] for one in told["lines"]] == [-20 * EUR]
    assert Sale.objects.count() == 2
