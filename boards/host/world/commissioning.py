"""Commissioning of a new simulated meter: keys of the station, typed at the service console."""

from boards.host.board import IMPULSES_PER_KWH
from boards.host.cards.folder import CardFolder
from boards.host.world.state_folder import StateFolder
from boards.host.world.vending_desk import VendingDesk
from boards.host.world.world import World
from wattpurse.app import Meter
from wattpurse.core.money.contract import by_name
from wattpurse.core.tariffs.calendar import DAY_S, Zone
from wattpurse.core.text import time_text

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import LiveWorld


METER_NUMBER = 10_000_001
CONTRACT = "prepaid-money"
PIN = "246810"
TARIFF_FILE = "tools/examples/tariff-household.toml"
CARD = "tenant"
CARD_KIND = "classic-1k"
FIRST_CREDIT = "5.00"

_START_LIMIT_S = 10
_FIRST_PERMIT_S = 2 * DAY_S
_NEW_CARD = "card new {card} --kind " + CARD_KIND + " --meter {meter}"
_NEW_KEY_CARD = "card new {card} --kind " + CARD_KIND + " --key-card --price 0.30 --allowance 1/day --user 12"


class Customer:
    """The customer of one contract: meter number, card name, first sale, and a possible next order.

    `new` makes the card, `first` is the first sale and `following` the next order. All three are words of the
    `wattpurse` command with {card}, {meter} and {until} to be filled in. `hint` describes `following`.
    """

    def __init__(
        self, meter_number: int, card: str, first: str, hint: str, following: str, new: str = _NEW_CARD
    ) -> None:
        self.meter_number = meter_number
        self.card = card
        self.first = first
        self.hint = hint
        self.following = following
        self.new = new


# By contract: the fields of its Customer.
_CUSTOMERS = {
    CONTRACT: (
        METER_NUMBER,
        CARD,
        "card topup {card} --amount " + FIRST_CREDIT,
        "Top up in another terminal",
        "card topup {card} --amount 10",
    ),
    "prepaid-energy": (10_000_012, "lodger", "card topup {card} --kwh 5", "Sell more", "card topup {card} --kwh 10"),
    "term": (
        10_000_013,
        "guest",
        "token {meter} days 1 --card {card}",
        "Sell more",
        "token {meter} days 3 --card {card}",
    ),
    "dispenser": (
        10_000_014,
        "camper",
        "token {meter} dispense 20 5 7 --card {card}",
        "Sell more",
        "token {meter} dispense 20 5 7 --card {card}",
    ),
    "key-card": (
        10_000_015,
        "student",
        "card topup {card} --amount " + FIRST_CREDIT,
        "Sell more",
        "card topup {card} --amount 10",
        _NEW_KEY_CARD,
    ),
    "managed": (
        10_000_016,
        "room",
        "token {meter} permit {until} --card {card}",
        "Order",
        "token {meter} switch open --card {card}",
    ),
    "account": (
        10_000_017,
        "customer",
        "card topup {card} --amount " + FIRST_CREDIT,
        "Read the bill",
        "card read {card}",
    ),
}


def customer_of(contract: str) -> Customer:
    """Return the customer of a contract. Raises ValueError that lists the known contracts for any other."""
    by_name(contract)
    if contract not in _CUSTOMERS:
        raise ValueError(f"no simulated customer has the contract {contract}")
    return Customer(*_CUSTOMERS[contract])


def commission(
    world: "LiveWorld", desk: "VendingDesk", meter_number: int = METER_NUMBER, contract: str = CONTRACT
) -> list:
    """Commission the blank meter of `world` with the keys of `desk`. Return the answer of the console.

    Raises OSError if the station refuses, ValueError if the meter does.
    """
    keys = desk.meter_keys(meter_number)
    table = desk.tariff_table(TARIFF_FILE)
    words = "commission", str(meter_number), keys["meter key"], keys["site key"], str(IMPULSES_PER_KWH), contract, PIN
    answer = world.type_line(" ".join(words + (table.hex(),)))
    if not answer[0].startswith("commissioned"):
        raise ValueError(answer[0])
    world.reset_board()
    if not world.run_until(lambda: world.account is not None, _START_LIMIT_S):
        raise ValueError("the meter does not start with its ledger")
    return answer


def open_world(state_folder: str, cards_folder: str, desk_folder: str, seed: int, contract: str = CONTRACT) -> tuple:
    """Return `(world, cards, state)` of the last run. A first run commissions the meter and makes a card."""
    state = StateFolder(state_folder)
    cards = CardFolder(cards_folder)
    if state.rest is not None:
        world = World(Meter, state.rest["utc_s"], True, state.memory, seed)
        state.restore(world)
        return world, cards, state
    world = World(Meter, seed=seed)
    desk = VendingDesk(desk_folder, cards_folder, state_folder)
    print("A new meter is commissioned and a card made for it ...")
    customer = customer_of(contract)
    commission(world, desk, customer.meter_number, contract)
    make_card(desk, cards, customer.card, customer.meter_number, contract, world.now_s())
    state.save(world)
    return world, cards, state


def make_card(
    desk: "VendingDesk", cards: "CardFolder", name: str, meter_number: int, contract: str = CONTRACT, now_s: int = 0
) -> None:
    """Make a card for the meter's customer unless it exists, and sell the first credit onto it."""
    if name not in cards.names():
        desk.sell(_filled(customer_of(contract).new, name, meter_number))
    until = time_text(now_s + _FIRST_PERMIT_S, Zone(0))
    desk.sell(_filled(customer_of(contract).first, name, meter_number).replace("{until}", until))


def top_up_hint(
    _state_folder: str, cards_folder: str, desk_folder: str, card: str | None = None, contract: str = CONTRACT
) -> str:
    """Return a line that tells how to sell more onto the card from another terminal."""
    customer = customer_of(contract)
    words = _filled(customer.following, card or customer.card, customer.meter_number)
    hint = f"{customer.hint}: .venv/bin/wattpurse {words}"
    if cards_folder != "cards":
        hint += f" --cards {cards_folder}"
    if desk_folder != ".":
        hint += f" --keys {desk_folder}/keys.json --state {desk_folder}/station.db"
    return hint


def _filled(words: str, card: str, meter_number: int) -> str:
    return words.replace("{card}", card).replace("{meter}", str(meter_number))
