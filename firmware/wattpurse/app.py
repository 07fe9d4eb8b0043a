"""The meter: its parts, and the parts that each of them works with.

`Meter(board)` builds only. `start` opens the stores in flash, in any state. `run` keeps the meter alive until the board
resets it.
"""

from wattpurse import hal
from wattpurse.core import carrier, outcome
from wattpurse.core.guards import tamper
from wattpurse.core.money import supply
from wattpurse.core.money.circumstances import Circumstances
from wattpurse.core.records import events
from wattpurse.core.records.settings import CLAMPS, METERING_CHIP, PULSES
from wattpurse.core.tariffs.calendar import LATEST_S
from wattpurse.drivers.led_display import order_of
from wattpurse.services.card_desk import CardDesk
from wattpurse.services.display import Display
from wattpurse.services.guard import Guard
from wattpurse.services.key_slot import KeySlot
from wattpurse.services.metering import Metering
from wattpurse.services.statements import Statements
from wattpurse.services.supply_desk import SupplyDesk
from wattpurse.services.supply_watch import SupplyWatch
from wattpurse.services.switching import Switching
from wattpurse.services.teller import Teller
from wattpurse.services.timekeeping import EARLIEST_S, TimeKeeper
from wattpurse.stores import Stores
from wattpurse.supervisor import FAULT_HUNG, FAULT_UNEXPLAINED, Supervisor, noter

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.money.contract import Contract
    from wattpurse.drivers.atm90e32_calibration import Calibration as ChipCalibration
    from wattpurse.drivers.ct_calibration import Calibration
    from wattpurse.hal import Board
    from wattpurse.services.bluetooth import Bluetooth
    from wattpurse.services.clamps import Clamps
    from wattpurse.services.console.console import Console
    from wattpurse.services.digit_entry import DigitEntry
    from wattpurse.services.mains_watch import MainsWatch
    from wattpurse.services.mqtt.link import Link
    from wattpurse.services.room import Room

VERSION = "0.1.0"

SERVICE_CARD_MINUTES = 10
CLAMPS_PERIOD_MS = 1_000
NO_HEAD_MS = 600_000


class Meter:
    """The whole meter on one board (see `hal`)."""

    version = VERSION

    def __init__(self, board: "Board") -> None:
        hal.check(board)
        self.board = board
        self._console = None
        self._digit_entry = None
        self.stores = Stores(board.flash, board.aes)
        self.settings = self.stores.settings
        self.events = self.stores.events
        self.ledger = self.stores.ledger
        self.load_profile = self.stores.load_profile
        self.top_ups = self.stores.top_ups
        self.circumstances = Circumstances()
        self.clamps: Clamps | None = None
        self.bluetooth: Bluetooth | None = None
        self.link: Link | None = None
        self.room: Room | None = None
        stores, clock = self.stores, board.clock
        self.timekeeper = timekeeper = TimeKeeper(rtc=board.rtc, clock=clock)
        self.key_slot = KeySlot(stores=stores, timekeeper=timekeeper, clock=clock, aes=board.aes)
        self.supply_desk = SupplyDesk(
            stores=stores,
            circumstances=self.circumstances,
            timekeeper=timekeeper,
            key_slot=self.key_slot,
        )
        self.teller = Teller(stores=stores, timekeeper=timekeeper, aes=board.aes)
        self.statements = Statements(
            stores=stores,
            timekeeper=timekeeper,
            aes=board.aes,
            supply_reason=self.decide,
        )
        self.metering = Metering(counter=board.counter, stores=stores, timekeeper=timekeeper, clock=clock)
        self.switching = Switching(
            load_switch=board.load_switch,
            decide=self.supply_desk.judge,
            events_log=self.events,
            timekeeper=timekeeper,
            clock=clock,
        )
        self.guard = Guard(
            sensors=(
                (tamper.COVER, board.cover),
                (tamper.MAGNET, board.magnet),
                (tamper.REVERSE, board.reverse_flow),
            ),
            stores=stores,
            timekeeper=timekeeper,
            clock=clock,
        )
        self.supply_watch = SupplyWatch(
            metering=self.metering,
            switching=self.switching,
            guard=self.guard,
            ledger=self.ledger,
            circumstances=self.circumstances,
            note_trip=self.supply_desk.trip,
            clock=clock,
        )
        self.mains_watch: MainsWatch | None = None
        self.display = Display(
            board=board,
            read_state=self.state,
            agree=self._pressed,
            raises_alarm=self.guard.raises_alarm,
            report_lost=self._display_lost,
            rest_s=lambda: self.supply_desk.rest_s,
            version=VERSION,
        )
        self.card_desk = CardDesk(
            board=board,
            stores=stores,
            timekeeper=timekeeper,
            teller=self.teller,
            statements=self.statements,
            key_slot=self.key_slot,
            show_outcome=self._tap_ended,
        )
        self.supervisor = Supervisor(
            clock=clock,
            watchdog=board.watchdog,
            fail_safe=board.load_switch.open_now,
            reset=board.reset,
            note=noter(self.events, timekeeper),
            report=board.console.write,
        )

    @property
    def console(self) -> "Console":
        """The service console, made at the first use: its modules are loaded when energy is being counted."""
        if self._console is None:
            from wattpurse.services.console.console import Console

            self._console = Console(self.board.console, self)
        return self._console

    @property
    def digit_entry(self) -> "DigitEntry":
        """The entry of tokens of twenty digits, made at the first use."""
        if self._digit_entry is None:
            from wattpurse.services.digit_entry import DigitEntry

            self._digit_entry = DigitEntry(self)
        return self._digit_entry

    @property
    def fault(self) -> int:
        """`supply.ON`, or the reason why no ledger can be used."""
        return self.stores.fault

    def decide(self) -> int:
        """Return the reason of supply that holds now."""
        return self.supply_desk.decide()

    def state(self) -> tuple:
        """Return `(account or None, reason of supply, grade of warning, days left or None)` for the display."""
        grade = self.supply_desk.warning_grade()
        return self.ledger.account, self.decide(), grade, self.circumstances.days_left

    def start(self) -> None:
        """Open the stores in flash. Bad flash never raises: `fault` has the reason."""
        self.stores.open_accounts()
        digit_order = self.settings.get("display_order")
        if digit_order is not None:
            self.display.set_digit_order(order_of(digit_order))
        half_period_us = self.settings.get("display_delay_us")
        if half_period_us is not None:
            self.display.set_half_period(half_period_us)
        if self.ledger.account is None:
            self.timekeeper.start(EARLIEST_S, LATEST_S)
        else:
            self.timekeeper.start(*self.stores.clock_bounds_s())
        if self.fault == supply.ON and self.settings.get("front_end", PULSES) != PULSES:
            self._start_clamps(self.settings.get("front_end"))
        if self.fault == supply.ON:
            self._count_first()
        self.board.rest(True)  # objects that live long lie close together: later allocations find room sooner
        self.board.rest(False)
        self.stores.open_events()
        self.board.rest(True)
        self.board.rest(False)
        if self.fault == supply.ON:
            self._start_services()

    async def run(self) -> None:
        """Start, and live until the board is reset."""
        try:
            self.start()
        except Exception as error:  # after any failure: a closed load switch must not stay closed without metering
            self.board.console.allow_interrupt(True)
            await self.supervisor.fail("start", error)
            return
        self._add_tasks(self.supervisor)
        await self.supervisor.run()

    def _add_tasks(self, supervisor: Supervisor) -> None:
        """Hand every task to the supervisor, one line each. A new service is added here."""
        if self.settings.get("room_reader", b""):
            self.use_room()
        if self.fault == supply.ON:
            supervisor.add_critical("metering", self.metering.run)
            supervisor.add("guard", self.guard.run)
            supervisor.add("supply watch", self.supply_watch.run)
            if self.clamps is not None:
                supervisor.add("clamps", self._watch_clamps)
            if self.settings.get("mqtt_broker", b""):
                supervisor.add("mqtt", self._run_link)
        supervisor.add_critical("switching", self.switching.run)
        supervisor.add("clock", self.timekeeper.run)
        supervisor.add("display", self.display.run)
        supervisor.add("console", self.console.run)
        supervisor.add("console rights", self.console.login.run)
        if self.settings.get("site_key") is not None:
            supervisor.add("card reader", self.card_desk.run)
        if self.settings.get("keypad", 0):
            supervisor.add("keypad", self._read_keypad)
        if self.settings.get("readout", b"")[:1] == b"\x01":
            supervisor.add("readout head", self._read_out)
        if self.settings.get("bluetooth", 0):
            supervisor.add("bluetooth", self._serve_bluetooth)

    def use_room(self) -> None:
        """Use display, button, buzzer and card reader of the room from now on. Their modules are loaded here.

        Without the line nothing changes: a meter never stops because its image or board has no room reader.
        """
        if self.room is None:
            line = self.board.build_room_line()
            if line is None:
                return
            from wattpurse.services.room import Room

            self.room = Room(self, line)
        self.room.take_over()

    async def _read_keypad(self) -> None:
        """Take keys, for ever. The modules are loaded here: most meters have no keypad."""
        from wattpurse.services.keypad import KeypadEntry

        keypad = self.board.build_keypad()
        if keypad is None:
            raise ValueError("this board has no lines for a keypad")
        await KeypadEntry(self, keypad).run()

    def commission(
        self,
        settings: tuple,
        tariff_data: bytes,
        impulses: int,
        per_kwh: int,
        contract: "type[Contract]",
        used_tokens: tuple = (),
    ) -> None:
        """Make a blank meter into one that works from its next start on: see `Stores.commission`.

        Erasing takes seconds. The coils are released first, so that none stays under current meanwhile. The load switch
        repeats a pulse that is cut short.
        """
        self.board.load_switch.release()
        now_s = self.timekeeper.now_s()
        self.stores.commission(settings, tariff_data, impulses, per_kwh, contract, now_s, used_tokens)

    def erase_ledger(self) -> None:
        """Discard a ledger that cannot be read: see `Stores.erase_ledger`. Takes seconds, as `commission` does."""
        self.board.load_switch.release()
        self.stores.erase_ledger(self.timekeeper.now_s())

    def measure_with_clamps(self, calibration: "Calibration | None" = None) -> None:
        """Measure with clamps from now on, by `calibration` or that of the settings. Raises ValueError with the reason.

        The modules of the clamps are imported here: a meter that counts pulses has no memory to spare for them.
        """
        from wattpurse.services.clamps import Clamps

        self._measure_with(Clamps(self.board, self.stores, self.timekeeper, calibration))

    def measure_with_chip(self, calibration: "ChipCalibration | None" = None) -> None:
        """Measure with the metering chip from now on, likewise."""
        from wattpurse.services.metering_chip import MeteringChip

        self._measure_with(MeteringChip(self.board, self.stores, self.timekeeper, calibration))

    def _measure_with(self, clamps: "Clamps") -> None:
        if self.clamps is not None:
            self.clamps.keep_energies()
            clamps.begin_energies()
        self.clamps = clamps
        self.load_profile.read_legs = clamps.profile_reading
        self.metering.set_counter(clamps.front_end)
        self.guard.set_sensor(tamper.REVERSE, clamps)

    def energy_of_legs(self) -> list:
        """Return the Wh that each leg with a clamp took in and gave out: none without clamps."""
        clamps = self.clamps
        if clamps is None:
            return []
        return [(clamps.import_wh(leg), clamps.export_wh(leg)) for leg in range(len(clamps.front_end.legs))]

    def count_pulses(self) -> None:
        """Count pulses from now on. Those that came while the clamps measured are not the customer's."""
        if self.clamps is not None:
            self.clamps.keep_energies()
        self.clamps = None
        self.load_profile.read_legs = None
        self.board.counter.take()
        self.metering.set_counter(self.board.counter)
        self.guard.set_sensor(tamper.REVERSE, self.board.reverse_flow)

    def open_link(self) -> None:
        """Begin to speak with the broker, or take up settings that have changed."""
        if self.link is None:
            self.make_link()
            self.supervisor.add("mqtt", self._run_link)
        else:
            self.link.settings_changed()

    def make_link(self) -> None:
        """Make the link. Its modules are imported here."""
        from wattpurse.services.mqtt.link import Link

        self.link = Link(self)

    async def _run_link(self) -> None:
        """Serve the link for ever. Its modules are imported when energy is being counted."""
        if self.link is None:
            self.make_link()
        await self.link.run()

    def _start_clamps(self, front_end: int) -> None:
        """Measure as the settings say, also if power failed before the account was calibrated to its impulses."""
        try:
            if front_end == CLAMPS:
                self.measure_with_clamps()
            elif front_end == METERING_CHIP:
                self.measure_with_chip()
            else:
                raise ValueError("this firmware does not know the front end")
            impulses, account = self.clamps.impulses, self.ledger.account
            if account.impulses != impulses:
                self.ledger.change(lambda altered: altered.calibrate(impulses, 1))
        except ValueError:  # the image or the settings are those of another meter: supply must not stay on unmeasured
            self.stores.give_up(supply.FAULT)

    def turn_bluetooth(self, is_on: bool) -> None:
        """Turn Bluetooth on or off from now on. Raises ValueError if the image has no Bluetooth."""
        if is_on and self.bluetooth is None:
            self._start_bluetooth()
            self.supervisor.add("bluetooth", self._serve_bluetooth)
        self.settings.set("bluetooth", int(is_on))

    def _start_bluetooth(self) -> None:
        """Build the service. Its modules are loaded here: a meter without it has no memory to spare for them."""
        port = self.board.build_bluetooth()
        if port is None:
            raise ValueError("this image has no Bluetooth; docs/bluetooth.md names the boards and their images")
        from wattpurse.services.bluetooth import Bluetooth
        from wattpurse.services.statement_numbers import StatementNumbers

        self.bluetooth = Bluetooth(
            port=port,
            stores=self.stores,
            clock=self.board.clock,
            teller=self.teller,
            statements=self.statements,
            numbers=StatementNumbers(self.settings, "bluetooth_numbers"),
            show_outcome=self.display.show_outcome,
        )

    async def _serve_bluetooth(self) -> None:
        """Serve customers by Bluetooth for ever."""
        if self.bluetooth is None:
            self._start_bluetooth()
        await self.bluetooth.run()

    async def _watch_clamps(self) -> None:
        """Look at the clamps once a second, for ever."""
        while True:
            if self.clamps is not None:
                self.clamps.step()
            await self.board.clock.sleep_ms(CLAMPS_PERIOD_MS)

    async def _read_out(self) -> None:
        """Serve readers at the readout head. Its modules are loaded when energy is being counted."""
        from wattpurse.services.readout import ReadoutHead

        port = self.board.build_readout_port()
        while port is None:  # the image is another than the one on which the head was switched on
            await self.board.clock.sleep_ms(NO_HEAD_MS)
        await ReadoutHead(port, self).run()

    def _count_first(self) -> None:
        try:
            self.metering.count()
        except OSError:
            self.stores.give_up()

    def _start_services(self) -> None:
        try:
            self.teller.start()
        except OSError:
            self.stores.give_up()
            return
        self.stores.start_records(self.timekeeper.now_s())
        self.supply_watch.start(self.board.random_bytes, self.timekeeper.now_s())
        self._watch_mains()
        self.display.set_brightness(self.settings.get("brightness", 4))
        self.events.note(events.STARTED, carrier.METER, self.timekeeper.now_s())
        watchdog = self.board.watchdog
        if watchdog.has_reset_board or watchdog.is_unexplained:
            fault = FAULT_HUNG if watchdog.has_reset_board else FAULT_UNEXPLAINED
            self.events.note(events.FAULT, carrier.METER, self.timekeeper.now_s(), fault)
        if not self.timekeeper.trusted:
            self.events.note(events.CLOCK_DOUBTED, carrier.METER, self.timekeeper.now_s())

    def _watch_mains(self) -> None:
        """Begin to watch the mains, if the board has an input for that. Its module is loaded after the first count."""
        board = self.board
        if board.power_fail is None:
            return
        from wattpurse.services.mains_watch import MainsWatch

        self.mains_watch = MainsWatch(
            sensor=board.power_fail,
            metering=self.metering,
            switching=self.switching,
            supply_watch=self.supply_watch,
            stores=self.stores,
            circumstances=self.circumstances,
        )
        self.mains_watch.start()
        self.metering.watch_mains(self.mains_watch.step)

    def is_busy(self) -> bool:
        """Return True while the meter has something more urgent than a task that holds the processor for a while."""
        return self.circumstances.mains_failed or self.supply_watch.limit.is_tripped or self.card_desk.has_visitor

    def _display_lost(self, is_lost: bool) -> None:
        """Raise the alarm of the display, or clear it."""
        self.statements.display_failed = is_lost
        code = events.DISPLAY_LOST if is_lost else events.DISPLAY_BACK
        self.events.note(code, carrier.METER, self.timekeeper.now_s())

    def _pressed(self) -> bool:
        """Take a press of the button. A person in the dark also gets one more pulse of the closing coil."""
        self.supply_watch.closed_load.ask()
        return self.supply_desk.press()

    def _tap_ended(self, result: int) -> None:
        """Show the outcome of a tap. A technician's card also opens the console."""
        self.display.show_outcome(result)
        if result == outcome.SERVICE:
            self.console.grant(SERVICE_CARD_MINUTES)
