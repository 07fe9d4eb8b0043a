"""The way to the broker at the console: the settings of modem and Wi-Fi. Passwords are never shown.

network set modem APN            use a modem, whose SIM needs this APN
network set number NUMBER        the number that the modem dials, if it is not *99#
network set login USER PASSWORD  user and password of the APN; without both, none
network set wifi NAME [PASSWORD] use Wi-Fi
network set off                  use no network

A space in a name or a password is typed as %20, a percent sign as %25, any other byte likewise in hex.
"""

from wattpurse.core.records import events
from wattpurse.core.records.network_settings import (
    MODEM,
    NONE,
    WIFI,
    ModemSettings,
    WifiSettings,
    unpack_modem,
    unpack_wifi,
)
from wattpurse.services.console import arguments as read
from wattpurse.services.console.changes import note

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.app import Meter

USAGE = "network set modem APN|number NUMBER|login [USER PASSWORD]|wifi NAME [PASSWORD]|off"

_LINKS = ("none", "modem", "wifi")
_ESCAPE_DIGITS = 2


def facts_of(meter: "Meter") -> dict:
    """Return the settings without passwords, whether there are any, and whether the link is up."""
    facts = {"link": _LINKS[meter.settings.get("link", NONE)]}
    modem, wifi = meter.settings.get("modem"), meter.settings.get("wifi")
    if modem is not None:
        settings = unpack_modem(modem)
        facts.update({"apn": settings.apn, "number": settings.number, "user": settings.user})
        facts["has_modem_password"] = bool(settings.password)
    if wifi is not None:
        settings = unpack_wifi(wifi)
        facts.update({"wifi_name": settings.name, "has_wifi_password": bool(settings.password)})
    return facts


def rows_of(facts: dict) -> list:
    """Return the rows of a report about `facts_of`."""
    rows = [("link", "Wi-Fi" if facts["link"] == "wifi" else facts["link"])]
    if "apn" in facts:
        rows += [("APN", facts["apn"]), ("number", facts["number"]), ("user", facts["user"] or "none")]
        rows.append(("password of the APN", _set_or_none(facts["has_modem_password"])))
    if "wifi_name" in facts:
        rows.append(("Wi-Fi name", facts["wifi_name"]))
        rows.append(("Wi-Fi password", _set_or_none(facts["has_wifi_password"])))
    return rows


def set_network(meter: "Meter", arguments: list) -> str:
    """Set one thing of the network, and choose the link that it belongs to."""
    read.expect(arguments, USAGE, 1, 3)
    if not meter.settings.opened:
        raise ValueError("commission the meter first: the network is kept in its settings")
    kind, values = arguments[0], [_unescaped(text) for text in arguments[1:]]
    if kind == "off":
        read.expect(values, "network set off", 0)
        return _set(meter, NONE, ())
    if kind == "wifi":
        read.expect(values, "network set wifi NAME [PASSWORD]", 1, 2)
        return _set(meter, WIFI, (("wifi", WifiSettings(*values).pack()),))
    return _set(meter, MODEM, (("modem", _changed_modem(meter, kind, values).pack()),))


def _changed_modem(meter: "Meter", kind: str, values: list) -> ModemSettings:
    """Return the settings of the modem with one thing changed."""
    packed = meter.settings.get("modem")
    before = unpack_modem(packed) if packed is not None else None
    if kind == "modem":
        read.expect(values, "network set modem APN", 1)
        if before is None:
            return ModemSettings(values[0])
        return ModemSettings(values[0], before.number, before.user, before.password)
    if kind not in ("number", "login"):
        raise ValueError("usage: " + USAGE)
    if before is None:
        raise ValueError("set the APN first: 'network set modem APN'")
    if kind == "number":
        read.expect(values, "network set number NUMBER", 1)
        return ModemSettings(before.apn, values[0], before.user, before.password)
    read.expect(values, "network set login USER PASSWORD, or without both for none", 0, 2)
    return ModemSettings(before.apn, before.number, *values)


def _set(meter: "Meter", link: int, pairs: tuple) -> str:
    meter.settings.set_all(pairs + (("link", link),))
    note(meter, events.NETWORK_SET, link)
    name = ("no network", "a modem", "Wi-Fi")[link]
    return f"from its next start the meter uses {name}; type 'reboot'"


def _unescaped(text: str) -> str:
    """Return the text with each %HH as the byte that it stands for."""
    first, *others = text.split("%")
    data = first.encode()
    for part in others:
        data += read.hex_bytes(part[:_ESCAPE_DIGITS], "a byte behind %") + part[_ESCAPE_DIGITS:].encode()
    try:
        return data.decode()
    except UnicodeError:
        raise ValueError("the bytes behind % are no text in UTF-8") from None


def _set_or_none(is_set: bool) -> str:
    return "set" if is_set else "none"
