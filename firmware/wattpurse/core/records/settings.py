"""The meter's settings besides money: its number, its keys, the PIN and the latched tamper.

Each change is durable on return. The settings have their own ring: a small number is one record, bytes are a new
snapshot. Everything that money depends on is in the ledger, so that one write decides about it.
"""

import struct

from wattpurse.core.journal.journal import Journal

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from wattpurse.hal import Flash

RING = 2

# Values of "front_end", the part that measures the energy. Without the setting it is PULSES.
PULSES = 0
CLAMPS = 1
METERING_CHIP = 2

_SET_NUMBER = 1
_NUMBER = "<Bq"

# name, code in flash, True for a number. A code is never reused for another setting.
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
    ("display_order", 21, True),
    ("display_delay_us", 22, True),
    ("front_end", 23, True),
    ("clamps", 24, False),
    ("metering_chip", 25, False),
    ("wrong_digits", 45, True),
    ("wrong_digits_s", 46, True),
    ("keypad", 47, True),
    ("readout", 48, False),
    ("readout_password", 49, False),
    ("wrong_readouts", 50, True),
    ("wrong_readout_s", 51, True),
    ("bluetooth", 42, True),
    ("bluetooth_numbers", 43, True),
    ("room_reader", 52, False),
    ("mqtt_broker", 30, False),
    ("mqtt_user", 31, False),
    ("mqtt_password", 32, False),
    ("mqtt_ca", 33, False),
    ("mqtt_ca_2", 34, False),
    ("mqtt_ca_3", 35, False),
    ("mqtt_numbers", 36, True),
    ("mqtt_options", 37, True),
    ("link", 38, True),
    ("modem", 39, False),
    ("wifi", 40, False),
    ("leg_imports", 26, True),
    ("leg_exports", 27, True),
)
_CODES = {name: code for name, code, _ in _NAMES}
_NUMBERS = bytes([code for _, code, is_number in _NAMES if is_number])
_BYTES = bytes([code for _, code, is_number in _NAMES if not is_number])


class Settings:
    """The settings on `sectors` sectors, each in two copies, from sector `first_sector` of `flash`."""

    def __init__(self, flash: "Flash", first_sector: int, sectors: int) -> None:
        self._journal = Journal(flash, first_sector, sectors, RING, self._snapshot)
        self._values = {}

    @property
    def opened(self) -> bool:
        """True once the settings were opened or created; until then nothing can be set."""
        return self._journal.opened

    def open(self) -> None:
        """Recover the settings. Make firm a state that a power cut left doubtful, so that every later start finds it.

        Raise ring.JournalBlank, slots.JournalUnreadable, ValueError or OSError. After an exception nothing was written.
        """
        snapshot, entries = self._journal.recover()
        self._values = _unpack(snapshot)
        for kind, payload in entries:
            if kind == _SET_NUMBER:
                code, value = struct.unpack_from(_NUMBER, payload)
                if code in _NUMBERS:
                    self._values[code] = value
        try:
            self._journal.make_firm()
        except OSError:
            pass  # the flash is worn out: the settings can be read, and `make_firm` refuses to report them as durable

    def make_firm(self) -> None:
        """Make every later start find the settings as they are now. Raise OSError if the flash refuses the write."""
        self._journal.make_firm()

    def create(self) -> None:
        """Start with no settings in blank flash. Raise ValueError if the flash is not blank."""
        self._values = {}
        self._journal.create()
        self._journal.mark_firm()

    def erase(self) -> None:
        """Erase all settings. Call only for a person's explicit order."""
        self._values = {}
        self._journal.erase()

    def get(self, name: str, default: "int | bytes | None" = None) -> "Any":  # noqa: ANN401
        """Return the value of `name`, or `default` if it was never set. The name decides between int and bytes."""
        return self._values.get(_CODES[name], default)

    def set(self, name: str, value: "int | bytes") -> None:
        """Change `name`, durable on return. The name decides between an int and bytes (at most 255)."""
        self.set_all(((name, value),))

    def set_all(self, pairs: "Iterable[tuple[str, int | bytes]]") -> None:
        """Change several settings, all or none: `pairs` of (name, value)."""
        changes = [(_CODES[name], value) for name, value in pairs if self.get(name) != value]
        if len(changes) == 1 and changes[0][0] in _NUMBERS:
            self._journal.append_firmly(_SET_NUMBER, struct.pack(_NUMBER, *changes[0]))
            self._values[changes[0][0]] = changes[0][1]
        elif changes:
            before = dict(self._values)
            try:
                self._journal.roll_firmly(lambda: self._values.update(changes))
            except (OSError, ValueError):
                self._values = before
                raise

    def _snapshot(self) -> bytes:
        out = bytearray()
        for code in sorted(self._values):
            value = self._values[code]
            coded = struct.pack("<q", value) if code in _NUMBERS else value
            out.append(code)
            out.append(len(coded))
            out.extend(coded)
        return bytes(out)


def _unpack(data: bytes) -> dict:
    values = {}
    position = 0
    while position < len(data):
        if position + 2 > len(data) or position + 2 + data[position + 1] > len(data):
            raise ValueError("the settings end in the middle of a setting")
        code, length = data[position], data[position + 1]
        coded = data[position + 2 : position + 2 + length]
        if code in _NUMBERS:
            if length != 8:
                raise ValueError("a setting has the wrong length for a number")
            values[code] = struct.unpack("<q", coded)[0]
        elif code in _BYTES:
            values[code] = coded
        position += 2 + length
    return values
