"""Fakes of MicroPython's `machine.UART`, `network.PPP` and `network.WLAN`, as strict as the ports' own code."""

from boards.host.chips.modem import ModemModel

EALREADY = 114
_OPENS_US = 200_000
_GIVES_UP_US = 12_000_000


class FakeUart:
    """A UART with a modem at its end."""

    def __init__(self, clock):
        self.modem = ModemModel(clock, self._arrive)
        self._waiting = bytearray()

    def any(self):
        return len(self._waiting)

    def read(self, count):
        taken = bytes(self._waiting[:count])
        self._waiting = self._waiting[count:]
        return taken or None

    def write(self, data):
        for byte in data:
            self.modem.receive(byte)
        return len(data)

    def _arrive(self, data):
        self._waiting += data


class FakeLwipPpp:
    """PPP of extmod/network_ppp_lwip.c: the states, and the end that takes twelve seconds on a dead line.

    `addresses` are those that the other end gives in turn, the last for ever. "0.0.0.0" stands for a line without one.
    """

    SEC_NONE = 0
    SEC_PAP = 1

    def __init__(self, clock, uart, addresses=("10.0.0.5",)):
        self._clock = clock
        self._modem = uart.modem
        self._addresses = list(addresses)
        self._address = "0.0.0.0"
        self._state = 0
        self._turn = 0
        self.logins = []
        self._modem.on_carrier = self._carrier_moved

    def connect(self, *, security=0, user=None, key=None):
        if self._state in (3, 4):
            raise OSError(EALREADY)
        if security != self.SEC_NONE and not (isinstance(user, str) and isinstance(key, str)):
            raise TypeError("user and key are text")
        self.logins.append((security, user, key))
        self._state = 3
        if self._modem.carries_data and not self._modem.is_dead:
            self._later(_OPENS_US, self._open)
        else:
            self._later(_GIVES_UP_US, self._fail)

    def disconnect(self):
        if self._state in (3, 4):
            self._later(_GIVES_UP_US if self._modem.is_dead else 1, self._end)

    def isconnected(self):
        return self._state == 4

    def status(self):
        return -5 if self._state == 2 else self._state

    def ifconfig(self):
        return (self._address, "0.0.0.0", "255.255.255.255", "0.0.0.0")

    def _later(self, delay_us, action):
        self._turn += 1
        turn = self._turn
        self._clock.call_at_us(self._clock.now_us + delay_us, lambda: turn == self._turn and action())

    def _open(self):
        self._state = 4
        self._address = self._addresses.pop(0) if len(self._addresses) > 1 else self._addresses[0]

    def _fail(self):
        self._state = 2
        self._address = "0.0.0.0"

    def _end(self):
        self._state = 0
        self._address = "0.0.0.0"
        if self._modem.carries_data and not self._modem.is_dead:
            self._modem.drop_carrier()

    def _carrier_moved(self, is_there):
        pass  # PPP hears of it only if the meter asks in vain for long


class FakeEspPpp:
    """PPP of ports/esp32/network_ppp.c."""

    AUTH_NONE = 0
    AUTH_PAP = 1

    def __init__(self):
        self._active = False
        self._connects = False
        self.calls = []

    def active(self, *value):
        if value:
            self._active = value[0]
            self._connects = self._connects and self._active
        return self._active

    def connect(self, *, authmode=0, username=None, password=None):
        if not self._active:
            raise OSError("must be active")
        if self._connects:
            raise OSError(EALREADY)
        self._connects = True
        self.calls.append((authmode, username, password))

    def isconnected(self):
        return self._connects

    def ifconfig(self):
        return ("10.0.0.6", "0", "0", "0") if self._active else (None, None, None, None)


class FakeNetwork:
    """The module `network` with a radio. `in_reach` has the passwords by name; None stands for an open network."""

    STA_IF = 0
    STAT_IDLE = 1000
    STAT_CONNECTING = 1001
    STAT_GOT_IP = 1010
    STAT_NO_AP_FOUND = 201
    STAT_WRONG_PASSWORD = 202

    def __init__(self, clock, in_reach):
        self.clock = clock
        self.in_reach = in_reach
        self.gives_address = True
        self.stations = []

    def WLAN(self, interface):  # noqa: N802 the name in MicroPython
        if interface != self.STA_IF:
            raise ValueError("only a station")
        self.stations.append(FakeStation(self))
        return self.stations[-1]


class FakeStation:
    """The station: it refuses the same calls as the esp32 port."""

    PM_NONE = 0

    def __init__(self, network):
        self._network = network
        self._active = False
        self._turn = 0
        self._status = network.STAT_IDLE
        self.options = {}
        self.connects = 0

    def active(self, *value):
        if value:
            self._active = value[0]
            self._set(self._network.STAT_IDLE)
        return self._active

    def config(self, **options):
        self.options.update(options)

    def connect(self, name, password=None):
        if not self._active:
            raise OSError("Wifi Not Started")
        if self._status == self._network.STAT_CONNECTING:
            raise OSError("Wifi Internal Error")
        self.connects += 1
        self._set(self._network.STAT_CONNECTING)
        turn = self._turn
        clock = self._network.clock
        clock.call_at_us(clock.now_us + 500_000, lambda: turn == self._turn and self._answer(name, password))

    def disconnect(self):
        if not self._active:
            raise OSError("Wifi Not Started")
        self._set(self._network.STAT_IDLE)

    def isconnected(self):
        return self._status == self._network.STAT_GOT_IP

    def status(self):
        return self._status

    def ifconfig(self):
        has_address = self.isconnected() and self._network.gives_address
        return ("192.168.1.7" if has_address else "0.0.0.0", "0", "0", "0")

    def _answer(self, name, password):
        if name not in self._network.in_reach:
            self._set(self._network.STAT_NO_AP_FOUND)
        elif self._network.in_reach[name] != password:
            self._set(self._network.STAT_WRONG_PASSWORD)
        else:
            self._set(self._network.STAT_GOT_IP)

    def _set(self, status):
        self._turn += 1
        self._status = status
