"""The link to the broker at the console. Only a meter that uses it has this module in its memory."""

from wattpurse.core import carrier
from wattpurse.core.money import supply
from wattpurse.core.records import events
from wattpurse.services.console import arguments as read
from wattpurse.services.console.reports import pairs
from wattpurse.services.mqtt import configuration
from wattpurse.services.mqtt.configuration import CA_NAMES, CA_PART, Configuration
from wattpurse.services.mqtt.names import is_numeric

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.app import Meter

_NONE = "none"
_SWITCH = ("off", "on")
_NAME_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."
_MARK_OF_DER = 0x30
# The number of the event tells which setting has changed.
_BROKER, _USER, _PASSWORD, _CA, _OPTIONS = range(1, 6)


def facts_of(meter: "Meter") -> dict:
    """Return settings and state of the link."""
    wanted = Configuration(meter.settings)
    link = meter.link
    return {
        "broker": None if wanted.is_off else f"{wanted.host}:{wanted.port}",
        "user": wanted.user.decode() if wanted.user else None,
        "tls": bool(wanted.ca),
        "every_minutes": wanted.options.every_minutes,
        "name_server": wanted.options.name_server or None,
        "home_assistant": wanted.options.home_assistant,
        "state": "off" if link is None or wanted.is_off else link.state,
        "trouble": link.trouble or None if link is not None else None,
        "connections": link.connections if link is not None else 0,
        "waiting": link.publisher.waiting if link is not None else 0,
        "left_out": link.publisher.left_out if link is not None else 0,
        "tokens": link.inbox.accepted if link is not None else 0,
    }


def text_of(facts: dict) -> str:
    """Return the facts of `facts_of` as text."""
    return pairs(
        [
            ("broker", facts["broker"] or _NONE),
            ("state", facts["state"]),
            ("trouble", facts["trouble"]),
            ("user", facts["user"] or _NONE),
            ("tls", "yes, by the certificate" if facts["tls"] else "no"),
            ("statement every", f"{facts['every_minutes']} minutes"),
            ("name server", facts["name_server"] or _NONE),
            ("home assistant", _SWITCH[facts["home_assistant"]]),
            ("connections", str(facts["connections"])),
            ("statements waiting", str(facts["waiting"])),
            ("tokens accepted", str(facts["tokens"])),
        ]
    )


def set_broker(meter: "Meter", arguments: list) -> str:
    """Name the broker by its address or name, and the port."""
    read.expect(arguments, "mqtt broker HOST[:PORT], for example 'mqtt broker 192.168.1.10'", 1)
    host, colon, port = arguments[0].partition(":")
    has_ca = bool(Configuration(meter.settings).ca)
    number = read.number(port, "PORT", 1, 65_535) if colon else _usual_port(has_ca)
    if not host or len(host) > configuration.TEXT_LIMIT or any([one not in _NAME_CHARACTERS for one in host]):
        raise ValueError(f"HOST is an address or a name of at most {configuration.TEXT_LIMIT} characters")
    wanted = Configuration(meter.settings)
    wanted.host = host
    if wanted.needs_name_server:
        raise ValueError("a name needs a name server: type 'mqtt dns ADDRESS' first, or give the broker's address")
    _change(meter, (("mqtt_broker", f"{host}:{number}".encode()),), _BROKER)
    return f"the broker is {host}:{number}; 'mqtt' shows whether it answers"


def set_user(meter: "Meter", arguments: list) -> str:
    """Set the user at the broker, or none."""
    read.expect(arguments, "mqtt user NAME, or 'none'", 1)
    user = _short_text(arguments[0], "NAME")
    _change(meter, (("mqtt_user", user),), _USER)
    return "the user is " + (user.decode() or _NONE)


def set_password(meter: "Meter", arguments: list) -> str:
    """Set the password at the broker, or none."""
    read.expect(arguments, "mqtt password WORD, or 'none'", 1)
    _change(meter, (("mqtt_password", _short_text(arguments[0], "WORD")),), _PASSWORD)
    return "the password is set"


def set_ca(meter: "Meter", arguments: list) -> str:
    """Set the certificate of the authority, in DER, or none: then the link is not encrypted."""
    read.expect(arguments, "mqtt ca HEX, the certificate in DER, or 'none'", 1)
    data = b"" if arguments[0] == _NONE else read.hex_bytes(arguments[0], "the certificate")
    limit = CA_PART * len(CA_NAMES)
    if data and (data[0] != _MARK_OF_DER or len(data) > limit):
        raise ValueError(f"the certificate must be in DER and have at most {limit} bytes; one with an EC key fits")
    parts = [(name, data[place * CA_PART : (place + 1) * CA_PART]) for place, name in enumerate(CA_NAMES)]
    _change(meter, tuple(parts), _CA)
    if not data:
        return "the link is not encrypted"
    return "the link is encrypted from now on, and the broker has to prove its name by this certificate"


def set_every(meter: "Meter", arguments: list) -> str:
    """Set the minutes between two statements."""
    read.expect(arguments, "mqtt every MINUTES", 1)
    minutes = read.number(arguments[0], "MINUTES", 1, configuration.LONGEST_MINUTES)
    options = Configuration(meter.settings).options
    options.every_minutes = minutes
    _change(meter, (("mqtt_options", options.number()),), _OPTIONS)
    return f"a statement is sent every {minutes} minutes, and after each change of supply, alarms or credit"


def set_dns(meter: "Meter", arguments: list) -> str:
    """Set the address of the name server, or none."""
    read.expect(arguments, "mqtt dns ADDRESS, or 'none'", 1)
    if arguments[0] != _NONE and not is_numeric(arguments[0]):
        raise ValueError("ADDRESS must be in numbers, such as 192.168.1.1")
    options = Configuration(meter.settings).options
    options.name_server = "" if arguments[0] == _NONE else arguments[0]
    _change(meter, (("mqtt_options", options.number()),), _OPTIONS)
    return "the name server is " + (options.name_server or _NONE)


def set_home_assistant(meter: "Meter", arguments: list) -> str:
    """Allow readings in clear for Home Assistant, or stop them."""
    read.expect(arguments, "mqtt home-assistant on|off", 1)
    if arguments[0] not in _SWITCH:
        raise ValueError("usage: mqtt home-assistant on|off")
    options = Configuration(meter.settings).options
    options.home_assistant = arguments[0] == "on"
    _change(meter, (("mqtt_options", options.number()),), _OPTIONS)
    if options.home_assistant:
        return "readings are published in clear: everybody whom the broker lets read them sees the consumption"
    return "readings are not published; the broker forgets the last ones if the meter is connected to it"


def stop(meter: "Meter", arguments: list) -> str:
    """Leave the broker, and forget it."""
    read.expect(arguments, "mqtt off", 0)
    _change(meter, (("mqtt_broker", b""),), _BROKER)
    return "the meter has left the broker"


def _change(meter: "Meter", pairs_of_settings: tuple, which: int) -> None:
    if meter.fault != supply.ON:
        raise ValueError("commission the meter first: the link is kept in its settings")
    meter.settings.set_all(pairs_of_settings)
    meter.events.note(events.SETTING_CHANGED, carrier.CONSOLE, meter.timekeeper.now_s(), which)
    if configuration.is_configured(meter.settings) or meter.link is not None:
        meter.open_link()


def _usual_port(has_ca: bool) -> int:
    return configuration.TLS_PORT if has_ca else configuration.PLAIN_PORT


def _short_text(text: str, name: str) -> bytes:
    if len(text) > configuration.TEXT_LIMIT:
        raise ValueError(f"{name} has at most {configuration.TEXT_LIMIT} characters")
    return b"" if text == _NONE else text.encode()
