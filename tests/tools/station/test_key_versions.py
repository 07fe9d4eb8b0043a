"""A site changes to new keys. At every moment one key works, through sales, power cuts, torn cards and taps."""

# ruff: noqa: F811 fixtures

import json
import stat
from pathlib import Path

import pytest

from boards.host.cards.images import from_image
from boards.host.chips.aes import aes
from boards.host.chips.power import PowerCut
from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.meter_bench import MeterBench
from tests.tools.shop import meter, open_station, shop, wattpurse  # noqa: F401
from wattpurse.core import outcome
from wattpurse.core.currency import Currency
from wattpurse.core.messages import token
from wattpurse.core.messages.release import is_release
from wattpurse.core.records import event_chain, events
from wattpurse.core.seals import keys
from wattpurse_tools.commands.events_check import verdicts_of
from wattpurse_tools.record.models import Meter, Site
from wattpurse_tools.station.card_reader import CardReader

TWENTY = 20_000_000
OTHER = METER + 1


def sealed_under(sequence, number=METER):
    with open_station() as station:
        return token.key_version(station.token(number, sequence)["sealed"])


class TestVault:
    def test_roll_makes_the_next_version_and_notes_its_fingerprint(self, wattpurse):
        vault = station_office.current().vault
        Site.objects.create(schema_version=1, key_fingerprint=vault.fingerprint())
        assert "has keys of version 2 now" in wattpurse("keys roll")
        known = Site.objects.get().key_fingerprints
        assert known == {str(version): text for version, text in vault.fingerprints().items()}
        assert sorted(known) == ["1", "2"]

    def test_a_record_of_another_vault_sells_nothing(self, wattpurse):
        Site.objects.create(schema_version=1, key_fingerprint="of another vault")
        assert "belongs to another vault" in wattpurse.refusal("meter list")

    def test_the_key_file_of_a_vending_point_is_for_its_owner_alone_and_replaces_none(self, wattpurse):
        wattpurse(f"keys vending-point kiosk.json --issuer 2 --meters {METER}")
        assert stat.S_IMODE(Path("kiosk.json").stat().st_mode) == 0o600
        again = f"keys vending-point kiosk.json --issuer 2 --meters {METER}"
        assert "not overwritten" in wattpurse.refusal(again)
        for issuer in (0, 16):
            line = f"keys vending-point x.json --issuer {issuer} --meters {METER}"
            assert "from 1 to 15" in wattpurse.refusal(line)
        assert not Path("x.json").exists()


class TestMeterKey:
    def test_station_uses_the_new_key_after_a_statement_proves_that_the_meter_has_it(self, wattpurse, meter):
        wattpurse(f"card new anna --kind ntag216 --meter {METER}")
        wattpurse("card topup anna --amount 20")
        station_office.current().roll()
        wattpurse("card topup anna --amount 20")
        wattpurse(f"token {METER} meter-key --card anna")
        wattpurse("card topup anna --amount 20")
        assert [sealed_under(number) for number in (1, 2, 3, 4)] == [1, 1, 1, 1]
        assert meter.tap_file("anna") == [outcome.ACCEPTED]
        assert meter.balance == 3 * TWENTY
        wattpurse("card topup anna --amount 20")
        assert sealed_under(5) == 2
        assert "key version   2" in wattpurse(f"meter keys {METER}")
        assert meter.tap_file("anna") == [outcome.ACCEPTED]
        assert meter.balance == 4 * TWENTY
        assert meter.settings.get("key_version") == 2
        assert wattpurse.read("anna")["statement"]["balance"] == 4 * TWENTY

    def test_token_under_the_old_key_on_another_card_is_not_lost(self, wattpurse, meter):
        wattpurse(f"card new late --kind ntag213 --meter {METER}")
        wattpurse("card topup late --amount 20")
        station_office.current().roll()
        wattpurse(f"card new anna --kind ntag216 --meter {METER}")
        wattpurse(f"token {METER} meter-key --card anna")
        meter.tap_file("anna")
        wattpurse("card topup anna --amount 20")
        assert sealed_under(3) == 1
        meter.tap_file("anna")
        assert meter.tap_file("late") == [outcome.ACCEPTED]
        for name in ("anna", "late"):
            wattpurse(f"card read {name}")
        wattpurse("card topup anna --amount 20")
        assert sealed_under(4) == 2
        meter.tap_file("anna")
        assert meter.balance == 3 * TWENTY

    def test_second_key_token_waits_for_the_first(self, wattpurse, meter):
        wattpurse(f"card new anna --kind ntag216 --meter {METER}")
        station_office.current().roll()
        wattpurse(f"token {METER} meter-key --card anna")
        station_office.current().roll()
        assert "brings a meter key already" in wattpurse.refusal(f"token {METER} meter-key --hex")
        meter.tap_file("anna")
        wattpurse("card read anna")
        wattpurse(f"token {METER} meter-key --card anna")
        assert sealed_under(2) == 2
        meter.tap_file("anna")
        wattpurse("card topup anna --amount 20")
        assert sealed_under(3) == 3
        meter.tap_file("anna")
        assert meter.balance == TWENTY

    def test_power_fails_at_every_flash_operation_of_the_taps(self, wattpurse, meter):
        """Cut power in the tap that brings the key, and in the tap that brings the first credit under it."""
        wattpurse(f"card new anna --kind ntag216 --meter {METER}")
        station_office.current().roll()
        wattpurse(f"token {METER} meter-key --card anna")
        self._tap_with_cuts(meter)
        wattpurse("card topup anna --amount 20")
        assert sealed_under(2) == 2
        self._tap_with_cuts(meter)
        assert meter.balance == TWENTY
        assert wattpurse.read("anna")["statement"]["balance"] == TWENTY
        wattpurse("card topup anna --amount 20")
        meter.tap_file("anna")
        assert (meter.balance, meter.settings.get("key_version")) == (2 * TWENTY, 2)

    def _tap_with_cuts(self, meter):
        """Cut power at the first flash operation of the tap, then at the second, and so on, until a tap completes."""
        operation = 1
        while True:
            meter.flash.faults.plan_cut(operation, operation * 331 % 1001, ("none", "page")[operation % 2])
            try:
                meter.tap_file("anna")
            except PowerCut:
                operation += 1
                meter.restart()
            else:
                break
        meter.flash.faults.operations_to_cut = None
        assert operation > 3

    def test_older_record_learns_the_new_key_from_a_statement(self, wattpurse, meter):
        wattpurse(f"card new anna --kind ntag216 --meter {METER}")
        station_office.current().roll()
        with station_office.current().older_record():
            wattpurse(f"token {METER} meter-key --card anna")
            meter.tap_file("anna")
            wattpurse("card topup anna --amount 20")
            meter.tap_file("anna")
        assert wattpurse("meter list").endswith("meter key of version 1  site key of version 1")
        wattpurse("card read anna")
        assert "sells by money  site key of version 1  STOPPED: token 1, 2" in wattpurse("meter list")
        wattpurse(f"meter resume {METER}")
        wattpurse("card topup anna --amount 20")
        assert meter.tap_file("anna") == [outcome.ACCEPTED]
        assert meter.balance == 2 * TWENTY


class TestRelease:
    """A meter whose ledger was erased takes another number with a release that the station prints."""

    def test_the_release_of_the_station_is_the_one_that_the_meter_expects(self, wattpurse):
        wattpurse(f"meter add {OTHER}")
        assert "release" not in wattpurse(f"meter keys {OTHER}")
        said = dict(
            line.rsplit(maxsplit=1) for line in wattpurse(f"meter keys {OTHER} --replaces {METER}").splitlines()
        )
        site_keys = station_office.current()
        new_keys = OTHER, site_keys.meter_key(OTHER), site_keys.site_key
        assert is_release(aes, site_keys.meter_key(METER), bytes.fromhex(said["release"]), *new_keys)

    def test_no_release_is_made_for_the_same_number_or_for_an_unknown_meter(self, wattpurse):
        assert "retired with its ledger" in wattpurse.refusal(f"meter keys {METER} --replaces {METER}")
        assert f"meter {OTHER} is not known" in wattpurse.refusal(f"meter keys {METER} --replaces {OTHER}")
        assert f"meter {OTHER} is not known" in wattpurse.refusal(f"meter keys {OTHER} --replaces {METER}")


class TestServicePassAcrossARoll:
    """A technician's card opens a meter that changes to a new key, if it is renewed before the old key is gone."""

    def test_a_pass_is_renewed_for_the_next_key_and_opens_the_meter_all_the_time(self, wattpurse, meter):
        wattpurse(f"card new anna --kind ntag216 --meter {METER}")
        wattpurse("card new tech --kind ntag215 --service --technician 7 --expires 2099-12-31")
        station_office.current().roll()
        wattpurse(f"token {METER} meter-key --card anna")
        before = Path("cards/tech.json").read_text()
        wattpurse("card rekey tech")
        assert Path("cards/tech.json").read_text() == before
        meter.tap_file("anna")
        assert meter.tap_file("tech") == [outcome.SERVICE]
        wattpurse("card read anna")
        wattpurse("card rekey tech")
        assert Path("cards/tech.json").read_text() != before
        assert meter.tap_file("tech") == [outcome.SERVICE]
        wattpurse("card topup anna --amount 20")
        meter.tap_file("anna")
        assert meter.settings.get("key_version") == 2
        assert meter.tap_file("tech") == [outcome.SERVICE]
        assert wattpurse.read("tech")["service_pass"]["technician"] == 7
        Path("cards/tech.json").write_text(before)
        assert meter.tap_file("tech") == [outcome.UNREADABLE]
        wattpurse("card rekey tech")
        assert meter.tap_file("tech") == [outcome.SERVICE]

    def test_a_pass_of_another_station_is_not_renewed(self, wattpurse):
        line = "card new spy --kind ntag213 --service --technician 7 --expires 2099-12-31 --cards cards"
        with station_office.opened("other", own_keys=True):
            wattpurse(f"meter add {METER}")
            wattpurse(line)
        assert "not made with the keys of this vault" in wattpurse.refusal("card rekey spy")


class TestEventsAcrossARoll:
    """The event log of a meter with a new key is chained under two keys, and is checked under both."""

    KEYS = (b"the newest key 3", b"the second key 2", b"the first key 11")

    def log(self, forger=None):
        """Return a log, newest first: two events and the change of keys under the second key, three under the first."""
        codes = [events.LOGIN, events.LOGOUT, events.CLOCK_SET, events.KEYS_CHANGED, events.LOGIN, events.LOGOUT]
        link, made = event_chain.NO_LINK, []
        for number, code in enumerate(codes):
            event = events.Event(1_800_000_000 + number, code, 0, number, 0)
            key = self.KEYS[2] if number < 3 else self.KEYS[1]
            link = event.link = event_chain.EventChain(aes, key, ()).link(link, event.body)
            if number == forger:
                event.number += 1
            made.append(event)
        return made[::-1]

    def broken(self, log):
        event_keys = [keys.event_key(aes, key) for key in self.KEYS]
        return [event.code for event, verdict in verdicts_of(log, event_keys) if verdict not in event_chain.INTACT]

    def test_whole_log_is_authentic(self):
        assert self.broken(self.log()) == []

    @pytest.mark.parametrize("forger", range(1, 6))
    def test_change_on_either_side_of_the_roll_is_found(self, forger):
        assert self.broken(self.log(forger)) != []


class TestSiteKey:
    @pytest.fixture
    def rolled(self, wattpurse, meter):
        """Make a customer's and a technician's card, new keys, and the meter's token on the customer's card."""
        wattpurse(f"card new anna --kind classic-1k --meter {METER}")
        wattpurse("card new tech --kind classic-1k --service --technician 7 --expires 2099-12-31")
        wattpurse("card topup anna --amount 20")
        station_office.current().roll()
        wattpurse(f"token {METER} site-key --card anna")

    def test_cards_of_both_keys_work_and_get_the_new_key_at_the_station(self, wattpurse, meter, rolled):
        assert wattpurse("card rekey anna") == "card anna: has the site key of version 1"
        assert meter.tap_file("anna") == [outcome.ACCEPTED]
        assert meter.settings.get("site_key") == station_office.current().site_key
        assert meter.tap_file("anna") == [outcome.NO_NEWS]
        assert meter.tap_file("tech") == [outcome.SERVICE]
        before = Path("cards/anna.json").read_text()
        for name in ("anna", "tech"):
            assert wattpurse(f"card rekey {name}") == f"card {name}: has the site key of version 2"
        assert Path("cards/anna.json").read_text() != before
        meter.settings.set("old_site_key", b"")
        assert meter.tap_file("tech") == [outcome.SERVICE]
        wattpurse("card topup anna --amount 20")
        assert meter.tap_file("anna") == [outcome.ACCEPTED]
        assert meter.balance == 2 * TWENTY

    def test_card_for_all_meters_keeps_the_old_key_until_every_meter_has_the_new_one(self, wattpurse, meter, rolled):
        wattpurse("card read anna")
        with open_station() as station:
            station.add_meter(OTHER, Currency("EUR", 2))
            Meter.objects.update(key_version=1, site_version=1)
        wattpurse("card erase tech")
        wattpurse("card new tech --kind classic-1k --service --technician 7 --expires 2099-12-31")
        meter.tap_file("anna")
        wattpurse("card read anna")
        assert wattpurse("card rekey anna").endswith("version 2")
        assert wattpurse("card rekey tech").endswith("version 1")
        site_keys = station_office.current()
        other = MeterBench(site_keys, OTHER)
        first = ("site_key", site_keys.keys_of(OTHER, 1)[1]), ("meter_key", site_keys.meter_key(OTHER, 1))
        other.settings.set_all(first)
        assert [bench.tap_file("tech") for bench in (meter, other)] == [[outcome.SERVICE]] * 2
        station_office.current().roll()
        reason = wattpurse.refusal(f"token {METER} site-key --hex")
        assert f"meter {OTHER} has not got the site key of version 2 yet" in reason

    def test_new_card_has_the_key_of_its_meter(self, wattpurse, meter, rolled):
        wattpurse(f"card new bert --kind classic-1k --meter {METER}")
        assert meter.tap_file("bert") == [outcome.NO_NEWS]
        meter.tap_file("anna")
        wattpurse("card read anna")
        wattpurse(f"card new carl --kind classic-1k --meter {METER}")
        meter.settings.set("old_site_key", b"")
        assert meter.tap_file("carl") == [outcome.NO_NEWS]

    def test_erased_card_of_the_old_key_gets_the_new_one(self, wattpurse, meter, rolled):
        wattpurse(f"card new bert --kind classic-1k --meter {METER}")
        wattpurse("card erase bert")
        meter.tap_file("anna")
        wattpurse("card read anna")
        wattpurse(f"card new bert --kind classic-1k --meter {METER}")
        meter.settings.set("old_site_key", b"")
        assert meter.tap_file("bert") == [outcome.NO_NEWS]

    def test_card_torn_away_during_rekey_works_or_is_lost(self, wattpurse, meter, rolled):
        meter.tap_file("anna")
        wattpurse("card read anna")
        wattpurse("card topup anna --amount 20")
        image = json.loads(Path("cards/anna.json").read_text())
        frames = self._frames_of_a_rekey()
        lost = 0
        for frame in range(1, frames + 1, 9):
            card = from_image(image)
            site_keys = station_office.current()
            reader = CardReader(site_keys)
            reader.model.faults.lift_during_write(frame, frame)
            reader.model.faults.lift(frame + 1)
            with pytest.raises(OSError):
                reader.rekey(card, 2)
            try:
                CardReader(site_keys).rekey(card, 2)
            except OSError:
                lost += 1
                continue
            Path("cards/torn.json").write_text(json.dumps(card.image()))
            assert wattpurse.read("torn")["tokens"][0]["state"] == "on card"
        assert lost < 8
        assert meter.tap_file("anna") == [outcome.ACCEPTED]
        assert meter.balance == 2 * TWENTY

    def _frames_of_a_rekey(self):
        reader = CardReader(station_office.current())
        reader.rekey(from_image(json.loads(Path("cards/anna.json").read_text())), 2)
        return reader.model.statistics.frames

    def test_card_destroyed_by_a_tear_is_replaced(self, wattpurse, meter, rolled):
        meter.tap_file("anna")
        wattpurse("card read anna")
        wattpurse("card topup anna --amount 20")
        image = json.loads(Path("cards/anna.json").read_text())
        memory = bytearray.fromhex(image["memory"])
        memory[112:128] = b"garbage in place"
        Path("cards/anna.json").write_text(json.dumps({**image, "memory": memory.hex()}))
        assert "locked with other keys" in wattpurse.refusal("card rekey anna")
        wattpurse(f"card new bert --kind classic-1k --meter {METER}")
        assert "token 3 taken over from card anna" in wattpurse("card replace anna bert")
        meter.tap_file("bert")
        assert meter.balance == 2 * TWENTY

    def test_operators_pass_is_renewed(self, wattpurse):
        wattpurse("card new op --kind classic-1k --operator 1 --expires 2099-12-31")
        wattpurse(f"token {METER} money 1 --hex --operator op")
        station_office.current().roll()
        wattpurse(f"token {METER} money 1 --hex --operator op")
        wattpurse("card rekey op")
        wattpurse(f"token {METER} money 1 --hex --operator op")
