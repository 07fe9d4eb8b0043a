"""Wi-Fi as the way to the broker, on the chips whose MicroPython has `network.WLAN`: ESP32, and the Pico W's radio."""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import Any

    from wattpurse.core.records.network_settings import WifiSettings
    from wattpurse.hal import Clock

_LOOK_MS = 100
_NO_ADDRESS = "0.0.0.0"
# name of the status in `network`, whose value differs between ports, and the reason that it gives
_REASONS = (
    ("STAT_WRONG_PASSWORD", "Wi-Fi refuses the password"),
    ("STAT_HANDSHAKE_TIMEOUT", "Wi-Fi refuses the password"),
    ("STAT_NO_AP_FOUND", "no Wi-Fi of this name is in reach"),
    ("STAT_BEACON_TIMEOUT", "Wi-Fi was lost: it is too weak here"),
    ("STAT_ASSOC_FAIL", "Wi-Fi takes no more stations"),
    ("STAT_CONNECT_FAIL", "Wi-Fi does not connect"),
)


class Wifi:
    """The station of `network`, MicroPython's module of that name, as `hal.Network`."""

    def __init__(self, network: "Any", settings: "WifiSettings", clock: "Clock") -> None:  # noqa: ANN401 a module
        self._network = network
        self._station = network.WLAN(network.STA_IF)
        self._settings = settings
        self._clock = clock

    def is_up(self) -> bool:
        """Return True if the station is connected and has an address."""
        return self._station.isconnected() and self._station.ifconfig()[0] != _NO_ADDRESS

    async def bring_up(self, timeout_ms: int) -> None:
        """Connect and wait for an address, at most `timeout_ms`. Raise OSError with the reason.

        A failure that the radio reports is no end: it may be an access point that starts. It is the reason at the end.
        """
        if self.is_up():
            return
        self.take_down()
        self._station.active(True)
        self._stay_awake()
        self._connect()
        begun_ms = self._clock.ticks_ms()
        failure = None
        while not self.is_up():
            if self._clock.ticks_diff(self._clock.ticks_ms(), begun_ms) >= timeout_ms:
                self.take_down()
                raise OSError(failure or "Wi-Fi gives no address")
            await self._clock.sleep_ms(_LOOK_MS)
            reason = self._reason()
            if reason is not None:
                failure = reason
                self._connect()

    def take_down(self) -> None:
        """Leave the access point, and switch the radio off until the next `bring_up`."""
        if self._station.active():
            self._station.disconnect()
            self._station.active(False)

    def _connect(self) -> None:
        """Begin to connect. The esp32 port goes on connecting by itself, and refuses a second call."""
        try:
            if self._settings.password:
                self._station.connect(self._settings.name, self._settings.password)
            else:
                self._station.connect(self._settings.name)
        except OSError:
            pass  # it is connecting already

    def _stay_awake(self) -> None:
        """Keep the receiver on: a station that sleeps hears a token up to a second late."""
        try:
            self._station.config(pm=self._station.PM_NONE)
        except (AttributeError, ValueError, OSError):
            pass  # this port has no such setting

    def _reason(self) -> str | None:
        """Return the failure that the radio reports, None while it connects."""
        status = self._station.status()
        for name, reason in _REASONS:
            if status == getattr(self._network, name, None):
                return reason
        return None
