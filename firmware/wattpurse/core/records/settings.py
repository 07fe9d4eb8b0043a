"""The meter's settings besides money: who it is, its keys, the PIN, what is latched. Each change is durable on return.

A ring of its own: a small number is one record, bytes are a new snapshot. What money depends on is not here but in the
ledger, so that one write decides about it.
"""

import struct

from wattpurse.core.journal.journal import Journal

RING = 2

_SET_NUMBER = 1
_NUMBER = "<Bq"

# name, code in flash, whether it is a number. Codes are never used again for something else.
_NAMES = (
    ("meter_number", 1, True),
    ("key_version", 2, True),
    ("meter_key", 3, False),
    ("site_key", 4, False),
    ("pin_salt", 5, False),
    ("pin_check", 6, False),
    ("wrong_pins", 7, True),
    ("wrong_pin_s", 8, True),
    ("tamper", 9, True),
    ("brightness", 10, True),
    ("tamper_token", 11, True),
    ("retired_numbers", 12, False),
    ("commissioning", 13, True),
    ("next_meter_key", 14, False),
    ("next_key_version", 15, True),
    ("old_site_key", 16, False),
    ("site_key_version", 17, True),
    ("flash_by_records", 18, True),
    ("records", 20, True),
)
_CODES = {name: code for name, code, _ in _NAMES}
_IS_NUMBER = {code: is_number for _, code, is_number in _NAMES}


class Settings:
    """The settings on `sectors` sectors twice over, from sector `first_sector` of `flash`."""

    def __init__(self, flash, first_sector: int, sectors: int) -> None:
        self._journal = Journal(flash, first_sector, sectors, RING, self._snapshot)
        self._values = {}

    @property
    def opened(self) -> bool:
        """True once the settings were opened or created; until then nothing can be set."""
        return self._journal.opened

    def open(self) -> None:
        """Recover, and make firm what a power cut left doubtful: every later start finds the same.

        Raises ring.JournalBlank, slots.JournalUnreadable, ValueError, OSError, and has written nothing then.
        """
        snapshot, entries = self._journal.recover()
        self._values = _unpack(snapshot)
        for kind, payload in entries:
            if kind == _SET_NUMBER:
                code, value = struct.unpack_from(_NUMBER, payload)
                if _IS_NUMBER.get(code):
                    self._values[code] = value
        try:
            self._journal.make_firm()
        except OSError:
            pass  # worn out: they can be read, and nothing may be told as durable (see `make_firm`)

    def make_firm(self) -> None:
        """Make sure that every later start finds the settings as they are. Raises OSError if flash does not take it."""
        self._journal.make_firm()

    def create(self) -> None:
        """Start with no settings in blank flash. Raises ValueError if the flash is not blank."""
        self._values = {}
        self._journal.create()
        self._journal.mark_firm()

    def erase(self) -> None:
        """Erase all settings, for a person's explicit order only."""
        self._values = {}
        self._journal.erase()

    def get(self, name: str, default=None):
        """The value of `name`: int or bytes; `default` where it was never set."""
        return self._values.get(_CODES[name], default)

    def set(self, name: str, value) -> None:
        """Change `name`, durable on return. An int or bytes (at most 255), as the name calls for."""
        self.set_all(((name, value),))

    def set_all(self, pairs) -> None:
        """Change several settings, all or none: `pairs` of (name, value)."""
        pairs = [(_CODES[name], value) for name, value in pairs if self.get(name) != value]
        if len(pairs) == 1 and _IS_NUMBER[pairs[0][0]]:
            self._journal.append_firmly(_SET_NUMBER, struct.pack(_NUMBER, *pairs[0]))
            self._values[pairs[0][0]] = pairs[0][1]
        elif pairs:
            before = dict(self._values)
            try:
                self._journal.roll_firmly(lambda: self._values.update(pairs))
            except (OSError, ValueError):
                self._values = before
                raise

    def _snapshot(self):
        out = bytearray()
        for code in sorted(self._values):
            value = self._values[code]
            coded = struct.pack("<q", value) if _IS_NUMBER[code] else value
            out.append(code)
            out.append(len(coded))
            out.extend(coded)
        return bytes(out)


def _unpack(data):
    values = {}
    position = 0
    while position < len(data):
        if position + 2 > len(data) or position + 2 + data[position + 1] > len(data):
            raise ValueError("settings end in the middle of one")
        code, length = data[position], data[position + 1]
        coded = data[position + 2 : position + 2 + length]
        if code in _IS_NUMBER:
            if _IS_NUMBER[code] and length != 8:
                raise ValueError("a setting is no number")
            values[code] = struct.unpack("<q", coded)[0] if _IS_NUMBER[code] else coded
        position += 2 + length
    return values
