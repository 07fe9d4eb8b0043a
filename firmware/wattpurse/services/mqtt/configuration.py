"""Settings of the link to the broker, as the console writes them and the link reads them.

`mqtt_options` is one number: minutes between two statements in 16 bits, flags in 8, the name server in 32 above them.
"""

from wattpurse.services.mqtt.names import is_numeric

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.records.settings import Settings

EVERY_MINUTES = 60
LONGEST_MINUTES = 1_440
TEXT_LIMIT = 64
CA_NAMES = ("mqtt_ca", "mqtt_ca_2", "mqtt_ca_3")
CA_PART = 255

PLAIN_PORT = 1883
TLS_PORT = 8883

HOME_ASSISTANT = 1

_FLAGS_SHIFT = 16
_SERVER_SHIFT = 24


class Options:
    """`every_minutes`, `home_assistant`, and the address of the name server or ""."""

    def __init__(self, number: int) -> None:
        self.every_minutes = number & 0xFFFF or EVERY_MINUTES
        self.home_assistant = bool(number >> _FLAGS_SHIFT & HOME_ASSISTANT)
        server = number >> _SERVER_SHIFT & 0xFFFFFFFF
        self.name_server = ".".join([str(server >> shift & 0xFF) for shift in (24, 16, 8, 0)]) if server else ""

    def number(self) -> int:
        """Return the options as the settings keep them."""
        server = 0
        for part in self.name_server.split("."):
            server = server << 8 | int(part or 0)
        flags = HOME_ASSISTANT if self.home_assistant else 0
        return server << _SERVER_SHIFT | flags << _FLAGS_SHIFT | self.every_minutes


class Configuration:
    """Everything that the link needs to know, read from `settings`."""

    def __init__(self, settings: "Settings") -> None:
        host, _, port = settings.get("mqtt_broker", b"").decode().partition(":")
        self.host = host
        self.port = int(port or 0)
        self.user = settings.get("mqtt_user", b"") or None
        self.password = settings.get("mqtt_password", b"")
        self.ca = b"".join([settings.get(name, b"") for name in CA_NAMES])
        self.options = Options(settings.get("mqtt_options", 0))
        self.meter_number = settings.get("meter_number")

    @property
    def is_off(self) -> bool:
        """True if no broker is named."""
        return not self.host

    @property
    def needs_name_server(self) -> bool:
        """True if the broker is named by a name, and no name server is known."""
        return not is_numeric(self.host) and not self.options.name_server


def is_configured(settings: "Settings") -> bool:
    """Return True if the settings name a broker."""
    return bool(settings.get("mqtt_broker", b""))
