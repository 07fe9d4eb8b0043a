"""The standing of a meter with its customer: numbers that rules and tokens change, and that outlast every power cut.

term_until_s, dispenser_until_s, permit_until_s   end of a prepaid or permitted time; 0: there was none
ordered_open       1 while a head-end keeps the switch open
emergency_money, emergency_energy   emergency credit of a credit register: 0 not taken, 1 accepted, 2 used up; 0
                   again after it is repaid
cut_off            1 from the end of supply for want of credit until there is credit again
friendly_until_s   end of the friendly hours that delay this, 0 without such hours
friendly_since_s   time at which that delay began: under a term the time since then is owed
unconfirmed        1 while supply waits for a press of the button before it returns
tripped            1 while supply waits for a press of the button after too much power was drawn too often
shortage_level     0 none; a customer with a priority below the level has no supply
shortage_until_s   end of the shortage: from then on there is no level
power_trips        trips of the power limit in the series that counts, with the times of the first and the newest:
                   power_series_s, power_trip_s
openings_forgotten_s   time at which the last opening of the switch is forgotten, and rest_until_s, the end of the wait
                   before it closes again (see `core.guards.switch_rest`)
debt_microunits    debt from before; debt_recovered_microunits: total paid back
debt_week, debt_week_microunits   amount paid back in that week, counted from 1970
switch_order, shortage_order   token number of a head-end's newest order of that kind: an older order that comes
                   later, by another carrier, must not undo it
tenant             number of the tenant who owns the credit
receipt_...        receipt of the last refund, clearing or change of tenant: the token that asked for it, the card
                   and the tenant that it is for, the amounts, the debt that went with them, and the time left of a
                   term; the station pays it back, or sells it again, once
term_bought_s, term_taken_s   all time of a term that tokens brought, and that receipts took out; they only grow
debt_added_microunits, debt_reduced_microunits, debt_taken_microunits   all debt that tokens added, that tokens took
                   off, and that receipts took out; they only grow
card_in            1 while the newest key card (`money.known_cards`) is in the slot and pays
clock_until_s      the time that the clock does not pass before the ledger notes a later one (`money.clock_rules`)
clock_doubted      1 from a wrong time of the clock chip until a person or a token sets the clock
clock_moved        the moves of the clock without a token: the last local day with one, times 1,000, and the seconds
                   moved on it
demand_mwh         energy of the current month's half hour with the most, if the tariff has a price for it
share_day          the last local day that had a daily share, after a token set the clock far back; else 0

A name that ends in `_until_s` is an end on the meter's clock. `move_ends` moves all of them with the clock, and the
times from which a rule counts.
"""

from wattpurse.core.constant import const
from wattpurse.core.money.named_numbers import NamedNumbers

NO_EMERGENCY = 0
EMERGENCY_ACCEPTED = 1
EMERGENCY_USED = 2

SHORTAGE_LEVELS = const(9)

# A name without `const` would keep the whole table in memory.
_LATEST_S = const(4_291_747_199)  # that of `calendar`
_AMOUNT = const(1 << 62)
_WORD = const((1 << 32) - 1)
_TENANT = const((1 << 24) - 1)

# name, default, lowest, highest
TABLE = (
    ("term_until_s", 0, 0, _LATEST_S),
    ("dispenser_until_s", 0, 0, _LATEST_S),
    ("permit_until_s", 0, 0, _LATEST_S),
    ("ordered_open", 0, 0, 1),
    ("emergency_money", 0, 0, 2),
    ("cut_off", 0, 0, 1),
    ("unconfirmed", 0, 0, 1),
    ("tripped", 0, 0, 1),
    ("shortage_level", 0, 0, SHORTAGE_LEVELS),
    ("debt_microunits", 0, 0, 10**15),
    ("debt_recovered_microunits", 0, 0, _AMOUNT),
    ("debt_week", 0, 0, _WORD),
    ("debt_week_microunits", 0, 0, _AMOUNT),
    ("switch_order", 0, 0, _WORD),
    ("shortage_order", 0, 0, _WORD),
    ("tenant", 0, 0, _TENANT),
    ("receipt_sequence", 0, 0, _WORD),
    ("receipt_microunits", 0, -_AMOUNT, _AMOUNT),
    ("receipt_mwh", 0, -_AMOUNT, _AMOUNT),
    ("receipt_debt_microunits", 0, 0, 10**15),
    ("emergency_energy", 0, 0, 2),
    ("friendly_until_s", 0, 0, _LATEST_S),
    ("receipt_term_s", 0, 0, _WORD),
    ("card_in", 0, 0, 1),
    ("receipt_card", 0, 0, _WORD),
    ("receipt_tenant", 0, 0, _TENANT),
    ("term_bought_s", 0, 0, _AMOUNT),
    ("term_taken_s", 0, 0, _AMOUNT),
    ("debt_added_microunits", 0, 0, _AMOUNT),
    ("debt_reduced_microunits", 0, 0, _AMOUNT),
    ("debt_taken_microunits", 0, 0, _AMOUNT),
    ("shortage_until_s", 0, 0, _LATEST_S),
    ("friendly_since_s", 0, 0, _LATEST_S),
    ("power_trips", 0, 0, 100),
    ("power_series_s", 0, 0, _LATEST_S),
    ("power_trip_s", 0, 0, _LATEST_S),
    ("openings_forgotten_s", 0, 0, _LATEST_S),
    ("rest_until_s", 0, 0, _LATEST_S),
    ("clock_until_s", 0, 0, _LATEST_S),
    ("clock_doubted", 0, 0, 1),
    ("clock_moved", 0, 0, _WORD),
    ("share_day", 0, 0, _WORD),
    ("demand_mwh", 0, 0, (1 << 47) - 1),
)
_PLACES = {row[0]: place for place, row in enumerate(TABLE)}
# Times from which a rule counts. They move with the clock, as all ends do.
_BEGINNINGS = ("friendly_since_s", "power_series_s", "power_trip_s", "openings_forgotten_s")
# The orders of a head-end, and the standing number that keeps the token number of the newest one.
_NEWEST_ORDERS = {"ordered_open": "switch_order", "shortage_level": "shortage_order"}
_NEWEST_ORDERS_BY_PLACE = {_PLACES[name]: _NEWEST_ORDERS[name] for name in _NEWEST_ORDERS}


class Standing(NamedNumbers):
    """The standing numbers. `standing["emergency_money"]` reads one number; `set` changes one."""

    def __init__(self) -> None:
        super().__init__(TABLE, _PLACES, "standing number")

    def shortage_level_at(self, now_s: int) -> int:
        """Return the shortage level in force at `now_s`: 0 from the end of the shortage on."""
        return self["shortage_level"] if now_s < self["shortage_until_s"] else 0

    def newest_order(self, name: str) -> int:
        """Return the number of the token that last ordered `name`. An older order that comes later has no effect."""
        return self[_NEWEST_ORDERS[name]]

    def note_order(self, place: int, sequence: int) -> None:
        """Note that token `sequence` set the number at `place`, if that number is an order of a head-end."""
        keeper = _NEWEST_ORDERS_BY_PLACE.get(place)
        if keeper is not None:
            self.set(keeper, sequence)

    def move_ends(self, move_s: int) -> None:
        """Move every end and every beginning with the clock, which keeps all remaining times.

        No time passes LATEST_S.
        """
        for name in _PLACES:
            if self[name] and (name.endswith("_until_s") or name in _BEGINNINGS):
                self.set(name, max(1, min(self[name] + move_s, _LATEST_S)))

    @classmethod
    def unpack(cls, data: bytes, position: int) -> tuple:
        """Return `(standing, position behind it)` of the bytes at `position`. Raise ValueError for other bytes."""
        standing = cls()
        return standing, standing.take_packed(data, position)


def names() -> tuple:
    """Return the names of all numbers, in the order of their places."""
    return tuple(row[0] for row in TABLE)
