"""What a board must provide: one contract line per device. `boards/*` builds them, `app` hands them out.

Everything above this line of the house is the same on every board; nothing above it names a pin.
"""

DEVICES = (
    ("name", "what the board is, for people: str"),
    ("unique_id", "what tells this board from every other: bytes"),
    ("clock", "ticks_ms(), ticks_us(), ticks_diff(later, earlier), ticks_add(ticks, delta), async sleep_ms(ms)"),
    ("counter", "drivers.pulse_counter.PulseCounter over a counter that silicon advances"),
    ("load_switch", "drivers.load_switch.LoadSwitch, coils off"),
    ("display", "drivers.led_display.LedDisplay"),
    ("button", "drivers.button.Button"),
    ("buzzer", "drivers.buzzer.Buzzer"),
    ("cover", "drivers.contact.Contact of the cover's switch, believed quickly"),
    ("magnet", "drivers.contact.Contact of a reed contact that a magnet opens, believed quickly"),
    ("reverse_flow", "drivers.contact.Contact of the output that says energy flows backwards, believed slowly"),
    ("rtc", "drivers.rtc_ds3231.Ds3231, or the same read() and set(utc_s)"),
    ("reader", "cards.mfrc522.Mfrc522, not started"),
    ("flash", "read(address, buffer), program(address, data) inside 256 bytes, erase(sector), sector_count of 4 KiB"),
    ("watchdog", "feed(): 8 s after the last the board is reset; has_reset_board: it was, before this start"),
    (
        "console",
        "async read_line(limit) -> str, or None for a line longer than limit; write(text);"
        " async make_room(): others run until more can be written, OSError if nobody reads",
    ),
    ("aes", "as cryptolib.aes: aes(key, mode[, iv]) with encrypt and decrypt; mode 1 ECB, 2 CBC"),
    ("random_bytes", "random_bytes(count) -> bytes that cannot be guessed"),
    ("rest", "rest(has_littered): nothing is urgent; the board may tidy up its memory, and does if much is left there"),
    ("reset", "reset() starts the board anew and does not return"),
)


def check(board) -> None:
    """Raises ValueError that names every device the board lacks, with what it must offer."""
    missing = [f"{name}: {contract}" for name, contract in DEVICES if not hasattr(board, name)]
    if missing:
        raise ValueError("the board lacks " + "; ".join(missing))
