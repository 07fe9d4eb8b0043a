"""The link to the broker: one task that connects, lives on the connection, and waits before it tries again.

Each try begins with the network: the board brings it up. After some tries without success it is taken down, so that a
modem dials anew. A broker that takes over a session keeps the subscriptions; another one is asked for them.
"""

from wattpurse.core import carrier
from wattpurse.core.messages import mqtt
from wattpurse.core.records import events
from wattpurse.services.mqtt import names
from wattpurse.services.mqtt.codec import BadPacket, Codec
from wattpurse.services.mqtt.configuration import Configuration
from wattpurse.services.mqtt.inbox import Inbox
from wattpurse.services.mqtt.publisher import Publisher
from wattpurse.services.mqtt.session import KEEPALIVE_S, Session
from wattpurse.services.mqtt.wire import Wire

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from wattpurse.app import Meter
    from wattpurse.services.mqtt.home_assistant import Discovery
    from wattpurse.services.mqtt.publisher import Publication
    from wattpurse.services.mqtt.wire import Stream

STEP_MS = 200
NETWORK_MS = 60_000
FIRST_PAUSE_MS = 5_000
LONGEST_PAUSE_MS = 600_000
TRIES_TO_HANG_UP = 3
QUIET_MS = 2_000
LONGEST_WAIT_MS = 60_000
IDENTIFY_GAP_MS = 60_000
IDENTIFY_MS = 10_000

OFF = "off"
NO_NETWORK = "the board has no network"
WAITING = "waiting"
CONNECTING = "connecting"
CONNECTED = "connected"

_IDENTIFY_TEXT = "HErE"
_NOT_THIS_BROKER = "name the broker's name server first: 'mqtt dns ADDRESS'"


class Link:
    """The link of `meter`. `sockets` opens streams and datagrams; None stands for the module of that name."""

    def __init__(self, meter: "Meter", sockets: "ModuleType | None" = None) -> None:
        self.state = WAITING
        self.trouble = ""
        self.connections = 0
        self.failures = 0  # in a row
        self._sockets = sockets
        self._board = meter.board
        self._clock = meter.board.clock
        self._settings = meter.settings
        self._events = meter.events
        self._timekeeper = meter.timekeeper
        self._meter = meter
        self._network = None
        self._discovery: Discovery | None = None
        self._identified_ms: int | None = None
        self.publisher = Publisher(
            meter.statements, meter.stores, self._clock, lambda: meter.switching.reason, meter.version
        )
        self.inbox = Inbox(meter.teller, meter.stores, meter.display.show_outcome, self._show_place)
        self._changed = True
        self.traffic = [0, 0]  # bytes received and sent

    def settings_changed(self) -> None:
        """Take up the settings anew: the console has changed them."""
        self._changed = True

    async def run(self) -> None:
        """Keep the link alive, for ever."""
        while True:
            self._changed = False
            configuration = Configuration(self._settings)
            self.publisher.set_schedule(configuration.options.every_minutes)
            if configuration.is_off:
                self.state = OFF
                await self._wait(LONGEST_PAUSE_MS, False)
                continue
            await self._try(configuration)

    async def _try(self, configuration: Configuration) -> None:
        """Make one connection, live on it, and wait after it has ended."""
        began_ms = self._clock.ticks_ms()
        try:
            await self._connect(configuration)
        except (OSError, BadPacket, MemoryError) as error:
            self._note_end(str(error) or repr(error))
        if self._changed:
            return
        if self._clock.ticks_diff(self._clock.ticks_ms(), began_ms) > LONGEST_PAUSE_MS:
            self.failures = 1
        if self.failures >= TRIES_TO_HANG_UP and self._network is not None:
            self._network.take_down()
        self.state = WAITING
        await self._wait(self._pause_ms(), True)

    def _pause_ms(self) -> int:
        """Return the pause before the next try: twice as long each time, and a random part of it less."""
        longest_ms = min(FIRST_PAUSE_MS << min(self.failures, 10), LONGEST_PAUSE_MS)
        return longest_ms - longest_ms * self._board.random_bytes(1)[0] // 512

    async def _wait(self, pause_ms: int, composes: bool) -> None:
        """Wait until the settings change, at most `pause_ms`. Statements that are due meanwhile are sealed."""
        began_ms = self._clock.ticks_ms()
        while not self._changed and self._clock.ticks_diff(self._clock.ticks_ms(), began_ms) < pause_ms:
            if composes:
                self.publisher.step()
            await self._clock.sleep_ms(1_000)

    async def _connect(self, configuration: Configuration) -> None:
        await self._bring_up()
        await self._await_quiet()
        self.state = CONNECTING
        address = await self._address(configuration)
        wire = Wire(self._open_stream(address, configuration), self._clock)
        try:
            await self._live(wire, configuration)
        finally:
            wire.close()
            self.traffic[0] += wire.received
            self.traffic[1] += wire.sent

    async def _bring_up(self) -> None:
        if self._network is None:
            self._network = self._board.build_network(self._settings)
        if self._network is None:
            raise OSError(NO_NETWORK)
        if not self._network.is_up():
            await self._network.bring_up(NETWORK_MS)

    async def _await_quiet(self) -> None:
        """Wait while the meter has something more urgent than the shake of hands, which can take a second in all.

        A card that lies on the reader for good must not keep the meter from its broker.
        """
        quiet_ms = waited_ms = 0
        while quiet_ms < QUIET_MS and waited_ms < LONGEST_WAIT_MS:
            await self._clock.sleep_ms(QUIET_MS // 5)
            quiet_ms = 0 if self._meter.is_busy() else quiet_ms + QUIET_MS // 5
            waited_ms += QUIET_MS // 5

    async def _address(self, configuration: Configuration) -> str:
        if names.is_numeric(configuration.host):
            return configuration.host
        if configuration.needs_name_server:
            raise OSError(_NOT_THIS_BROKER)
        identifier = int.from_bytes(self._board.random_bytes(2), "big")
        server = configuration.options.name_server
        return await names.look_up(configuration.host, server, self._clock, identifier, self._socket_module().Datagrams)

    def _socket_module(self) -> "ModuleType":
        if self._sockets is None:
            from wattpurse.services.mqtt import sockets

            self._sockets = sockets
        return self._sockets

    def _open_stream(self, address: str, configuration: Configuration) -> "Stream":
        security = None
        if configuration.ca:
            from wattpurse.services.mqtt.tls import Security

            self._board.set_system_clock(self._timekeeper.now_s())
            security = Security(configuration.ca, configuration.host)
        return self._socket_module().Stream(address, configuration.port, security)

    async def _live(self, wire: Wire, configuration: Configuration) -> None:
        """Serve a connection until it ends by an exception, or until the settings change."""
        number = configuration.meter_number
        codec = Codec(f"wattpurse-{number}".encode(), configuration.user, configuration.password, KEEPALIVE_S)
        codec.set_last_will(mqtt.topic(number, mqtt.LINK).encode(), mqtt.OFFLINE)
        self.inbox.begin()
        self._prepare_discovery(configuration.options.home_assistant)
        session = Session(wire, codec, self._clock, self.inbox.take)
        if not await session.open() or self.connections == 0:
            await session.subscribe(mqtt.topic(number, mqtt.TOKEN).encode())
            await session.subscribe(mqtt.topic(number, mqtt.IDENTIFY).encode())
        self._note_begin()
        await session.publish(mqtt.topic(number, mqtt.LINK).encode(), mqtt.ONLINE, True, _nothing)
        while not self._changed:
            await session.step(STEP_MS)
            await self._work(session, number)

    async def _work(self, session: Session, number: int) -> None:
        """Do the work of one message that arrived, and send one publication if the last one was delivered."""
        accepted = self.inbox.accepted
        done, pause_ms = self.inbox.step()
        if done is not None:
            await session.acknowledge(done)
        if accepted != self.inbox.accepted:
            self.publisher.token_taken()
        if pause_ms:
            await self._clock.sleep_ms(pause_ms)
        if session.is_free:
            await self._send_next(session, number)

    async def _send_next(self, session: Session, number: int) -> None:
        receipt, message = self.inbox.first()
        if receipt is not None:
            await self._publish(session, number, receipt, lambda: self.inbox.delivered(receipt))
            while not session.is_free:
                await session.step(STEP_MS)
            return await session.acknowledge(message)
        self.publisher.step()
        publication = self.publisher.first()
        if publication is not None:
            return await self._publish(session, number, publication, lambda: self.publisher.delivered(publication))
        if self._discovery is not None:
            publication = self._discovery.next()
            if publication is not None:
                await self._publish(session, number, publication, _nothing)
        return None

    async def _publish(
        self, session: Session, number: int, publication: "Publication", delivered: "Callable[[], None]"
    ) -> None:
        name = publication.name
        topic = (name if "/" in name else mqtt.topic(number, name)).encode()
        await session.publish(topic, publication.payload, publication.retain, delivered)

    def _prepare_discovery(self, is_wanted: bool) -> None:
        """Prepare to tell of the meter on this connection, or to withdraw it if it was told of before."""
        if is_wanted:
            if self._discovery is None:
                from wattpurse.services.mqtt.home_assistant import Discovery

                self._discovery = Discovery(self._meter)
            self._discovery.connected()
        elif self._discovery is not None:
            self._discovery.withdraw()

    def _show_place(self) -> None:
        """Show and sound where the meter is. Once a minute: nobody shall keep the display from its customer."""
        now_ms = self._clock.ticks_ms()
        if self._identified_ms is not None and self._clock.ticks_diff(now_ms, self._identified_ms) < IDENTIFY_GAP_MS:
            return
        self._identified_ms = now_ms
        self._meter.display.identify(_IDENTIFY_TEXT, IDENTIFY_MS)

    def _note_begin(self) -> None:
        self.state = CONNECTED
        self.trouble = ""
        self.failures = 0
        self.connections += 1
        self.publisher.connected()
        self._events.note(events.BROKER_FOUND, carrier.MQTT, self._timekeeper.now_s())

    def _note_end(self, why: str) -> None:
        if self.state == CONNECTED:
            self._events.note(events.BROKER_LOST, carrier.MQTT, self._timekeeper.now_s())
        self.failures += 1
        self.trouble = why


def _nothing() -> None:
    """Do nothing: nobody waits for this delivery."""
