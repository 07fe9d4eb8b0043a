"""The watch on a shortage of a rehearsal: it looks at the load switches themselves, and asks the office for nothing.

A meter counts as switched off by the shortage if its contact was closed before, and is open now for the reason of a
shortage. It counts as returned if that reason is gone.
"""

from collections.abc import Collection, Sequence

from wattpurse.core.money import supply
from wattpurse_tools.rehearsal.site import Place


class ShortageWatch:
    """The meters that a shortage may switch off. `findings` are the promises that it broke, in sentences."""

    def __init__(self) -> None:
        self.findings: list[str] = []
        self._lit: list[Place] = []
        self._off: list[Place] = []

    def begin(self, places: Sequence[Place]) -> int:
        """Note the meters with supply, of those that the shortage is for. Return their number."""
        self._lit = [one for one in places if is_lit(one)]
        self._off = []
        return len(self._lit)

    def look(self, ordered: Collection[int]) -> int:
        """Look during the shortage. `ordered` are the meters that the office has ordered off. Return the number off."""
        self._off = [one for one in self._lit if is_off_by_shortage(one)]
        if not self._off:
            self.findings.append("the shortage has switched no meter off")
        self.findings += [
            f"meter {one.number}: ordered off for the shortage, and lit"
            for one in self._lit
            if one.number in ordered and is_lit(one)
        ]
        self.findings += [
            f"meter {one.number}: off by the shortage without an order"
            for one in self._off
            if one.number not in ordered
        ]
        return len(self._off)

    def end(self) -> int:
        """Look after the shortage. Return the number of meters that were off by it and have supply again."""
        self.findings += [
            f"meter {one.number}: off by the shortage after its end" for one in self._off if is_off_by_shortage(one)
        ]
        back = [one for one in self._off if is_lit(one)]
        if self._off and not back:
            self.findings.append("no meter that the shortage had switched off has supply again")
        return len(back)


def is_lit(place: Place) -> bool:
    """Return True if the house has supply."""
    return place.meter.is_powered and place.meter.contact.is_closed


def is_off_by_shortage(place: Place) -> bool:
    """Return True if the contact is open for the reason of a shortage."""
    meter = place.meter
    return meter.is_powered and not meter.contact.is_closed and meter.switching.reason == supply.SHORTAGE


def is_without_credit(place: Place) -> bool:
    """Return True if the house has no supply until somebody pays. A day's maximum and a shortage end by themselves."""
    meter = place.meter
    ends_itself = meter.switching.reason in (supply.SHORTAGE, supply.DAILY_LIMIT)
    return meter.is_powered and not meter.contact.is_closed and not ends_itself
