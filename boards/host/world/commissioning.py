"""Commissioning of a new simulated meter: keys of the station, typed at the service console."""

import time

from boards.host.board import IMPULSES_PER_KWH
from boards.host.cards.folder import CardFolder
from boards.host.world.state_folder import StateFolder
from boards.host.world.vending_desk import VendingDesk
from boards.host.world.world import World
from wattpurse.app import SERVICE_CARD_MINUTES, Meter
from wattpurse.core.money.contract import by_name
from wattpurse.core.tariffs.calendar import DAY_S, Zone
from wattpurse.core.text import time_text

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import LiveWorld


METER_NUMBER = 10_000_001
CONTRACT = "prepaid-money"
PULSE = "pulse"
CT = "ct"
CHIP = "chip"
PIN = "246810"
OFFICE = "office-data"
CARDS = "/cards"  # below the folder of the office
TARIFF_FILE = "tools/examples/tariff-household.toml"
CARD = "tenant"
CARD_KIND = "classic-1k"
FIRST_CREDIT = "5.00"

_START_LIMIT_S = 10
_GREETING_S = 2
_PERMIT_S = 2 * DAY_S
_NUMBERS_BETWEEN = 100  # two meters with the same contract are so many numbers apart
_NEW_CARD = "card new {card} --kind " + CARD_KIND + " --meter {meter}"
_NEW_KEY_CARD = "card new {card} --kind " + CARD_KIND + " --key-card --price 0.30 --allowance 1/day --user 12"


class Customer:
    """The customer of one meter: contract, number of the meter, and card.

    `new` makes the card and `first` is the first sale. Both are words of the `wattpurse` command with {card}, {meter}
    and {until} to be filled in.
    """

    def __init__(self, contract: str, meter_number: int, card: str, first: str, new: str = _NEW_CARD) -> None:
        self.contract = contract
        self.meter_number = meter_number
        self.card = card
        self.first = first
        self.new = new

    def facts(self) -> dict:
        """Return the facts that the folder of the meter keeps."""
        return {"contract": self.contract, "meter_number": self.meter_number, "card": self.card}

    def filled(self, words: str, now_s: int = 0) -> str:
        """Return words of a command with card, meter and time filled in.

        The time is two days after `now_s`, the meter's clock, or after the office's clock if that is later.
        """
        until = time_text(max(now_s, int(time.time())) + _PERMIT_S, Zone(0))
        return words.replace("{card}", self.card).replace("{meter}", str(self.meter_number)).replace("{until}", until)


# By contract: meter number, card, first sale, and how the card is made.
_CUSTOMERS = {
    CONTRACT: (METER_NUMBER, CARD, "card topup {card} --amount " + FIRST_CREDIT),
    "prepaid-energy": (10_000_012, "lodger", "card topup {card} --kwh 5"),
    "term": (10_000_013, "guest", "token {meter} days 1 --card {card}"),
    "dispenser": (10_000_014, "camper", "token {meter} dispense 20 5 7 --card {card}"),
    "key-card": (10_000_015, "student", "card topup {card} --amount " + FIRST_CREDIT, _NEW_KEY_CARD),
    "managed": (10_000_016, "room", "token {meter} permit {until} --card {card}"),
    "account": (10_000_017, "customer", "card topup {card} --amount " + FIRST_CREDIT),
}


def customer_of(contract: str) -> Customer:
    """Return the customer of a contract. Raises ValueError that lists the known contracts for any other."""
    by_name(contract)
    if contract not in _CUSTOMERS:
        raise ValueError(f"no simulated customer has the contract {contract}")
    return Customer(contract, *_CUSTOMERS[contract])


def customer_from(facts: dict) -> Customer:
    """Return the customer that the folder of a meter remembers."""
    customer = customer_of(facts["contract"])
    customer.meter_number, customer.card = facts["meter_number"], facts["card"]
    return customer


def further_customer(customer: Customer, cards: "CardFolder") -> Customer:
    """Return `customer`, with another number and card if there is a card of that name.

    A card of that name belongs to an earlier meter. A new meter with the same number would credit its tokens again.
    """
    names = cards.names()
    number, card = customer.meter_number, customer.card
    further = 1
    while customer.card in names:
        further += 1
        customer.meter_number = number + (further - 1) * _NUMBERS_BETWEEN
        customer.card = f"{card}-{further}"
    return customer


def commission(
    world: "LiveWorld",
    desk: "VendingDesk",
    meter_number: int = METER_NUMBER,
    contract: str = CONTRACT,
    front_end: str = PULSE,
) -> list:
    """Commission the blank meter of `world` with the keys of `desk`. Return the answer of the console.

    `front_end` is PULSE, CT for clamps at the converter, or CHIP for clamps at a metering chip.

    Raises OSError if the station refuses, ValueError if the meter does.
    """
    keys = desk.meter_keys(meter_number, contract)
    table = desk.tariff_table(TARIFF_FILE)
    calibration = str(IMPULSES_PER_KWH) if front_end == PULSE else front_end
    words = "commission", str(meter_number), keys["meter key"], keys["site key"], calibration, contract, PIN
    answer = world.type_line(" ".join(words + (table.hex(),)))
    if not answer[0].startswith("commissioned"):
        raise ValueError(answer[0])
    world.reset_board()
    if not world.run_until(lambda: world.account is not None, _START_LIMIT_S):
        raise ValueError("the meter does not start with its ledger")
    return answer


def fit_keypad(world: "LiveWorld", desk: "VendingDesk", meter_number: int) -> None:
    """Switch the keypad of a commissioned meter on, and let twenty digits credit up to 50.00, 100 kWh or 31 days.

    Raises OSError if the station refuses, ValueError if the meter does.
    """
    terms = [f"terms set short_token_limit_{name}" for name in ("microunits 50000000", "mwh 100000000", "days 31")]
    _await_greeting(world)
    for line in ["login " + PIN] + terms + ["keypad on", "logout"]:
        answer = world.type_line(line)
        if answer[0].startswith("refused"):
            raise ValueError(answer[0])
    world.reset_board()
    if not world.run_until(lambda: world.account is not None, _START_LIMIT_S):
        raise ValueError("the meter does not start with its keypad")
    desk.allow_digits(meter_number, "--amount 50 --kwh 100 --days 31")


def switch_readout_on(world: "LiveWorld") -> None:
    """Let the readout head of a commissioned meter answer. Raises ValueError if its PIN is another than that given."""
    _await_greeting(world)
    if world.type_line("readout")[0].endswith("on"):
        return
    world.type_line("login " + PIN)
    answer = world.type_line("readout on")
    if not answer[0].startswith("the readout head is on"):
        raise ValueError(f"{answer[0]}: start without --readout, and type 'readout on' at the console")
    world.reset_board()
    world.run_until(lambda: False, _START_LIMIT_S)


def meet_broker(world: World, broker: str) -> None:
    """Let a commissioned meter speak with a broker. Raises ValueError if the meter refuses it."""
    _await_greeting(world)
    world.meter.console.grant(SERVICE_CARD_MINUTES)  # pyright: ignore[reportOptionalMemberAccess]
    answer = world.type_line("mqtt broker " + broker)
    if not answer[0].startswith("the broker is"):
        raise ValueError(answer[0])


def _await_greeting(world: "LiveWorld") -> None:
    """Let the meter start. Its console greets then, and drops a line that was typed before."""
    world.run_until(lambda: False, _GREETING_S)
    if not world.run_until(lambda: world.account is not None, _START_LIMIT_S):
        raise ValueError("the meter does not start with its ledger")


def open_world(
    state_folder: str,
    cards_folder: str,
    desk_folder: str,
    seed: int,
    contract: str | None = None,
    front_end: str | None = None,
) -> tuple:
    """Return `(world, cards, state)` of the last run. A first run commissions the meter and makes a card.

    `contract` and `front_end` are those of a new meter. Raises ValueError if the folder holds a meter with another
    contract. A meter that was made before keeps its front end.
    """
    state = StateFolder(state_folder)
    try:
        desk = VendingDesk(desk_folder, cards_folder, state_folder)
        if state.rest is None:
            desk.open_office()  # it takes an empty folder, and the cards may lie in it later
        cards = CardFolder(cards_folder)
        if state.rest is not None:
            world = _last_world(state, contract, seed)
        else:
            world = _new_world(state, cards, desk, seed, contract, front_end or PULSE)
    except (OSError, ValueError):
        state.close()
        raise
    return world, cards, state


def settle_customer(state: StateFolder, contract: str | None, default: Customer) -> Customer:
    """Return the customer of the meter in `state`, and remember it there.

    `default` is the customer of a folder that does not name its own. Raises ValueError if `contract` is another one.
    """
    customer = default if state.customer is None else customer_from(state.customer)
    if contract is not None and contract != customer.contract:
        raise ValueError(
            f"the folder {state.path} has a meter with the contract {customer.contract}:"
            " leave out --contract, or name another folder with --state"
        )
    state.customer = customer.facts()
    return customer


def _last_world(state: StateFolder, contract: str | None, seed: int) -> World:
    settle_customer(state, contract, customer_of(contract or CONTRACT))
    rest = state.rest or {}
    world = World(Meter, rest["utc_s"], True, state.memory, seed)
    state.restore(world)
    return world


def _new_world(
    state: StateFolder, cards: CardFolder, desk: VendingDesk, seed: int, contract: str | None, front_end: str
) -> World:
    world = World(Meter, seed=seed)
    print("A new meter is commissioned and a card made for it, which takes some seconds ...")
    customer = further_customer(customer_of(contract or CONTRACT), cards)
    commission(world, desk, customer.meter_number, customer.contract, front_end)
    fit_keypad(world, desk, customer.meter_number)
    make_card(desk, customer, world.now_s())
    state.customer = customer.facts()
    state.save(world)
    return world


def make_card(desk: "VendingDesk", customer: Customer, now_s: int = 0) -> None:
    """Make a card for the meter's customer, and sell the first credit onto it."""
    desk.sell(customer.filled(customer.new))
    desk.sell(customer.filled(customer.first, now_s))
