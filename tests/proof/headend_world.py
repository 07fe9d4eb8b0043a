"""The world of a head-end: processes that are killed, a broker and a network that misbehave, the book of the payers."""

import hashlib
import hmac
import json
import time

from django.db import connection, connections, transaction

from tests import office_of_tests
from tests.office_of_tests import MANAGER, PASSPHRASE, PINS, SECOND
from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from wattpurse.core.messages import mqtt
from wattpurse.services.mqtt.inbox import HELD
from wattpurse_tools.fleet.chips import PowerCut
from wattpurse_tools.headend import charging, delivery, engine, ingest, outbox, payments, senders
from wattpurse_tools.headend.providers import stripe
from wattpurse_tools.headend.providers.notices import Forged
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.trials import PRICES_MICROUNITS
from wattpurse_tools.record.models import Command, Price, Site, Token
from wattpurse_tools.record.office_folder import open_record
from wattpurse_tools.rehearsal import site
from wattpurse_tools.rehearsal.judge import LATE_S, judge
from wattpurse_tools.rehearsal.payers import PROVIDER, Paid
from wattpurse_tools.vault.engine import Vault

HOUR_S = 3_600
DAY_S = 86_400
UNIT = 1_000_000
PERMIT_S = 30 * HOUR_S

_SECRET = "whsec_of_the_proof"
_OPEN = ("waiting", "sent")


class Killed(BaseException):
    """The process dies here. No handler of the program may take it for a fault that it can go on from."""


class Guillotine:
    """Kills the process that works at its `calls`-th call of the database or of the vault from now, if ever."""

    def __init__(self):
        self.calls = None

    def plan(self, calls):
        """Kill at the `calls`-th call."""
        self.calls = calls

    def fall(self):
        """Count a call."""
        if self.calls is None:
            return
        self.calls -= 1
        if self.calls <= 0:
            self.calls = None
            raise Killed

    def __call__(self, execute, sql, params, many, context):
        """Run a statement of the database, and die before it or after it."""
        self.fall()
        done = execute(sql, params, many, context)
        self.fall()
        return done


class MortalKeys:
    """The vault, as a process calls it that may die before the call or after it. The vault itself goes on."""

    def __init__(self, keys, guillotine):
        self._keys = keys
        self._guillotine = guillotine

    def __getattr__(self, name):
        found = getattr(self._keys, name)
        if not callable(found):
            return found

        def call(*arguments, **named):
            self._guillotine.fall()
            done = found(*arguments, **named)
            self._guillotine.fall()
            return done

        return call


class Post:
    """The way to the customers: it knows each message that it has ever taken. Some senders die right after that."""

    def __init__(self, random):
        self.sent = set()
        self.twice = []
        self.is_deadly = True
        self._random = random

    def send(self, message, _now_s):
        """Take a message once."""
        if message.pk in self.sent:  # the sender takes any exception for an outcome, so the judge raises it
            self.twice.append(f"{message.kind} to {message.address}")
        self.sent.add(message.pk)
        if self.is_deadly and self._random.random() < 0.5:
            raise Killed
        return delivery.Outcome(outbox.SENT)


class Message:
    """A message in the inbox of a meter."""

    receipt = b""

    def __init__(self, topic, payload):
        self.sent = topic, payload
        self.topic = topic.encode()
        self.payload = payload


class Broker:
    """The queues of a broker: messages for the head-end and for each meter. Each waits until it is acknowledged."""

    def __init__(self, random):
        self.up = []
        self.down = {}
        self._random = random

    def publish(self, messages):
        """Take messages for meters."""
        for topic, payload in messages:
            number, _ = mqtt.parse_topic(topic)
            self.down.setdefault(number, []).append((topic, payload))

    def some(self, queue):
        """Return some messages of a queue in any order, some of them twice."""
        chosen = [one for one in queue if self._random.random() < 0.8]
        chosen += [one for one in chosen if self._random.random() < 0.2]
        self._random.shuffle(chosen)
        return chosen

    def forget(self):
        """Lose the messages for meters, as a broker does that is killed between two savings."""
        self.down = {}


class HeadendWorld:
    """An office copied from a template, its vault, its meters and its broker, for a `with` block."""

    meters = 5
    steps = 30
    every_minutes = 480
    work_off_rounds = 60
    quiet_rounds = 3  # meters that were switched on at the end are charged too

    def __init__(self, random, template, place, tally):
        self._random = random
        self._tally = tally
        self._folder = office_of_tests.copy_office(office_of_tests.OfficeFolder(template), place)
        self._guillotine = Guillotine()
        self._broker = Broker(random)
        self._real_time = time.time
        self.now_s = (int(time.time()) // DAY_S + 1) * DAY_S
        self.paid = []
        self.post = Post(random)
        self._told = []
        self._wrong_clocks = set()
        self._is_network_there = True
        self._signed_on = {}

    def __enter__(self):
        time.time = lambda: float(self.now_s)
        open_record(self._folder)
        self._open_vault()
        currency = Site.objects.get().currency
        for what, gross_microunits in PRICES_MICROUNITS.items():
            Price.objects.create(what=what, currency=currency, gross_microunits=gross_microunits, from_s=0)
        self.places = site.build(self._office, self._actor(), self.meters, self.now_s, PERMIT_S, self.every_minutes)
        return self

    def __exit__(self, *_):
        time.time = self._real_time
        connections.close_all()
        self._close_vault()

    def _open_vault(self):
        self._vault = Vault.open(self._folder.vault, PASSPHRASE)
        self._office = Office(self._folder, MortalKeys(self._vault, self._guillotine))

    def _close_vault(self):
        self._vault.close()

    # Life

    def live(self, steps):
        """Let some days pass, with faults."""
        for _ in range(steps):
            self._pass(self._random.choice((HOUR_S // 4, HOUR_S, 3 * HOUR_S, 9 * HOUR_S)))
            for one in self._random.sample(self._deeds(), 5):
                one()

    def work_off(self):
        """End all faults, and let everything be worked off."""
        self.post.is_deadly = False
        self._is_network_there = True
        for place in self.places:
            place.meter.flash.operations_to_cut = None
            if not place.meter.is_powered:
                place.meter.start()
        quiet = 0
        for _ in range(self.work_off_rounds):
            self._pass(4 * HOUR_S)
            work = (
                self._work_payments,
                self._run_engine,
                self._send,
                self._visit_all,
                self._ingest,
                self._run_engine,
                self._write,
            )
            for one in work:
                one(is_mortal=False)
            quiet += self._is_quiet()
            if quiet == self.quiet_rounds:
                return
        raise Broken(LOST, f"after {self.work_off_rounds} rounds: {self._unsettled()}")

    def judge(self):
        """Compare meters, record and ledger with the payers' book, and look for messages that were sent twice."""
        if self.post.twice:
            raise Broken(DOUBLED, f"a message was sent twice: {self.post.twice[0]}")
        actor, clocks = self._actor(SECOND), self._wrong_clocks
        verdict = judge(self._office, actor, self.places, self.paid, PRICES_MICROUNITS, wrong_clocks=clocks)
        if verdict.findings:
            raise Broken(BROKEN_RULES, "; ".join(verdict.findings[:6]))
        self._tally.add("payments", len(self.paid))
        self._tally.add("messages", len(self.post.sent))

    def _deeds(self):
        return [
            self._pay,
            self._tell_again,
            self._forge,
            self._work_payments,
            self._run_engine,
            self._send,
            self._visit_all,
            self._ingest,
            self._ingest,
            self._run_engine,
            self._upset,
            self._write,
            self._write,
        ]

    def _pass(self, seconds):
        self.now_s += seconds
        for place in self.places:
            meter = place.meter
            meter.live_until(self.now_s)
            self._look(meter)

    def _look(self, meter):
        """Judge supply at this moment, by the meter's own clock, which may be wrong."""
        is_lit = meter.is_powered and meter.contact.is_closed
        if is_lit and meter.identity.contract == "managed" and meter.timekeeper.now_s() > meter.permit_until_s + LATE_S:
            raise Broken(BROKEN_RULES, f"meter {meter.number} is lit after the end of its permit")

    def _upset(self):
        """Let something fail: the network, the broker, the power or the clock chip of a meter."""
        meter = self._random.choice(self.places).meter
        what = self._random.randrange(5)
        self._tally.faults += 1
        if what == 0:
            self._is_network_there = not self._is_network_there
        elif what == 1:
            self._forget()
        elif what == 2 and meter.is_powered:
            meter.cut_power()
        elif what == 3 and meter.is_powered:
            meter.flash.operations_to_cut = self._random.randrange(1, 30)
        else:
            self._wrong_clocks.add(meter.number)
            lead_s = meter.crystal.lead_s + self._random.choice((-40 * DAY_S, -HOUR_S, -30, 30, HOUR_S, 40 * DAY_S))
            # Between the two, statements are in the record, and an account waits for their time.
            if not charging.AHEAD_S < lead_s <= ingest.AHEAD_S:
                meter.crystal.lead_s = lead_s
        if not meter.is_powered and self._random.random() < 0.7:
            meter.start()

    def _forget(self):
        self._broker.forget()

    # Processes

    def _mortally(self, work, is_mortal):
        """Let a process work, and kill it at some call. Return True if it came to its end."""
        if is_mortal and self._random.random() < 0.6:
            self._guillotine.plan(self._random.randrange(1, self._random.choice((12, 60, 300))))
        try:
            with connection.execute_wrapper(self._guillotine):
                work()
        except Killed:
            self._tally.faults += 1
            connection.close()  # the next process has a connection of its own
            return False
        finally:
            self._guillotine.calls = None
        return True

    def _actor(self, operator=MANAGER):
        """Return a person who has signed on in this moment."""
        at = (operator, self.now_s)
        if at not in self._signed_on:  # the hash of a PIN is slow
            self._signed_on = {at: Actor.of(self._vault.sign_on(operator, PINS[operator]))}
        return self._signed_on[at]

    def _run_engine(self, is_mortal=True):
        actor = self._actor()
        self._mortally(lambda: engine.run_round(self._office, actor, self.now_s), is_mortal)

    def _work_payments(self, is_mortal=True):
        actor = self._actor()
        self._mortally(lambda: payments.work(self._office, actor, self.now_s), is_mortal)

    def _send(self, is_mortal=True):
        if self._is_network_there:
            self._mortally(lambda: senders.send_round(self._broker.publish, self.now_s), is_mortal)

    def _write(self, is_mortal=True):
        """Let the sender write to customers."""
        ways = {outbox.MAIL: self.post, outbox.SMS: self.post}
        self._mortally(lambda: delivery.run_round(self.now_s, ways), is_mortal)

    def _ingest(self, is_mortal=True):
        """Take a batch. It is acknowledged if the worker came to its end, and even then it may come once more."""
        batch = self._broker.some(self._broker.up) if is_mortal else list(self._broker.up)
        if not batch or not self._is_network_there:
            return
        is_done = self._mortally(lambda: ingest.take(self._office, batch, self.now_s), is_mortal)
        if is_done and (not is_mortal or self._random.random() < 0.8):
            self._broker.up = [one for one in self._broker.up if one not in batch]

    # Meters

    def _visit_all(self, is_mortal=True):
        if not self._is_network_there:
            return
        for place in self.places:
            if place.meter.is_powered:
                try:
                    self._visit(place.meter, is_mortal)
                except PowerCut:
                    self._tally.faults += 1
                    place.meter.cut_power()

    def _visit(self, meter, is_mortal):
        """Let a meter take its messages, and publish."""
        queue = self._broker.down.get(meter.number, [])
        messages = self._broker.some(queue) if is_mortal else list(queue)
        for one in messages[:HELD]:
            meter.inbox.take(Message(*one), True)
        accepted = meter.inbox.accepted
        while meter.inbox.step() != (None, 0):
            receipt, message = meter.inbox.first()
            if receipt is not None:
                self._broker.up.append((mqtt.topic(meter.number, receipt.name), receipt.payload))
                meter.inbox.delivered(receipt)
                if message.sent in queue and self._random.random() < 0.9:
                    queue.remove(message.sent)
        if accepted != meter.inbox.accepted:
            meter.publisher.token_taken()
        meter.act()
        while (publication := meter.publisher.first()) is not None:
            self._broker.up.append((mqtt.topic(meter.number, publication.name), publication.payload))
            meter.publisher.delivered(publication)
        self._look(meter)

    # Payers

    def _pay(self):
        """Let a customer pay. The provider tells it now or later."""
        place = self._random.choice(self.places)
        is_known = self._random.random() < 0.9
        amount = self._random.choice((3, 6, 9, 12)) * UNIT
        one = Paid(f"pi_{len(self.paid):04}", amount, place.number if is_known else None)
        self.paid.append(one)
        body = self._event(one.number, one.microunits, str(place.number) if is_known else "77777777")
        self._told.append(body)
        self._hook(body, _SECRET)

    def _tell_again(self):
        """Tell an old payment once more, as a provider does that has seen no answer."""
        if self._told:
            self._hook(self._random.choice(self._told), _SECRET)

    def _forge(self):
        """Send a payment that nobody has made."""
        self._tally.add("forgeries")
        body = self._event("pi_forged", 50 * UNIT, str(self.places[0].number))
        secret = "whsec_of_a_thief"
        if self._told and self._random.random() < 0.5:
            body = self._random.choice(self._told).replace(b'"amount_received": ', b'"amount_received": 9')
        try:
            self._hook(body, secret)
        except Forged:
            return
        raise Broken(DOUBLED, "a forged payment was recorded")

    def _event(self, number, microunits, reference):
        intent = {"id": number, "amount_received": microunits // 10_000, "currency": "eur", "description": reference}
        event = {"type": "payment_intent.succeeded", "created": self.now_s, "data": {"object": intent}}
        return json.dumps(event).encode()

    def _hook(self, body, secret):
        """Take a web hook, as the page does. It is killed now and then, and the provider tells the payment again."""
        signature = hmac.new(secret.encode(), b"%d." % self.now_s + body, hashlib.sha256).hexdigest()

        def work():
            stripe.verify(body, f"t={self.now_s},v1={signature}", (_SECRET,), self.now_s)
            notice = stripe.notice_of(body)
            with transaction.atomic():
                notice.record(PROVIDER, body.decode(), self.now_s)

        while not self._mortally(work, is_mortal=True):
            self._tally.add("hooks_told_again")

    # The end

    def _is_quiet(self):
        return not (self._broker.up or any(self._broker.down.values()) or self._unsettled())

    def _unsettled(self):
        """Name orders and tokens that are not settled. A token may have no statement yet."""
        rows = Command.objects.filter(state__in=_OPEN).values_list("wish", "meter_id", "state", "outcome", "tries")
        found = [f"{wish} of meter {meter}: {rest}" for wish, meter, *rest in rows]
        if tokens := Token.objects.filter(sale__isnull=False).exclude(state="redeemed").count():
            found.append(f"{tokens} sold tokens are not redeemed")
        return ", ".join(found)
