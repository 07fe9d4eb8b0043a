"""Who brought a token or gave an order: the carriers, and the meter itself."""

METER = 0
CARD = 1
CONSOLE = 2
MQTT = 3
BLE = 4

_TEXTS = ("meter", "card", "console", "mqtt", "ble")


def text(carrier: int) -> str:
    """The carrier in a word."""
    return _TEXTS[carrier] if 0 <= carrier < len(_TEXTS) else f"carrier {carrier}"
