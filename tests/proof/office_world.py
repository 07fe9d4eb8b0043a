"""The world of an office's life: its processes, its meters, its backups, and the list that decides."""

import os
import signal
import time
import traceback

from django.db import connections

from boards.host.chips.aes import aes
from boards.host.chips.power import PowerCut
from tests import office_of_tests
from tests.office_of_tests import MANAGER, PASSPHRASE, PINS, SECOND
from tests.proof.campaign import BROKEN_RULES, DOUBLED, ESCAPES, LOST, Broken
from tests.proof.office_deeds import METERS, Deeds, PaperCard, build_site
from tests.proof.small_meter import SmallMeter
from wattpurse.core import carrier, outcome
from wattpurse.services.statements import Statements
from wattpurse_tools.office import backups, checking, learning, restoring
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import Meter, Token
from wattpurse_tools.record.office_folder import open_record
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.station import Station
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.interface import VaultClosed
from wattpurse_tools.vault.server import serve_until_signal

_WORKERS = 3
_ACTIONS = 6
_STARTED_S = 20


class World:
    """An office copied from a template, with its vault's process, three meters and the list of all tokens."""

    def __init__(self, random, template, place, tally):
        self._random = random
        self._tally = tally
        self._folder = office_of_tests.copy_office(office_of_tests.OfficeFolder(template), place)
        self._round = 0
        self._known: dict[tuple[int, int], tuple[bytes, int, str]] = {}
        self._taken: dict[int, set[int]] = {number: set() for number in METERS}
        self._old: dict[int, list[bytes]] = {number: [] for number in METERS}
        self._backup = None
        self._vault = 0
        open_record(self._folder)
        build_site()
        self._start_vault()
        keys = VaultClient(self._folder.socket)
        ticket = keys.sign_on(MANAGER, PINS[MANAGER]).ticket
        self._meters = {}
        for number in METERS:
            meter_key, site_key = keys.meter_keys(ticket, number, 1, 1)
            self._meters[number] = SmallMeter(random, number=number, meter_key=meter_key, site_key=site_key)

    def close(self):
        """End the vault."""
        connections.close_all()
        if self._vault:
            os.kill(self._vault, signal.SIGTERM)
            os.waitpid(self._vault, 0)
            self._vault = 0

    def live(self):
        """Let a round go by."""
        self._round += 1
        seeds = [self._random.randrange(1 << 30) for _ in range(_WORKERS)]
        self._work(seeds)
        self._repeat(seeds)
        self._note_tokens()
        for number in METERS:
            self._visit(number)
        self._care_for_backups()
        self._judge()

    # Processes

    def _start_vault(self):
        connections.close_all()
        process = os.fork()
        if process == 0:
            status = 1
            try:
                with Vault.open(self._folder.vault, PASSPHRASE) as vault:
                    serve_until_signal(vault, self._folder.socket, lambda: None)
                status = 0
            finally:
                os._exit(status)
        self._vault = process
        until = time.monotonic() + _STARTED_S
        while time.monotonic() < until:
            try:
                VaultClient(self._folder.socket).fingerprint()
                return
            except VaultClosed:
                time.sleep(0.01)
        raise Broken(BROKEN_RULES, "the vault did not start again after it was killed")

    def _work(self, seeds):
        """Let processes act at once, and kill one of them or the vault at some moment."""
        connections.close_all()
        workers = [self._fork(seed) for seed in seeds]
        victim = self._random.choice((*workers, self._vault, None))
        if victim is not None:
            time.sleep(self._random.random() * 0.6)
            os.kill(victim, signal.SIGKILL)
            self._tally.faults += 1
        for worker in workers:
            os.waitpid(worker, 0)
        if victim == self._vault:
            os.waitpid(self._vault, 0)
            self._start_vault()
        errors = self._folder.path / "escapes"
        if errors.exists():
            raise Broken(ESCAPES, errors.read_text()[-3000:])
        open_record(self._folder)
        self._tally.add("actions", _WORKERS * _ACTIONS)

    def _fork(self, seed):
        process = os.fork()
        if process:
            return process
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        try:
            open_record(self._folder)
            self._deeds().act(seed, self._round, _ACTIONS)
            connections.close_all()
        except BaseException:
            with open(self._folder.path / "escapes", "a", encoding="utf-8") as file:
                file.write(traceback.format_exc())
        finally:
            os._exit(0)

    def _repeat(self, seeds):
        """Ask for everything of this round once more, under the same keys."""
        for seed in seeds:
            self._deeds().act(seed, self._round, _ACTIONS)
        self._tally.add("repeated", _WORKERS * _ACTIONS)

    def _deeds(self):
        return Deeds(self._office())

    def _office(self):
        return Office(self._folder, VaultClient(self._folder.socket))

    def _manager(self, operator=MANAGER):
        session = VaultClient(self._folder.socket).sign_on(operator, PINS[operator])
        return Actor.of(session)

    # Tokens and meters

    def _note_tokens(self):
        """Note each token of the record. A number is one token for ever, also after a restore."""
        for row in Token.objects.exclude(sealed=b"").values("meter_id", "sequence", "sealed", "amount", "unit"):
            name = row["meter_id"], row["sequence"]
            sealed = bytes(row["sealed"])
            known = self._known.setdefault(name, (sealed, row["amount"], row["unit"]))
            if known[0] != sealed:
                raise Broken(DOUBLED, f"token {name[1]} of meter {name[0]} was made twice")

    def _visit(self, number):
        """Bring tokens to a meter, and statements from it to the office."""
        meter = self._meters[number]
        waiting = [one for one in sorted(self._known) if one[0] == number]
        chosen = [one for one in waiting if one[1] not in self._taken[number] or self._random.random() < 0.1]
        for name in chosen:
            if self._random.random() < 0.8:
                self._bring(meter, name)
        meter.clock.advance_us(60_000_000)
        meter.ledger.advance(meter.timekeeper.now_s(), 0)
        for _ in range(2):
            self._tell(meter, number)

    def _bring(self, meter, name):
        data = self._known[name][0]
        if self._random.random() < 0.2:
            forged = bytearray(data)
            forged[self._random.randrange(len(forged))] ^= 1 << self._random.randrange(8)
            if meter.teller.redeem(bytes(forged), carrier.CARD) == outcome.ACCEPTED:
                raise Broken(DOUBLED, f"a forged token was redeemed: {forged.hex()}")
            self._tally.add("forgeries")
        if self._random.random() < 0.3:
            meter.flash.faults.plan_cut(self._random.choice((1, 2, 4, 9)), self._random.randrange(1001), "page")
        try:
            meter.teller.redeem(data, carrier.CARD)
        except PowerCut:
            self._tally.faults += 1
            meter.start_until_it_lasts(self._random, self._tally)
        meter.flash.faults.operations_to_cut = None
        if meter.ledger.account.token_is_used(name[1]):
            self._taken[name[0]].add(name[1])

    def _tell(self, meter, number):
        """Bring a statement home, after a changed one or an old one of the same card."""
        uid = PaperCard(number).uid
        statements = Statements(meter.stores, meter.timekeeper, aes, lambda: None)
        sealed = statements.seal(statements.keys(bytes.fromhex(uid)), len(self._old[number]) + 1, 512)
        forged = bytearray(sealed)
        forged[self._random.randrange(len(forged))] ^= 1 << self._random.randrange(8)
        keys = VaultClient(self._folder.socket)
        opened = keys.open_statement(number, bytes.fromhex(uid), bytes(forged))
        if opened is not None and opened[1] != keys.open_statement(number, bytes.fromhex(uid), sealed)[1]:
            raise Broken(BROKEN_RULES, "a changed statement was opened")
        self._old[number].append(sealed)
        for one in (self._random.choice(self._old[number]), sealed):
            opened = keys.open_statement(number, bytes.fromhex(uid), one)
            if opened is None:
                raise Broken(LOST, f"a statement of meter {number} was not opened")
            Station(keys).learn(opened[1])
            learning.learn(number)
        if Meter.objects.get(number=number).is_stopped:
            Station(keys, self._manager()).resume(number)
            self._tally.add("meters_stopped")

    # Backups

    def _care_for_backups(self):
        if self._backup is None or self._random.random() < 0.3:
            self._backup = backups.make(self._folder, self._manager(), None, time.time() + self._round).path
            self._tally.add("backups")
        elif self._random.random() < 0.5:
            restoring.restore(self._office(), self._manager(), self._backup)
            self._tally.add("restores")
            for number in METERS:
                self._tell(self._meters[number], number)

    # Judgement

    def _judge(self):
        self._note_tokens()
        checked = checking.check(self._office(), self._manager(SECOND))
        if checked.findings:
            raise Broken(BROKEN_RULES, "; ".join(f"{one.subject}: {one.words}" for one in checked.findings[:5]))
        for number, meter in self._meters.items():
            credit = sum(
                self._known[number, sequence][1]
                for sequence in self._taken[number]
                if self._known[number, sequence][2] == orders.MONEY
            )
            bought = meter.ledger.account.money.bought
            if bought != credit:
                what = DOUBLED if bought > credit else LOST
                raise Broken(what, f"meter {number} has bought {bought}, and took tokens of {credit}")
        self._judge_settling()

    def _judge_settling(self):
        """Find a receipt that the vault has settled twice, in its own log."""
        keys, settled, number = VaultClient(self._folder.socket), set(), 0
        while page := keys.log(number):
            number = page[-1].number
            for entry in page:
                if entry.action == "settle":
                    name = entry.details["meter"], entry.details["sequence"]
                    if name in settled:
                        raise Broken(DOUBLED, f"the receipt of token {name[1]} of meter {name[0]} was settled twice")
                    settled.add(name)
        self._tally.at_most("settled_in_a_life", len(settled))
