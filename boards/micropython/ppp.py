"""PPP of MicroPython's ports on the UART of a modem: `network.PPP` differs between them in names and in its end."""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import Any

_CONNECTING = 3  # `status()` of lwIP's PPP: from here on the line is in use
_NO_ADDRESS = (None, "0.0.0.0")


class LwipPpp:
    """PPP of the ports that have lwIP in the image, such as rp2 (MicroPython's extmod/network_ppp_lwip.c).

    One object lasts: after an end, or an error, it connects again.
    """

    def __init__(self, ppp: "Any") -> None:  # noqa: ANN401 a `network.PPP`
        self._ppp = ppp

    def start(self, user: str, password: str) -> None:
        """Begin to connect, with a login if there is a user."""
        if user:
            self._ppp.connect(security=self._ppp.SEC_PAP, user=user, key=password)
        else:
            self._ppp.connect()

    def has_address(self) -> bool:
        """Return True if the line is connected and has an address: the first can be without the second."""
        return self._ppp.isconnected() and self._ppp.ifconfig()[0] not in _NO_ADDRESS

    def is_over(self) -> bool:
        """Return True if the UART is free again. The end of a dead line takes some seconds."""
        return self._ppp.status() < _CONNECTING

    def stop(self) -> None:
        """Ask the other end to close the line."""
        self._ppp.disconnect()


class EspPpp:
    """PPP of the esp32 port (MicroPython's ports/esp32/network_ppp.c). The end of a dead line holds it up for 4 s."""

    def __init__(self, ppp: "Any") -> None:  # noqa: ANN401 a `network.PPP`
        self._ppp = ppp

    def start(self, user: str, password: str) -> None:
        """Begin to connect, with a login if there is a user."""
        self._ppp.active(True)
        if user:
            self._ppp.connect(authmode=self._ppp.AUTH_PAP, username=user, password=password)
        else:
            self._ppp.connect()

    def has_address(self) -> bool:
        """Return True if the line is connected and has an address."""
        return self._ppp.isconnected() and self._ppp.ifconfig()[0] not in _NO_ADDRESS

    def is_over(self) -> bool:
        """Return True if the UART is free again."""
        return not self._ppp.active()

    def stop(self) -> None:
        """Close the line and wait for its end."""
        self._ppp.active(False)
