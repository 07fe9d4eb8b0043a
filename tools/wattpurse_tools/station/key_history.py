"""The key versions of each meter, as statements prove them, and the key tokens that have to wait for other meters.

A meter that has redeemed a METER_KEY token opens tokens under its old key and its new one, until the first token under
the new key comes. While a token under the old key is outstanding, the station seals under the old key: a token under
the new one would make the meter forget the old key, and the older token would be lost.
A meter that has redeemed a SITE_KEY token opens cards of the new site key and of the one before.
"""

import sqlite3

from wattpurse.core.messages import token
from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.station.database import Transaction
from wattpurse_tools.station.key_file import SiteKeys
from wattpurse_tools.station.order import KEY_KINDS, OUTSTANDING, REDEEMED, Order

_NAMES = {token.METER_KEY: "meter key", token.SITE_KEY: "site key"}
_COLUMNS = {token.METER_KEY: "key_version", token.SITE_KEY: "site_version"}


class KeyHistory:
    """The key versions of the meters in one station's database."""

    def __init__(self, database: sqlite3.Connection, site_keys: SiteKeys) -> None:
        self._database = database
        self._keys = site_keys

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
        numbers = [row["number"] for row in self._database.execute("SELECT number FROM meters")]
        return min((self.site_version(number) for number in numbers), default=self._keys.key_version)

    def meters_behind(self, key_version: int) -> list[int]:
        """Return the numbers of the meters that are not proved to have this version of the site key or a later one."""
        numbers = [row["number"] for row in self._database.execute("SELECT number FROM meters ORDER BY number")]
        return [number for number in numbers if self.site_version(number) < key_version]

    def note_statement(self, meter_number: int, key_version: int) -> None:
        """Note that a meter has this version of its key: it sealed a statement under it."""
        with Transaction(self._database):
            self._database.execute(
                "UPDATE meters SET key_version = max(key_version, ?) WHERE number = ?", (key_version, meter_number)
            )

    def sealing_version(self, meter_number: int) -> int:
        """Return the version of the meter key to seal the next token under."""
        newest = self.meter_version(meter_number)
        outstanding = self._database.execute(
            "SELECT sealed FROM tokens WHERE meter = ? AND state IN (?, ?)", (meter_number, *OUTSTANDING)
        )
        return min([newest] + [token.key_version(row["sealed"]) for row in outstanding])

    def next_version(self, meter_number: int, kind: int) -> int:
        """Return the version that a key token has to bring. Raise ValueError if the meter has the newest one."""
        proved = self._proved(meter_number, kind)
        following = self._keys.key_version if kind == token.METER_KEY else self._keys.after(proved)
        if following is None or following <= proved:
            raise ValueError(
                f"meter {meter_number} has the {_NAMES[kind]} of version {proved}, the newest in this key file; make"
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
        waiting = self._database.execute(
            "SELECT sequence FROM tokens WHERE meter = ? AND kind = ? AND state IN (?, ?)",
            (meter_number, kind, *OUTSTANDING),
        ).fetchone()
        if waiting is not None:
            number = number_text(waiting["sequence"])
            raise ValueError(
                f"token {number} of meter {meter_number} brings a {_NAMES[kind]} already and is not"
                " known to be redeemed; read a card that has been at the meter since"
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
        row = self._database.execute("SELECT * FROM meters WHERE number = ?", (meter_number,)).fetchone()
        if row is None:
            return self._keys.key_version
        newest = self._database.execute(
            "SELECT max(amount) FROM tokens WHERE meter = ? AND kind = ? AND state = ?",
            (meter_number, kind, REDEEMED),
        ).fetchone()[0]
        return max(row[_COLUMNS[kind]], newest or 0)
