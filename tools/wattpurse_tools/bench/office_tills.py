"""Tills that sell and people who look at pages, each kind in processes of its own, as at an office of many shops."""

import multiprocessing
import random
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from multiprocessing.context import ForkProcess
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event

from django.db import connections
from django.test import Client
from django.urls import reverse
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from wattpurse_tools.bench.office_rows import FIRST_METER
from wattpurse_tools.office import sales
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.sale_types import DIGITS, MONEY, SaleRequest, Wish
from wattpurse_tools.pages import office_in_use
from wattpurse_tools.record.models import User
from wattpurse_tools.record.office_folder import OfficeFolder, open_record
from wattpurse_tools.vault.client import VaultClient

PIN = "246802"
PASSWORD = "four words on paper"
FIRST_CASHIER = 101
AMOUNT = 20_000_000
PAGES = ("customers", "places", "meters", "cards", "tariffs", "approvals", "audit")

Result = tuple[list[float], list[str]]

_AFTER = re.compile(rb"[?&;]after=(\w+)")
_LISTED = 2  # the first queries show the whole list
_PROCESSES = 4
_TILLS = 5  # in each process
_PAUSE_S = 3.0


@dataclass
class Sold:
    """The times of sales in milliseconds, and the words of those that failed."""

    times_ms: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def sell_while(folder: OfficeFolder, customers: int, work: Callable[[], dict[str, list[float]]]) -> tuple[Sold, dict]:
    """Let 20 tills sell, each a sale every three seconds, while `work` is done. Return the sales and its result."""
    context = multiprocessing.get_context("fork")
    stop, queue = context.Event(), context.Queue()
    connections.close_all()
    tills = [
        context.Process(target=_tills, args=(folder, number, customers, stop, queue)) for number in range(_PROCESSES)
    ]
    for one in tills:
        one.start()
    try:
        time.sleep(2 * _PAUSE_S)
        result = work()
    finally:
        stop.set()
    return _gathered(tills, queue, 60), result


def sell_at_once(folder: OfficeFolder, customers: int, each: int) -> Sold:
    """Let 4 processes sell as fast as they can, `each` sales. Every fourth sale is asked for twice."""
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    connections.close_all()
    sellers = [
        context.Process(target=_seller, args=(folder, number, customers, each, queue)) for number in range(_PROCESSES)
    ]
    for one in sellers:
        one.start()
    return _gathered(sellers, queue, 600)


def _gathered(sellers: "Sequence[ForkProcess]", queue: "Queue[Result]", timeout_s: float) -> Sold:
    """Return the sales of all processes, once they have ended."""
    found = Sold()
    for _ in sellers:
        times_ms, failed = queue.get(timeout=timeout_s)
        found.times_ms += times_ms
        found.failed += failed
    for one in sellers:
        one.join()
    return found


class Visitor:
    """A manager who is logged in to the pages of an office, served in this process."""

    def __init__(self, office: Office) -> None:
        office_in_use.use(office)
        self._client = Client()
        manager = User.objects.get(operator=1)
        device, _ = TOTPDevice.objects.get_or_create(user=manager, name="app", defaults={"confirmed": True})
        self._client.post("/login", {"name": manager.username, "password": PASSWORD, "pin": PIN})
        answer = self._client.post("/login/code", {"code": f"{totp(device.bin_key):06}"})
        if answer.status_code != HTTPStatus.FOUND:
            raise ValueError("the manager cannot log in")

    def look(self, rounds: int, customers: int) -> dict[str, list[float]]:
        """Return the times of each list page in milliseconds: first page, further pages, and searches.

        A further page continues after the key that the page before names in its link.
        """
        times: dict[str, list[float]] = {}
        following: dict[str, str] = {}
        chosen = random.Random(1)
        for turn in range(rounds + 1):
            for name in PAGES:
                number = chosen.randrange(customers)
                query = (
                    {},
                    {"after": following[name]} if name in following else {},
                    {"q": f"Customer {number}"},
                    {"q": str(FIRST_METER + number)},
                )
                began = time.monotonic()
                answer = self._client.get(reverse(name), query[turn % len(query)])
                spent_ms = (time.monotonic() - began) * 1000
                if answer.status_code != HTTPStatus.OK:
                    raise ValueError(f"page {name}: status {answer.status_code}")
                link = _AFTER.search(answer.content)
                if link is not None and turn % len(query) < _LISTED:
                    following[name] = link[1].decode()
                if turn:  # the first round reads templates
                    times.setdefault(name, []).append(spent_ms)
        return times


def open_till(folder: OfficeFolder, till: int) -> "Till":
    """Sign on the cashier of a till, counted from 0, and open its shift, unless it is open."""
    from wattpurse_tools.office import shifts
    from wattpurse_tools.record.models import Till as TillRow

    keys = VaultClient(folder.socket)
    session = keys.sign_on(FIRST_CASHIER + till, PIN)
    cashier = Actor.of(session, till + 1)
    office = Office(folder, keys)
    place = TillRow.objects.select_related("shop").get(pk=till + 1)
    shift = shifts.open_or_running_shift(office, cashier, place)
    return Till(office, cashier, shift.pk)


@dataclass(frozen=True)
class Till:
    """A till with its cashier and an open shift."""

    office: Office
    cashier: Actor
    shift: int

    def sell(self, key: str, customer: int, found: Sold) -> None:
        """Sell to a customer's meter, and note the time, or the words of a failure."""
        wish = Wish(MONEY, gross_microunits=AMOUNT)
        request = SaleRequest(key, self.shift, FIRST_METER + customer, "", DIGITS, wish)
        began = time.monotonic()
        try:
            sales.sell(self.office, self.cashier, request)
            found.times_ms.append((time.monotonic() - began) * 1000)
        except Exception as error:  # every failure of a sale is a figure
            found.failed.append(f"{type(error).__name__}: {error}")


def _tills(folder: OfficeFolder, process: int, customers: int, stop: Event, queue: "Queue[Result]") -> None:
    """Run the tills of a process as threads, as the pages' server does."""
    open_record(folder)
    found = Sold()
    threads = [
        threading.Thread(target=_till, args=(folder, process * _TILLS + number, customers, stop, found))
        for number in range(_TILLS)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    queue.put((found.times_ms, found.failed))


def _till(folder: OfficeFolder, number: int, customers: int, stop: Event, found: Sold) -> None:
    chosen = random.Random(number)
    till = open_till(folder, number)
    stop.wait(chosen.random() * _PAUSE_S)
    while not stop.is_set():
        till.sell(f"till-{number}-{time.time_ns()}", chosen.randrange(customers), found)
        stop.wait(_PAUSE_S * (0.5 + chosen.random()))
    connections.close_all()


def _seller(folder: OfficeFolder, process: int, customers: int, each: int, queue: "Queue[Result]") -> None:
    open_record(folder)
    chosen, found = random.Random(100 + process), Sold()
    till = open_till(folder, process)
    for number in range(each):
        key, customer = f"seller-{process}-{number}", chosen.randrange(customers)
        till.sell(key, customer, found)
        if number % 4 == 0:
            till.sell(key, customer, Sold(failed=found.failed))
    queue.put((found.times_ms, found.failed))
    connections.close_all()
