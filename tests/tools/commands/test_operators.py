"""A cashier sells with an operator's card, and the record names the operator. Without the card nothing is sold."""

# ruff: noqa: F811 fixtures

import json
from pathlib import Path

import pytest

from boards.host.cards.images import from_image
from boards.host.chips.aes import aes
from tests.services.desk_bench import METER
from tests.tools.shop import meter, open_station, shop, wattpurse  # noqa: F401
from wattpurse.core import outcome
from wattpurse.core.seals import keys
from wattpurse_tools.station import key_file


@pytest.fixture
def cashier(wattpurse):
    wattpurse(f"card new anna --kind classic-1k --meter {METER}")
    wattpurse("card new op --kind ntag213 --operator 3 --expires 2099-12-31")


class TestSelling:
    def test_day_of_a_cashier(self, wattpurse, cashier, meter):
        wattpurse("card topup anna --amount 1")
        assert wattpurse("station operators require --operator op") == "selling needs an operator's card"
        for line in ("card topup anna --amount 20", f"token {METER} days 3 --hex", "station operators release"):
            assert "name yours with --operator CARD" in wattpurse.refusal(line)
        wattpurse("card topup anna --amount 20 --operator op")
        wattpurse("card read anna")
        wattpurse(f"token {METER} days 3 --hex --operator op")
        assert [line.split("  ")[-1] for line in wattpurse("station sales").splitlines()] == [
            "on card",
            "by operator 3",
            "by operator 3",
        ]
        sales = json.loads(wattpurse("station sales --json"))
        assert [(sale["sequence"], sale["operator"]) for sale in sales] == [(1, None), (2, 3), (3, 3)]
        meter.tap_file("anna")
        assert meter.balance == 21_000_000
        wattpurse("station operators release --operator op")
        wattpurse("card topup anna --amount 1")

    def test_paying_out_requires_an_operator(self, wattpurse, cashier, meter):
        wattpurse("card topup anna --amount 5")
        wattpurse(f"token {METER} refund money all --card anna")
        meter.tap_file("anna")
        wattpurse("station operators require --operator op")
        assert "--operator CARD" in wattpurse.refusal("card settle anna --paid")
        wattpurse("card settle anna --paid --operator op")

    def test_operators_card_is_read(self, wattpurse, cashier):
        document = wattpurse.read("op")
        assert document["card"]["role"] == "operator"
        assert document["operator_pass"] == {"operator": 3, "expires": "2099-12-31 23:59:59 UTC"}
        assert "pass       operator 3, until 2099-12-31 23:59:59 UTC" in wattpurse("card read op")

    def test_operators_card_opens_no_meter(self, cashier, meter):
        assert meter.tap_file("op") == [outcome.NOT_THIS_METER]


class TestInvalidCards:
    def test_customers_or_technicians_card(self, wattpurse, cashier):
        wattpurse("card new tech --kind ntag213 --service --technician 7 --expires 2099-12-31")
        for name, what in (("anna", "a customer's card"), ("tech", "a technician's card")):
            reason = wattpurse.refusal(f"card topup anna --amount 1 --operator {name}")
            assert f"card {name} is {what}, not an operator's" in reason

    def test_expired_card(self, wattpurse, cashier, monkeypatch):
        monkeypatch.setattr("time.time", lambda: 4_102_444_800)
        assert "has expired" in wattpurse.refusal("card topup anna --amount 1 --operator op")

    def test_pass_copied_to_another_card(self, wattpurse, cashier):
        image = json.loads(Path("cards/op.json").read_text())
        image["uid"] = "04112233445566"
        Path("cards/copy.json").write_text(json.dumps(image))
        assert "not made with the keys" in wattpurse.refusal("card topup anna --amount 1 --operator copy")

    def test_pass_of_another_station(self, wattpurse, cashier):
        key_file.make("other.json")
        wattpurse("card new spy --kind ntag213 --operator 3 --expires 2099-12-31 --keys other.json --state other.db")
        assert "not made with the keys" in wattpurse.refusal("card topup anna --amount 1 --operator spy")

    def test_site_key_makes_no_operators_pass(self):
        site_keys = station_office.current()
        uid = b"\x04\x11\x22\x33\x44\x55\x66"
        made = keys.operator_pass_key(aes, site_keys.newest_first[0].vending_key, uid)
        assert made not in (
            keys.operator_pass_key(aes, site_keys.site_key, uid),
            keys.service_pass_key(aes, site_keys.site_key, uid),
            keys.service_pass_key(aes, site_keys.meter_key(METER), uid),
        )

    @pytest.mark.parametrize(
        ("words", "why"),
        [
            ("--operator 3", "needs --operator and --expires"),
            ("--operator 3 --expires 2020-01-01", "lie ahead"),
            ("--operator -1 --expires 2099-01-01", "from 0 to"),
            (f"--operator 3 --expires 2099-01-01 --meter {METER}", "alone"),
        ],
    )
    def test_wrong_options_make_no_card(self, wattpurse, words, why):
        assert why in wattpurse.refusal(f"card new op --kind ntag213 {words}")


def test_operators_card_on_a_meters_reader_sells_nothing(wattpurse, cashier, meter):
    meter.field.insert(from_image(json.loads(Path("cards/op.json").read_text())))
    Path("cards/op.in-field").touch()
    assert "lies on a meter's reader" in wattpurse.refusal("card topup anna --amount 1 --operator op")
    with open_station() as station:
        assert station.tokens() == []
