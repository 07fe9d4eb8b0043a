"""Which version of the keys each meter has, as statements prove it, and what must wait until others have followed.

A meter that has redeemed a METER_KEY token opens tokens under its old key and its new one, until the first under the
new one. So the station seals under the old key as long as a token under it is not known to be redeemed: it would be
lost with that key. A meter that has redeemed a SITE_KEY token opens cards of that version and of the one it had before.
"""

from wattpurse.core.messages import token
from wattpurse_tools.station.database import Transaction
from wattpurse_tools.station.order import KEY_KINDS, OUTSTANDING, REDEEMED, Order

_NAMES = {token.METER_KEY: "meter key", token.SITE_KEY: "site key"}
_COLUMNS = {token.METER_KEY: "key_version", token.SITE_KEY: "site_version"}


class KeyHistory:
    """What one station's database tells of keys."""

    def __init__(self, database, site_keys) -> None:
        self._database = database
        self._keys = site_keys

    def meter_version(self, meter_number: int) -> int:
        """The version of the newest meter key that a meter is proved to have."""
        return self._proved(meter_number, token.METER_KEY)

    def site_version(self, meter_number: int) -> int:
        """The version of the newest site key that a meter is proved to have; for one not known here, the newest."""
        return self._proved(meter_number, token.SITE_KEY)

    def common_site_version(self) -> int:
        """The version of the site key that every meter of the station is proved to have."""
        numbers = [row["number"] for row in self._database.execute("SELECT number FROM meters")]
        return min((self.site_version(number) for number in numbers), default=self._keys.key_version)

    def meters_behind(self, key_version: int) -> list:
        """The numbers of the meters that are not proved to have a version of the site key, or a later one."""
        numbers = [row["number"] for row in self._database.execute("SELECT number FROM meters ORDER BY number")]
        return [number for number in numbers if self.site_version(number) < key_version]

    def note_statement(self, meter_number: int, key_version: int) -> None:
        """A statement opened under this version of the meter's key: the meter has it, whatever this record knows."""
        with Transaction(self._database):
            self._database.execute(
                "UPDATE meters SET key_version = max(key_version, ?) WHERE number = ?", (key_version, meter_number)
            )

    def sealing_version(self, meter_number: int) -> int:
        """The version of the meter key to seal the next token under."""
        newest = self.meter_version(meter_number)
        outstanding = self._database.execute(
            f"SELECT sealed FROM tokens WHERE meter = ? AND state IN {OUTSTANDING}", (meter_number,)
        )
        return min([newest] + [token.key_version(row["sealed"]) for row in outstanding])

    def next_version(self, meter_number: int, kind: int) -> int:
        """The version that a key token is to bring. Raises ValueError where there is none."""
        proved = self._proved(meter_number, kind)
        following = self._keys.key_version if kind == token.METER_KEY else self._keys.after(proved)
        if following is None or following <= proved:
            raise ValueError(
                f"meter {meter_number} has the {_NAMES[kind]} of version {proved}, the newest in this key file; make"
                " the next version with: wattpurse keys roll"
            )
        return following

    def refuse(self, meter_number: int, order: Order) -> None:
        """Raises ValueError for a key token that would leave a moment in which neither key works."""
        if order.kind not in KEY_KINDS:
            return
        waiting = self._database.execute(
            f"SELECT sequence FROM tokens WHERE meter = ? AND kind = ? AND state IN {OUTSTANDING}",
            (meter_number, order.kind),
        ).fetchone()
        if waiting is not None:
            raise ValueError(
                f"token {waiting['sequence']} of meter {meter_number} brings a {_NAMES[order.kind]} already and is not"
                " known to be redeemed; read a card that has been at the meter since"
            )
        if order.kind == token.METER_KEY and self.sealing_version(meter_number) != self.meter_version(meter_number):
            raise ValueError(
                f"tokens of meter {meter_number} under the meter key before are not known to be redeemed; read the"
                " cards that carry them before the meter gets another key"
            )
        behind = self.meters_behind(self._keys.before(order.amount)) if order.kind == token.SITE_KEY else []
        if behind:
            raise ValueError(
                f"meter {behind[0]} has not got the site key of version {self._keys.before(order.amount)} yet: cards"
                f" that work there would not work at meter {meter_number}; give every meter that version first"
            )

    def _proved(self, meter_number, kind):
        row = self._database.execute("SELECT * FROM meters WHERE number = ?", (meter_number,)).fetchone()
        if row is None:
            return self._keys.key_version
        newest = self._database.execute(
            f"SELECT max(amount) FROM tokens WHERE meter = ? AND kind = ? AND state = '{REDEEMED}'",
            (meter_number, kind),
        ).fetchone()[0]
        return max(row[_COLUMNS[kind]], newest or 0)
