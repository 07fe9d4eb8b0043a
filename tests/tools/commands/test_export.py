"""`wattpurse export` and `wattpurse events-check`: a meter at a pseudo-terminal, its records in files, and forgers."""

import csv
import os
import struct
import threading
import tty
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from tests import samples
from tests.services.console.console_bench import METER_NUMBER, PIN, SITE_KEY, Bench
from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.meter_bench import MeterBench, card_in_hand
from tests.tools.shop import open_station
from wattpurse.core.messages import token
from wattpurse.core.records import events
from wattpurse.core.records.events import EventLog
from wattpurse.core.seals import keys
from wattpurse.stores import EVENTS_RING, Stores
from wattpurse_tools import cli
from wattpurse_tools.meter_link import record_files
from wattpurse_tools.meter_link.line import MeterLine

HALF_HOUR_S = 1800
TRACES = (events.LOGIN, events.TERM_CHANGED, events.LOGOUT)


class Port:
    """A serial port with a meter at its far end, which echoes and answers line by line."""

    def __init__(self, bench):
        self._bench = bench
        self._meter_end, self._far_end = os.openpty()
        tty.setraw(self._far_end)
        self.path = os.ttyname(self._far_end)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        os.close(self._far_end)
        self._thread.join(5)
        os.close(self._meter_end)

    def _serve(self):
        typed = b""
        while True:
            try:
                typed += os.read(self._meter_end, 4096)
            except OSError:
                return
            while b"\r" in typed:
                line, _, typed = typed.partition(b"\r")
                said = line.decode() + "\n" + self._answer(line.decode())
                data = said.replace("\n", "\r\n").encode()
                while data:
                    data = data[os.write(self._meter_end, data[:1000]) :]

    def _answer(self, line):
        answer = self._bench.say(line) if self._bench is not None else ""
        return answer + "\n" if answer else ""


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with station_office.opened(tmp_path) as office:
        yield office


@pytest.fixture
def bench():
    """Return a meter that ran for two days and was topped up twice."""
    bench = Bench()
    meter_key = station_office.current().meter_key(METER_NUMBER)
    words = ("commission", str(METER_NUMBER), meter_key.hex(), SITE_KEY.hex(), "3200", "prepaid-money", PIN)
    assert bench.say(" ".join((*words, samples.day_and_night_tariff().hex()))).startswith("commissioned")
    bench.restart()
    aes = bench.meter.board.aes
    for number in (1, 2):
        made = token.make(token.CREDIT_MONEY, number * 10_000_000)
        sealed = token.seal_token(aes, keys.token_keys(aes, meter_key), 1, METER_NUMBER, number, *made)
        assert bench.say("token " + sealed.hex()).startswith("accepted")
    for step in range(2 * 86_400 // 200):
        bench.wait(200)
        bench.meter.metering.step()
        bench.meter.ledger.advance(bench.meter.timekeeper.now_s(), 32 + step % 3)
    return bench


@pytest.fixture
def port(bench):
    port = Port(bench)
    yield port
    port.close()


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def refusal(capsys, *arguments):
    capsys.readouterr()
    assert cli.main(list(arguments)) == 1
    error = capsys.readouterr().err
    assert error.startswith("wattpurse: ") and error.count("\n") == 1
    return error


class TestExport:
    def test_everything(self, bench, port, capsys):
        files = [f"--{name}={name}.csv" for name in ("profile", "events", "topups", "months")]
        assert cli.main(["export", port.path, *files]) == 0
        assert "0 that do not hold" in capsys.readouterr().out
        account = bench.meter.ledger.account
        profile = rows_of("profile.csv")
        assert len(profile) >= 95
        assert profile[0]["start_utc"] < profile[-1]["start_utc"]
        running_mwh = account.registers.total_mwh - bench.meter.load_profile._last.total_mwh
        assert sum(int(row["kwh"].replace(".", "")) for row in profile) == account.registers.total_mwh - running_mwh
        assert {row["seconds"] for row in profile[1:]} == {"1800"}
        assert profile[5]["start_local"].endswith("+01:00")
        topups = rows_of("topups.csv")
        assert [(row["token"], row["amount"], row["by"]) for row in topups] == [
            ("1", "10.000000", "console"),
            ("2", "20.000000", "console"),
        ]
        months = rows_of("months.csv")
        assert months[-1]["kwh"] == f"{account.registers.total_mwh / 1e6:.6f}"
        assert float(months[-1]["kw_max"]) > 0
        assert {"kwh NIGHT", "kwh DAY"} <= set(months[-1])
        events = rows_of("events.csv")
        texts = [row["text"] for row in events]
        assert texts[:3] == [
            "commissioned, by console",
            "flash tested, JEDEC ID EF4015, by console",
            "started, by meter",
        ]

    def test_number_of_days_limits_the_profile(self, port):
        assert cli.main(["export", port.path, "--profile", "p.csv", "--days", "1"]) == 0
        assert len(rows_of("p.csv")) in (47, 48)

    def test_the_profile_of_a_meter_with_clamps_has_the_energy_of_each_leg(self):
        half_hour = {"start_s": 0, "start": "1970-01-01T01:00:00+01:00", "seconds": HALF_HOUR_S, "energy_mwh": 9_500}
        half_hour |= {"charge_microunits": 2_500_000, "flags": []}
        pulses, clamps = record_files.profile_rows(
            {"profile": [half_hour | {"legs_wh": [[5, 0], [4, 13_000]]}, half_hour | {"legs_wh": None}]}
        )
        assert record_files.PROFILE[-4:] == ("l1_in_kwh", "l1_out_kwh", "l2_in_kwh", "l2_out_kwh")
        assert clamps[-4:] == ("0.005000", "0.000000", "0.004000", "13.000000")
        assert pulses[-4:] == ("", "", "", "")

    def test_wrong_command_lines_are_refused(self, port, capsys):
        assert "name the records to export" in refusal(capsys, "export", port.path)
        assert "name either the port" in refusal(capsys, "export", "--events", "e.csv")
        assert "months only" in refusal(capsys, "export", "--card", "anna", "--events", "e.csv")
        assert "DAYS must be" in refusal(capsys, "export", port.path, "--profile", "p.csv", "--days", "0")
        assert "cannot be opened" in refusal(capsys, "export", "/dev/nowhere", "--events", "e.csv")

    def test_port_without_a_meter_is_an_error(self):
        port = Port(None)
        with MeterLine(port.path, silence_s=0.3) as line, pytest.raises(OSError, match="no answer"):
            line.ask("events")
        port.close()

    def test_meter_without_an_account_gives_its_reason(self, capsys):
        port = Port(Bench())
        assert "no account" in refusal(capsys, "export", port.path, "--profile", "p.csv")
        port.close()


class TestCards:
    def test_months_on_a_card_are_exported(self, capsys):
        assert cli.main(["card", "new", "anna", "--kind", "classic-1k", "--meter", str(METER)]) == 0
        assert "has no months" in refusal(capsys, "export", "--card", "anna", "--months", "months.csv")
        assert cli.main(["card", "topup", "anna", "--amount", "20.00"]) == 0
        MeterBench(station_office.current()).tap_file("anna")
        assert cli.main(["export", "--card", "anna", "--months", "months.csv"]) == 0
        rows = rows_of("months.csv")
        assert [row["closed"] for row in rows] == ["no"]
        assert rows[0]["kwh"] == "0.000"


class TestEventsCheck:
    @pytest.fixture(autouse=True)
    def exported(self, port):
        assert cli.main(["export", port.path, "--events", "events.csv"]) == 0

    def check(self, *options, meter=METER_NUMBER):
        return cli.main(["events-check", "events.csv", "--meter", str(meter), *options])

    def lines(self):
        return open("events.csv", encoding="utf-8").read().splitlines(keepends=True)

    def rewrite(self, lines):
        with open("events.csv", "w", encoding="utf-8") as file:
            file.write("".join(lines))

    def test_unchanged_log_holds(self, bench, capsys):
        assert self.check("--link", bench.meter.events.link.hex()) == 0
        assert "0 do not" in capsys.readouterr().out

    def test_chain_agrees_with_another_library(self):
        event_key = derived(station_office.current().meter_key(METER_NUMBER), b"events")
        before = bytes(5)
        for row in rows_of("events.csv"):
            time_s = int(samples.NEW_YEAR_S) + seconds_since_new_year(row["utc"])
            numbers = (int(row[name]) for name in ("code", "by_code", "number", "extra"))
            maker = CMAC(algorithms.AES(event_key))
            maker.update(before + struct.pack("<IBBqq", time_s, *numbers))
            before = maker.finalize()[:5]
            assert row["link"] == before.hex()

    def test_every_dropped_line_but_the_first_and_the_last_is_found(self):
        lines = self.lines()
        for place in range(2, len(lines) - 1):
            self.rewrite(lines[:place] + lines[place + 1 :])
            assert self.check() == 1, place

    def test_changed_number_is_found(self, capsys):
        self.rewrite([line.replace("20000000", "30000000") for line in self.lines()])
        assert self.check() == 1
        assert "money credited, by console: changed" in capsys.readouterr().out

    def test_dropped_last_event_is_found_by_the_link_in_a_statement(self, bench, capsys):
        self.rewrite(self.lines()[:-1])
        assert self.check() == 0
        assert self.check("--link", bench.meter.events.link.hex()) == 1
        assert "is missing" in capsys.readouterr().out

    def test_log_of_another_meter_does_not_hold(self, capsys):
        assert self.check(meter=METER_NUMBER + 1) == 1
        assert "is it the log of meter" in capsys.readouterr().out

    def test_other_file_is_refused(self, capsys):
        self.rewrite(["a,b\n", "1,2\n"])
        assert "not an event log" in refusal(capsys, "events-check", "events.csv", "--meter", "1")


class TestForgedLog:
    """A thief reads the meter's key in its flash and writes a whole event log that the meter and the chain accept."""

    @pytest.fixture(autouse=True)
    def card(self):
        assert cli.main(["card", "new", "anna", "--kind", "ntag216", "--meter", str(METER_NUMBER)]) == 0

    def carry_a_statement_home(self, bench):
        """Tap the customer's card. The station reads it, and keeps the statement."""
        with card_in_hand("anna") as card:
            field = bench.hardware.reader.field
            for move in (field.insert, field.remove):
                move(card)
                for _ in range(2):
                    bench.clock.run(bench.meter.card_desk.serve_one_look())
        assert cli.main(["card", "read", "anna"]) == 0
        bench.wait(60)

    def log_in_by_a_stranger(self, bench):
        """Leave traces: a login, a change, and a few events behind them."""
        for line in ("login " + PIN, "terms set low_credit_mwh 1", "logout"):
            bench.say(line)
        bench.wait(60)

    def forge(self, bench, keep):
        """Write a new log with the key from the flash: the old events for which `keep(place, event)` is True."""
        flash = bench.hardware.flash
        dump = Stores(flash)
        dump.open()
        stolen_key = dump.settings.get("meter_key")
        genuine = bench.meter.events.recent(1_000)[::-1]
        forged = EventLog(flash, *EVENTS_RING)
        forged.erase()
        forged.create()
        forged.chain(bench.meter.board.aes, stolen_key)
        for place, event in enumerate(genuine):
            if keep(place, event):
                forged.note(event.code, event.by, event.time_s, event.number, event.extra)
        bench.restart()
        facts = bench.facts("events verify")
        assert (facts["broken"], facts["not_chained"]) == (0, 0)

    def check(self, port, capsys):
        assert cli.main(["export", port.path, "--events", "events.csv"]) == 0
        capsys.readouterr()
        status = cli.main(["events-check", "events.csv", "--meter", str(METER_NUMBER)])
        return status, capsys.readouterr().out

    def test_an_honest_log_has_the_links_of_all_statements(self, bench, port, capsys):
        self.carry_a_statement_home(bench)
        bench.restart()
        self.log_in_by_a_stranger(bench)
        self.carry_a_statement_home(bench)
        status, said = self.check(port, capsys)
        assert status == 0
        assert "links of statements in the log: 2; nobody changed the events up to the newest of them" in said

    def test_without_a_statement_the_check_says_that_it_proves_nothing_against_a_thief(self, bench, port, capsys):
        self.log_in_by_a_stranger(bench)
        self.forge(bench, lambda _, event: event.code not in TRACES)
        status, said = self.check(port, capsys)
        assert status == 0
        assert "no link of a statement was at hand: whoever read the meter's flash" in said

    def test_a_log_forged_with_the_key_out_of_flash_is_found_by_a_statement_that_the_station_kept(
        self, bench, port, capsys
    ):
        self.log_in_by_a_stranger(bench)
        self.carry_a_statement_home(bench)
        self.forge(bench, lambda _, event: event.code not in TRACES)
        status, said = self.check(port, capsys)
        assert status == 1
        assert "is missing: events up to it were changed or removed, with the key of the meter" in said

    def test_a_later_statement_of_the_forged_log_does_not_hide_it(self, bench, port, capsys):
        self.log_in_by_a_stranger(bench)
        self.carry_a_statement_home(bench)
        self.forge(bench, lambda _, event: event.code not in TRACES)
        self.carry_a_statement_home(bench)
        status, said = self.check(port, capsys)
        assert status == 1
        assert said.count("is missing") == 1

    def test_an_earlier_statement_holds_the_events_before_it(self, bench, port, capsys):
        self.carry_a_statement_home(bench)
        self.log_in_by_a_stranger(bench)
        self.forge(bench, lambda place, event: place != 1)
        status, said = self.check(port, capsys)
        assert status == 1
        assert "changed or removed" in said

    def test_a_log_that_begins_after_the_newest_statement_is_unproven(self, bench, port, capsys):
        self.carry_a_statement_home(bench)
        self.log_in_by_a_stranger(bench)
        self.forge(bench, lambda _, event: event.code in TRACES)
        status, said = self.check(port, capsys)
        assert status == 1
        assert "no kept link is in the log" in said

    def test_a_forged_oldest_event_with_the_link_of_a_statement_proves_nothing(self, bench, port, capsys):
        self.log_in_by_a_stranger(bench)
        self.carry_a_statement_home(bench)
        self.log_in_by_a_stranger(bench)
        assert self.check(port, capsys)[0] == 0
        with open_station() as station:
            link = station.statements.event_links(METER_NUMBER)[0][1]
        lines = Path("events.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        start = [place for place, line in enumerate(lines) if line.rstrip().endswith(link)][0]
        time_utc, _, rest = lines[start].partition(",")
        forged = time_utc + "," + rest.replace("logout", "started")
        code = f",{events.LOGOUT},console,"
        assert code in forged
        forged = forged.replace(code, f",{events.STARTED},console,")
        Path("events.csv").write_text("".join([lines[0], forged, *lines[start + 1 :]]), encoding="utf-8")
        capsys.readouterr()
        assert cli.main(["events-check", "events.csv", "--meter", str(METER_NUMBER)]) == 1
        assert "no kept link is in the log" in capsys.readouterr().out

    def test_events_newer_than_the_log_are_told_apart(self, bench, port, capsys):
        self.check(port, capsys)
        bench.wait(60)
        self.log_in_by_a_stranger(bench)
        self.carry_a_statement_home(bench)
        capsys.readouterr()
        assert cli.main(["events-check", "events.csv", "--meter", str(METER_NUMBER)]) == 1
        assert "the log was exported before; export it again" in capsys.readouterr().out


def seconds_since_new_year(text):
    """Return the seconds since the start of 2026, by the standard library alone."""
    from datetime import datetime

    return int((datetime.fromisoformat(text) - datetime.fromisoformat("2026-01-01T00:00:00Z")).total_seconds())


def derived(key, data):
    """Return a diversified key by NXP AN10922, section 2.2: the CMAC over two blocks, with any padding."""

    def encrypt(blocks):
        return Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor().update(blocks)

    subkey = int.from_bytes(encrypt(bytes(16)), "big")
    for _ in range(2):
        subkey = subkey << 1 ^ ((1 << 128 | 0x87) if subkey >> 127 else 0)
    blocks = (b"\x01" + data + b"\x80").ljust(32, b"\x00")
    last = int.from_bytes(blocks[16:], "big") ^ subkey
    return encrypt(blocks[:16] + last.to_bytes(16, "big"))[16:]
