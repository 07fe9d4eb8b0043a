"""Where a meter stands with its customer: numbers that rules and tokens change, and that outlast every power cut.

term_until_s, dispenser_until_s, permit_until_s   what was bought or permitted ends then; 0: nothing was
ordered_open       1 while a head-end keeps the switch open
emergency_money, emergency_energy   of either purse: 0 not taken, 1 accepted, 2 used up; 0 again when it is repaid
cut_off            1 from when supply ends for want of credit until there is credit again
friendly_until_s   end of the friendly hours that put this off, 0 where none do
unconfirmed        1 while someone has yet to press the button before supply returns
tripped            1 while someone has yet to press the button after too much power was drawn too often
shortage_level     0 none; who has less priority than the level goes without
debt_microunits    owed from before; debt_recovered_microunits: paid back ever
debt_week, debt_week_microunits   what was paid back in that week, counted from 1970
switch_order, shortage_order   number of a head-end's newest order of either kind: an older one that comes later, by
                   another way, must not undo it
tenant             whose credit it is
receipt_...        what the last refund, clearing or change of tenant took out: the token that asked for it, the
                   amounts, the debt that went with them, and the time that was left of a term; the station pays it
                   back, or sells it anew, once
card_in            1 while the newest key card (core.known_cards) is in the slot and pays for what is used
"""

from wattpurse.core.money.named_numbers import NamedNumbers

NO_EMERGENCY = 0
EMERGENCY_ACCEPTED = 1
EMERGENCY_USED = 2

SHORTAGE_LEVELS = 9

_AMOUNT = 1 << 62
_TIME = (1 << 32) - 1

# name, default, lowest, highest
_TABLE = (
    ("term_until_s", 0, 0, _TIME),
    ("dispenser_until_s", 0, 0, _TIME),
    ("permit_until_s", 0, 0, _TIME),
    ("ordered_open", 0, 0, 1),
    ("emergency_money", 0, 0, 2),
    ("cut_off", 0, 0, 1),
    ("unconfirmed", 0, 0, 1),
    ("tripped", 0, 0, 1),
    ("shortage_level", 0, 0, SHORTAGE_LEVELS),
    ("debt_microunits", 0, 0, 10**15),
    ("debt_recovered_microunits", 0, 0, _AMOUNT),
    ("debt_week", 0, 0, _TIME),
    ("debt_week_microunits", 0, 0, _AMOUNT),
    ("switch_order", 0, 0, _TIME),
    ("shortage_order", 0, 0, _TIME),
    ("tenant", 0, 0, _TIME),
    ("receipt_sequence", 0, 0, _TIME),
    ("receipt_microunits", 0, -_AMOUNT, _AMOUNT),
    ("receipt_mwh", 0, -_AMOUNT, _AMOUNT),
    ("receipt_debt_microunits", 0, 0, 10**15),
    ("emergency_energy", 0, 0, 2),
    ("friendly_until_s", 0, 0, _TIME),
    ("receipt_term_s", 0, 0, _TIME),
    ("card_in", 0, 0, 1),
)
_PLACES = {row[0]: place for place, row in enumerate(_TABLE)}
# What a head-end orders, and where the number of the newest such order is kept.
_NEWEST_ORDERS = {"ordered_open": "switch_order", "shortage_level": "shortage_order"}
_NEWEST_ORDERS_BY_PLACE = {_PLACES[name]: _NEWEST_ORDERS[name] for name in _NEWEST_ORDERS}


class Standing(NamedNumbers):
    """`standing["emergency_money"]` reads one number; `set` changes one."""

    def __init__(self) -> None:
        super().__init__(_TABLE, _PLACES, "standing number")

    def newest_order(self, name: str) -> int:
        """Number of the token that last ordered what `name` says; an older order that comes later does not hold."""
        return self[_NEWEST_ORDERS[name]]

    def note_order(self, place: int, sequence: int) -> None:
        """Token `sequence` has set the number at `place`: keep its number where that is what a head-end orders."""
        keeper = _NEWEST_ORDERS_BY_PLACE.get(place)
        if keeper is not None:
            self.set(keeper, sequence)

    @classmethod
    def unpack(cls, data: bytes, position: int) -> tuple:
        """`(standing, position behind it)` of what `pack` put at `position`. Raises ValueError for anything else."""
        standing = cls()
        return standing, standing.take_packed(data, position)


def names() -> tuple:
    """The names of all numbers, in the order of their places."""
    return tuple(row[0] for row in _TABLE)
