"""The carriers of tokens and orders. The meter itself counts as one of them."""

METER = 0
CARD = 1
CONSOLE = 2
MQTT = 3
BLE = 4
KEYPAD = 5
READOUT = 6

_TEXTS = ("meter", "card", "console", "mqtt", "ble", "keypad", "readout")


def text(carrier: int) -> str:
    """Return the carrier in a word."""
    return _TEXTS[carrier] if 0 <= carrier < len(_TEXTS) else f"carrier {carrier}"


def statement_identity(carrier: int, number: int = 0) -> bytes:
    """Return the identity bytes under which statements are sealed for a carrier that has no UID, such as MQTT or BLE.

    The identity is the carrier's code in one byte. Card UIDs have 4, 7 or 10 bytes, so no card shares the keys. A
    statement shows 16 bits of its number. For numbers that need more, the higher bits follow in four bytes, so that a
    link that has counted round gets new keys.
    """
    epoch = number >> 16
    return bytes((carrier,)) + (epoch.to_bytes(4, "little") if epoch else b"")
