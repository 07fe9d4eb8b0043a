"""The way to the broker of a chip's board, by the settings (see `hal.Network`). Only a meter with one imports this."""

from boards.micropython import modem, ppp
from boards.micropython.wifi import Wifi
from wattpurse.core.records.network_settings import MODEM, unpack_modem, unpack_wifi

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import Any

    from wattpurse.core.records.settings import Settings
    from wattpurse.hal import Clock, Network


class ModemPort:
    """The UART of a modem: its number, the GPIO numbers of TX and RX, and the bytes of each of its buffers.

    A buffer holds all bytes that lwIP has in flight, with their escapes, so that no write waits for the line.
    """

    def __init__(self, uart: int, tx: int, rx: int, buffer_bytes: int) -> None:
        self.uart = uart
        self.tx = tx
        self.rx = rx
        self.buffer_bytes = buffer_bytes


class NoLink:
    """A link that was chosen, but cannot work on this board. `bring_up` says why."""

    def __init__(self, why: str) -> None:
        self._why = why

    def is_up(self) -> bool:
        """Return False."""
        return False

    async def bring_up(self, _timeout_ms: int) -> None:
        """Raise OSError with the reason."""
        raise OSError(self._why)

    def take_down(self) -> None:
        """Do nothing."""


def build(link: int, settings: "Settings", port: "ModemPort | None", clock: "Clock") -> "Network":
    """Return the link of this kind. `port` is None if the pins of the modem have another part."""
    try:
        import network
    except ImportError:
        return NoLink("this image has no TCP/IP: see docs/network.md")
    if link == MODEM:
        if port is None:
            return NoLink("another part, a readout head or a metering chip, has the pins of the modem")
        if not hasattr(network, "PPP"):
            return NoLink("this image has no PPP: see docs/network.md")
        return _build_modem(network, settings, port, clock)
    if not hasattr(network, "WLAN"):
        return NoLink("this board has no Wi-Fi")
    return Wifi(network, unpack_wifi(settings.get("wifi")), clock)


def _build_modem(network: "Any", settings: "Settings", port: ModemPort, clock: "Clock") -> modem.Modem:  # noqa: ANN401
    from machine import UART, Pin

    uart = UART(
        port.uart,
        baudrate=modem.BAUD,
        tx=Pin(port.tx),
        rx=Pin(port.rx),
        txbuf=port.buffer_bytes,
        rxbuf=port.buffer_bytes,
    )
    made = network.PPP(uart)
    line = ppp.EspPpp(made) if hasattr(made, "active") else ppp.LwipPpp(made)
    return modem.Modem(uart, line, unpack_modem(settings.get("modem")), clock)
