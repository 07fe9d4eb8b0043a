"""The supply desk: decides about supply with all that the meter knows, and journals the consequences.

The decision itself is in `core.money.supply` and `core.money.consent`. The desk gives them account, circumstances and
time.
"""

from wattpurse.core import carrier
from wattpurse.core.guards import switch_rest, tamper
from wattpurse.core.money import consent, supply, warning
from wattpurse.core.money.ledger_records import STANDING
from wattpurse.core.records import events

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.money.circumstances import Circumstances
    from wattpurse.services.key_slot import KeySlot
    from wattpurse.services.timekeeping import TimeKeeper
    from wattpurse.stores import Stores

_EVENTS_OF_A_START = 16


class SupplyDesk:
    """Works on `stores` (fault and ledger), `circumstances`, `timekeeper` and the slot for key cards, if there is
    one.
    """

    def __init__(
        self,
        stores: "Stores",
        circumstances: "Circumstances",
        timekeeper: "TimeKeeper",
        key_slot: "KeySlot | None" = None,
    ) -> None:
        self._stores = stores
        self._circumstances = circumstances
        self._timekeeper = timekeeper
        self._key_slot = key_slot
        self._was_on = None
        self._opened_s = None
        self._rest_until_s = None

    @property
    def rest_s(self) -> int:
        """Seconds until the switch may close again, after it opened often."""
        return self._rest_s_at(self._timekeeper.now_s())

    def decide(self) -> int:
        """Return the reason of supply that holds now."""
        return supply.decide(self._stores.ledger.account, self._stores.fault, self._now())

    def judge(self) -> int:
        """Journal the consequences of the decision, then return the reason of supply.

        Consequences are a cut-off or a wait for confirmation. Raises OSError when the ledger cannot be written.
        """
        account, fault = self._stores.ledger.account, self._stores.fault
        circumstances = self._now()
        if account is not None and fault == supply.ON:
            self._note_opening()
            for name, value in supply.latches(account, circumstances):
                self._set(name, value)
        reason = supply.decide(account, fault, circumstances)
        self._watch_opening(reason == supply.ON)
        return reason

    def press(self) -> bool:
        """Take a press of the button. Return True if it agreed to something.

        Raises OSError if the agreement cannot be journalled.
        """
        agreed = consent.asked(self._stores.ledger.account, self.decide())
        if agreed is None:
            return False
        name, value = agreed
        self._set(name, value)
        place = self._stores.ledger.account.standing.place(name)
        self._stores.events.note(events.AGREED, carrier.METER, self._timekeeper.now_s(), place, value)
        return True

    def trip(self, series: int) -> None:
        """Journal trip number `series` of the power limit, 0 for the last: from then on only the button reconnects.

        Raises OSError if it cannot be journalled.
        """
        if series == 0:
            self._set("tripped", 1)
        else:
            now_s = self._timekeeper.now_s()
            self._set("power_trip_s", now_s)
            if series == 1:
                self._set("power_series_s", now_s)
        self._set("power_trips", series)

    def warning_grade(self) -> int:
        """Return the grade of warning for the customer, see `core.money.warning`."""
        account = self._stores.ledger.account
        if account is None:
            return warning.NONE
        circumstances = self._now()
        circumstances.days_left = self.days_left()
        return warning.grade(account, circumstances)

    def days_left(self) -> int | None:
        """Return for how many days the credit lasts at the mean of the last seven.

        Returns None while no whole day is known, and if there is no amount that could run out.
        """
        account = self._stores.ledger.account
        left = account.contract.credit_left(account)
        if left is None:
            return None
        mean = self._stores.load_profile.mean_daily(account.contract.unit)
        return None if mean is None else warning.days_left(left, mean)

    def _watch_opening(self, is_on: bool) -> None:
        """Count an opening of the switch. It is journalled at the next decision, after the switch has opened."""
        account = self._stores.ledger.account
        if self._was_on is None and not is_on:
            self._was_on = self._was_on_before()
        if self._was_on and not is_on and account is not None:
            now_s = self._opened_s = self._timekeeper.now_s()
            forgotten_s = switch_rest.forgotten_after_opening_s(account.standing["openings_forgotten_s"], now_s)
            self._rest_until_s = now_s + switch_rest.wait_s(switch_rest.openings(forgotten_s, now_s))
        self._was_on = is_on

    def _was_on_before(self) -> bool:
        """Return True if supply was on when power failed, by the newest event of supply."""
        for event in self._stores.events.recent(_EVENTS_OF_A_START):
            if event.code == events.SUPPLY:
                return event.number == supply.ON
        return False

    def _note_opening(self) -> None:
        """Journal the opening that was counted last, with its wait, if there is one."""
        opened_s = self._opened_s
        if opened_s is None:
            return
        if self._rest_until_s > opened_s:
            self._set("rest_until_s", self._rest_until_s)
        forgotten_s = self._stores.ledger.account.standing["openings_forgotten_s"]
        self._set("openings_forgotten_s", switch_rest.forgotten_after_opening_s(forgotten_s, opened_s))
        self._opened_s = None

    def _now(self) -> "Circumstances":
        circumstances = self._circumstances
        circumstances.now_s = now_s = self._timekeeper.now_s()
        account = self._stores.ledger.account
        latched = self._stores.settings.get("tamper", 0)
        has_tamper = latched != 0 and account is not None
        circumstances.tamper_opens = has_tamper and tamper.opens_supply(latched, account.terms)
        circumstances.resting = self._rest_s_at(now_s) > 0
        circumstances.card = self._key_slot.card() if self._key_slot is not None else None
        return circumstances

    def _rest_s_at(self, now_s: int) -> int:
        account = self._stores.ledger.account
        if account is None:
            return 0
        until_s = account.standing["rest_until_s"] if self._rest_until_s is None else self._rest_until_s
        return switch_rest.left_s(until_s, now_s)

    def _set(self, name: str, value: int) -> None:
        self._stores.ledger.set_number(STANDING, name, value, self._timekeeper.now_s())
