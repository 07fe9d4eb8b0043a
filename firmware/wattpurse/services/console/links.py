"""The links of the meter at the console.

The commands are in modules of their own, which only a meter that uses the link has in its memory.
"""

from wattpurse.services.console.reports import pairs

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from types import ModuleType

    from wattpurse.app import Meter

_NO_ROOM = "this image has no line to a room reader: see docs/room-reader.md"
_NO_NETWORK = "this image has no network: see docs/network.md"


def mqtt_facts(meter: "Meter", _arguments: list) -> dict:
    """Return the state of the link to the broker."""
    return _mqtt().facts_of(meter)


def mqtt_text(facts: dict) -> str:
    """Return the state of the link as text."""
    return _mqtt().text_of(facts)


def set_mqtt_broker(meter: "Meter", arguments: list) -> str:
    """Name the broker."""
    return _mqtt().set_broker(meter, arguments)


def set_mqtt_user(meter: "Meter", arguments: list) -> str:
    """Set the user at the broker."""
    return _mqtt().set_user(meter, arguments)


def set_mqtt_password(meter: "Meter", arguments: list) -> str:
    """Set the password at the broker."""
    return _mqtt().set_password(meter, arguments)


def set_mqtt_ca(meter: "Meter", arguments: list) -> str:
    """Set the certificate of the authority that vouches for the broker."""
    return _mqtt().set_ca(meter, arguments)


def set_mqtt_every(meter: "Meter", arguments: list) -> str:
    """Set the time between two statements."""
    return _mqtt().set_every(meter, arguments)


def set_mqtt_dns(meter: "Meter", arguments: list) -> str:
    """Set the name server."""
    return _mqtt().set_dns(meter, arguments)


def set_home_assistant(meter: "Meter", arguments: list) -> str:
    """Allow readings for Home Assistant, or stop them."""
    return _mqtt().set_home_assistant(meter, arguments)


def stop_mqtt(meter: "Meter", arguments: list) -> str:
    """Leave the broker."""
    return _mqtt().stop(meter, arguments)


def network_facts(meter: "Meter", _arguments: list) -> dict:
    """Return the settings of the network, without passwords."""
    return _network().facts_of(meter)


def network_text(facts: dict) -> str:
    """Return the settings of the network as text."""
    return pairs(_network().rows_of(facts))


def set_network(meter: "Meter", arguments: list) -> str:
    """Set the network."""
    return _network().set_network(meter, arguments)


def reader_facts(meter: "Meter", _arguments: list) -> dict:
    """Return the card reader in use, and the state of the line to one in the room."""
    return _room().facts_of(meter)


def reader_text(facts: dict) -> str:
    """Return the card reader in use as text."""
    return pairs(_room().rows_of(facts))


def _room() -> "ModuleType":
    try:
        from wattpurse.services.console import room
    except ImportError:
        raise ValueError(_NO_ROOM) from None
    return room


def _mqtt() -> "ModuleType":
    try:
        from wattpurse.services.console import mqtt
    except ImportError:
        raise ValueError(_NO_NETWORK) from None
    return mqtt


def _network() -> "ModuleType":
    try:
        from wattpurse.services.console import network
    except ImportError:
        raise ValueError(_NO_NETWORK) from None
    return network
