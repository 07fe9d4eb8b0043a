"""The next step of a person at the simulated meter, by the state of the meter."""

from boards.host.world.commissioning import CARDS, CONTRACT, OFFICE, PIN
from wattpurse.core.money import supply

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import LiveWorld
    from boards.host.world.commissioning import Customer


_TOP_UP = ("Top up in another terminal", "card topup {card} --amount 10")
_PERMIT = ("Permit supply for two days", "token {meter} permit {until} --card {card}")
_CLOSE = ("Order supply on", "token {meter} switch close --card {card}")

# By contract: the next order to the station, as words for people and words of the command.
_ORDERS = {
    CONTRACT: _TOP_UP,
    "prepaid-energy": ("Sell more", "card topup {card} --kwh 10"),
    "term": ("Sell more", "token {meter} days 3 --card {card}"),
    "dispenser": ("Sell more", "token {meter} dispense 20 5 7 --card {card}"),
    "key-card": _TOP_UP,
    "managed": ("Order supply off", "token {meter} switch open --card {card}"),
    "account": ("Tap the card (1), take it away and read the bill", "card read {card}"),
}

_CODE = "docs/display.md explains the code on the display"
_STEPS = {
    supply.NOT_COMMISSIONED: _CODE,
    supply.LEDGER_UNREADABLE: _CODE,
    supply.FAULT: _CODE,
    supply.DAILY_LIMIT: "The maximum of the day is used: supply returns at midnight, > lets time run faster",
    supply.NO_CARD: "The meter needs its key card: 1 puts {card} on the reader",
    supply.CARD_UNREADABLE: "This card cannot pay here: 0 takes it away, 1 puts {card} on the reader",
    supply.SHORTAGE: "The station ordered a shortage: `wattpurse token shortage --help` explains its end",
    supply.POWER_LIMIT: "Too much power was drawn: - lowers the load; supply returns, if need be after a press (space)",
    supply.RESTORING: "Supply returns by itself some time after the mains",
    supply.UNCONFIRMED: "The meter waits for its button: space presses it",
}
_SENSORS = ("cover", "magnet", "reverse_flow")


class Guide:
    """The next step for `customer`. The office is in `desk_folder`, and its cards in `cards_folder`."""

    def __init__(self, customer: "Customer", cards_folder: str, desk_folder: str) -> None:
        self.card = customer.card
        self._customer = customer
        self._options = "" if desk_folder == OFFICE else f" --office {desk_folder}"
        if cards_folder != desk_folder + CARDS:
            self._options += f" --cards {cards_folder}"

    def hint(self, world: "LiveWorld", card_on_reader: str | None) -> str:
        """Return one or two sentences about the next step."""
        meter, account = world.meter, world.account
        if not world.mains_on or meter is None:
            return "" if world.mains_on else "The mains are cut: m restores them"
        reason = meter.decide()
        if reason == supply.TAMPER:
            return _tamper_step(world)
        if reason in _STEPS:
            return self._customer.filled(_STEPS[reason])
        if account is not None and not account.tokens.issuers() and reason != supply.ON:
            return self._first_step(card_on_reader)
        return self._order(reason, world.now_s(), card_on_reader)

    def _first_step(self, card_on_reader: str | None) -> str:
        if card_on_reader == self.card:
            return "The meter reads the card"
        return f"The card {self.card} brings the first credit or permit: 1 puts it on the reader"

    def _order(self, reason: int, now_s: int, card_on_reader: str | None) -> str:
        """Return the next order to the station. The station refuses a card that is on the reader."""
        words, command = _ORDERS[self._customer.contract]
        if reason == supply.ORDERED_OFF:
            words, command = _CLOSE
        elif reason == supply.EXPIRED and self._customer.contract == "managed":
            words, command = _PERMIT
        away = "0 takes the card away. " if card_on_reader == self.card else ""
        return f"{away}{words}: .venv/bin/wattpurse {self._customer.filled(command, now_s)}{self._options}"


def _tamper_step(world: "LiveWorld") -> str:
    if [name for name in _SENSORS if getattr(world.hardware, name).senses]:
        return "A tamper sensor is active: o, g and v end tampering"
    return f"A technician resets tamper: c opens the console, then `login {PIN}` and `reset-tamper`"
