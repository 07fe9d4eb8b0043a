"""A new simulated meter made to work as a technician does it: keys from the station, typed at the service console."""

from boards.host.board import IMPULSES_PER_KWH
from boards.host.card_folder import CardFolder
from boards.host.state_folder import StateFolder
from boards.host.vending_desk import VendingDesk
from boards.host.world import World
from wattpurse.app import Meter

METER_NUMBER = 10_000_001
CONTRACT = "prepaid-money"
PIN = "246810"
TARIFF_FILE = "tools/examples/tariff-household.toml"
CARD = "tenant"
CARD_KIND = "classic-1k"
FIRST_CREDIT = "5.00"

_START_LIMIT_S = 10


def commission(world, desk, meter_number: int = METER_NUMBER) -> list:
    """Commission the blank meter of `world` with the keys of `desk` (VendingDesk); what the console answered.

    Raises OSError if the station refuses, ValueError if the meter does.
    """
    keys = desk.meter_keys(meter_number)
    table = desk.tariff_table(TARIFF_FILE)
    words = "commission", str(meter_number), keys["meter key"], keys["site key"], str(IMPULSES_PER_KWH), CONTRACT, PIN
    answer = world.type_line(" ".join(words + (table.hex(),)))
    if not answer[0].startswith("commissioned"):
        raise ValueError(answer[0])
    world.reset_board()
    if not world.run_until(lambda: world.account is not None, _START_LIMIT_S):
        raise ValueError("the meter does not start with its ledger")
    return answer


def open_world(state_folder: str, cards_folder: str, desk_folder: str, seed: int) -> tuple:
    """`(world, cards, state)` as the last run left them; a first run commissions the meter and makes a card."""
    state = StateFolder(state_folder)
    cards = CardFolder(cards_folder)
    if state.rest is not None:
        world = World(Meter, state.rest["utc_s"], True, state.memory, seed)
        state.restore(world)
        return world, cards, state
    world = World(Meter, seed=seed)
    desk = VendingDesk(desk_folder, cards_folder, state_folder)
    print("A new meter is commissioned and a card made for it ...")
    commission(world, desk)
    make_card(desk, cards, CARD, METER_NUMBER)
    state.save(world)
    return world, cards, state


def make_card(desk, cards, name: str, meter_number: int):
    """A card for the meter's customer, with some credit on it; one that is there is only topped up."""
    if name not in cards.names():
        desk.new_card(name, CARD_KIND, meter_number)
    desk.top_up(name, FIRST_CREDIT)


def top_up_hint(_state_folder: str, cards_folder: str, desk_folder: str, card: str = CARD) -> str:
    """How to top up the card from another terminal, said in one line."""
    hint = f"Top up in another terminal: .venv/bin/wattpurse card topup {card} --amount 10"
    if cards_folder != "cards":
        hint += f" --cards {cards_folder}"
    if desk_folder != ".":
        hint += f" --keys {desk_folder}/keys.json --state {desk_folder}/station.db"
    return hint
