"""The key versions of each meter, as statements prove them, and the key tokens that have to wait for other meters.

A meter that has redeemed a METER_KEY token opens tokens under its old key and its new one, until the first token under
the new key comes. While a token under the old key is outstanding, the station seals under the old key: a token under
the new one would make the meter forget the old key, and the older token would be lost.
A meter that has redeemed a SITE_KEY token opens cards of the new site key and of the one before.
"""

from django.db.models import Min

from wattpurse.core.messages import token
from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.record.models import Meter, Token
from wattpurse_tools.station.order import KEY_KINDS, OUTSTANDING, Order
from wattpurse_tools.vault.interface import Keys

_NAMES = {token.METER_KEY: "meter key", token.SITE_KEY: "site key"}
_COLUMNS = {token.METER_KEY: "key_version", token.SITE_KEY: "site_version"}


class KeyHistory:
    """The key versions of the meters in the record."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def meter_version(self, meter_number: int) -> int:
        """Return the version of the newest meter key that a meter is proved to have."""
        return self._proved(meter_number, token.METER_KEY)

    def site_version(self, meter_number: int) -> int:
        """Return the version of the newest site key that a meter is proved to have.

        For a meter that is not in the record, return the newest version.
        """
        return self._proved(meter_number, token.SITE_KEY)

    def common_site_version(self) -> int:
        """Return the newest version of the site key that every meter of the station is proved to have."""
        least = Meter.objects.filter(is_retired=False).aggregate(least=Min("site_version"))["least"]
        return self._keys.newest_version if least is None else least

    def meters_behind(self, key_version: int) -> list[int]:
        """Return the numbers of the meters that are not proved to have this version of the site key or a later one."""
        behind = Meter.objects.filter(is_retired=False, site_version__lt=key_version)
        return list(behind.order_by("number").values_list("number", flat=True))

    def note_statement(self, meter_number: int, key_version: int) -> None:
        """Note that a meter has this version of its key: it sealed a statement under it."""
        Meter.objects.filter(number=meter_number, key_version__lt=key_version).update(key_version=key_version)

    def note_redeemed(self, meter_number: int, kind: int, key_version: int) -> None:
        """Note that a meter has redeemed a key token with this version."""
        column = _COLUMNS[kind]
        Meter.objects.filter(number=meter_number, **{f"{column}__lt": key_version}).update(**{column: key_version})

    def sealing_version(self, meter_number: int) -> int:
        """Return the version of the meter key to seal the next token under."""
        outstanding = Token.objects.filter(meter_id=meter_number, state__in=OUTSTANDING)
        waiting = [token.key_version(bytes(sealed)) for sealed in outstanding.values_list("sealed", flat=True)]
        return min([self.meter_version(meter_number), *waiting])

    def next_version(self, meter_number: int, kind: int) -> int:
        """Return the version that a key token has to bring. Raise ValueError if the meter has the newest one."""
        proved = self._proved(meter_number, kind)
        following = self._keys.newest_version if kind == token.METER_KEY else self._keys.after(proved)
        if following is None or following <= proved:
            raise ValueError(
                f"meter {meter_number} has the {_NAMES[kind]} of version {proved}, the newest of this vault; make"
                " the next version with: wattpurse keys roll"
            )
        return following

    def refuse(self, meter_number: int, order: Order) -> None:
        """Raise ValueError if `order` is a key token after which, for a time, neither key would work."""
        if order.kind in KEY_KINDS:
            self._refuse_second_key_token(meter_number, order.kind)
        if order.kind == token.METER_KEY and self.sealing_version(meter_number) != self.meter_version(meter_number):
            raise ValueError(
                f"tokens of meter {meter_number} under its former key are not known to be redeemed; read the"
                " cards that carry them before the meter gets another key"
            )
        if order.kind == token.SITE_KEY:
            self._refuse_site_key_ahead_of_others(meter_number, order.amount)

    def _refuse_second_key_token(self, meter_number: int, kind: int) -> None:
        waiting = Token.objects.filter(meter_id=meter_number, kind=kind, state__in=OUTSTANDING).first()
        if waiting is not None:
            raise ValueError(
                f"token {number_text(waiting.sequence)} of meter {meter_number} brings a {_NAMES[kind]} already and is"
                " not known to be redeemed; read a card that has been at the meter since"
            )

    def _refuse_site_key_ahead_of_others(self, meter_number: int, key_version: int) -> None:
        before = self._keys.before(key_version)
        behind = [] if before is None else self.meters_behind(before)
        if behind:
            raise ValueError(
                f"meter {behind[0]} has not got the site key of version {before} yet: cards"
                f" that work there would not work at meter {meter_number}; give every meter that version first"
            )

    def _proved(self, meter_number: int, kind: int) -> int:
        proved = Meter.objects.filter(number=meter_number).values_list(_COLUMNS[kind], flat=True).first()
        return self._keys.newest_version if proved is None else proved
