"""The token numbers of each meter, as this record knows them. The vault alone decides on the next one.

A number is not used while it would push an outstanding token out of the meter's window: that token would be lost.
"""

from wattpurse.core.money.token_windows import WINDOW, count_of, issuer_of, number_of, number_text
from wattpurse_tools.record.models import Card, Meter, OtherIssuer
from wattpurse_tools.station.meter_now import MeterNow
from wattpurse_tools.vault.interface import Keys


class TokenNumbers:
    """The token numbers in the record, and those of the vault."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def note_made(self, meter_number: int, sequence: int) -> None:
        """Note that a token number of this issuer is used."""
        count = count_of(sequence)
        Meter.objects.filter(number=meter_number, last_count__lt=count).update(last_count=count)

    def learn(self, meter: Meter, sequence: int) -> None:
        """Note that a token number is used, of this issuer or another. The caller has locked the row of the meter."""
        issuer, count = issuer_of(sequence), count_of(sequence)
        if issuer == self._keys.issuer:
            if count > meter.last_count:
                self.note_made(meter.number, sequence)
        elif count:
            known, _ = OtherIssuer.objects.get_or_create(meter=meter, issuer=issuer, defaults={"count": count})
            OtherIssuer.objects.filter(pk=known.pk, count__lt=count).update(count=count)

    def newest(self, meter_number: int) -> list[int]:
        """Return the newest known token number of each issuer that has sold to a meter."""
        others = OtherIssuer.objects.filter(meter_id=meter_number).order_by("issuer")
        last = self._keys.last_count(meter_number)
        newest = [number_of(self._keys.issuer, last)] if last else []
        return newest + [number_of(other.issuer, other.count) for other in others]

    def refuse_to_lose_the_oldest(self, now: MeterNow, amount: int) -> None:
        """Raise ValueError if the oldest outstanding token would fall out of the meter's window behind new ones."""
        own = [row for row in now.waiting if issuer_of(row["sequence"]) == self._keys.issuer]
        if not own:
            return
        meter_number, oldest = now.number, own[0]
        newest = number_of(issuer_of(oldest["sequence"]), self._keys.last_count(meter_number) + amount)
        if newest - oldest["sequence"] < WINDOW:
            return
        number = number_text(oldest["sequence"])
        made_for, remedy = "given out as hex or digits", "enter it at the meter again"
        if oldest["card"]:
            known = Card.objects.filter(uid=oldest["card"]).first()
            card = oldest["card"] if known is None else known.name
            made_for = f"made for card {card}"
            remedy = f"put it on a card that can be tapped there with: wattpurse card replace {card} NEW"
        raise ValueError(
            f"token {number} of meter {meter_number}, {made_for}, is not known to be redeemed and would be"
            f" lost behind {WINDOW} newer ones; read a card that has been at the meter since, or {remedy},"
            f" or forfeit it with: wattpurse meter forfeit {meter_number} {number}"
        )
