"""The world around the emulated RP2040, with the methods of `boards.host.world.world.World`, for the same session.

The screen shows the state that the meter's own recovery finds in its flash, read about once a second. The USB port is
both the session's console pane and a pseudo-terminal (`port`).
"""

import contextlib
import os
import tty
from collections.abc import Callable
from pathlib import Path

from boards.host.cards.iso14443a import Card
from boards.host.screen.echo import echo_of
from boards.host.world.household import Household
from boards.host.world.state_folder import StateFolder
from boards.host.world.world import FIRST_S, central_europe
from wattpurse.core.guards import tamper
from wattpurse.core.money import supply
from wattpurse.core.money.account import Account
from wattpurse.core.money.circumstances import Circumstances
from wattpurse.stores import Stores
from wattpurse_tools.emulation.emulator import EmulatedPico
from wattpurse_tools.emulation.meter import EmulatedMeter
from wattpurse_tools.emulation.ring import stores_of

FLASH_FILE = "flash.bin"

_SLICE_US = 5_000
_READ_EVERY_US = 1_000_000
_CHUNK_BYTES = 4096


class ChipStateFolder(StateFolder):
    """The folder of a meter on the emulated chip. The emulator itself writes the flash to its file at once."""

    def _save_flash(self, _flash: None) -> None:
        """Leave the file: it is up to date."""


class UsbPort:
    """The board's serial port, shared by the session's console and the pseudo-terminal `path`. Both read and write."""

    def __init__(self, pico: EmulatedPico) -> None:
        self._pico = pico
        self._output = ""
        self._typed: list[str] = []
        self._board_end, self._far_end = os.openpty()
        tty.setraw(self._far_end)
        os.set_blocking(self._board_end, False)
        self.path = os.ttyname(self._far_end)

    def close(self) -> None:
        """End the pseudo-terminal."""
        os.close(self._board_end)
        os.close(self._far_end)

    def type_line(self, line: str) -> None:
        """Send a line that was typed in the session."""
        self._typed.append(echo_of(line) + "\r\n")
        self._pico.serial_write(line.encode() + b"\r")

    def take_output(self) -> str:
        """Return the output of the board since the last call, without the echo of lines typed in the session.

        An echo that has come in part is kept until the rest of its line is there.
        """
        end = self._output.rfind("\n") + 1 if self._typed else len(self._output)
        output, self._output = self._output[:end], self._output[end:]
        for echo in list(self._typed):
            if echo in output:
                output = output.replace(echo, "", 1)
                self._typed.remove(echo)
        return output

    def carry(self) -> None:
        """Carry bytes both ways. Output is dropped when the buffer of the pseudo-terminal is full."""
        received = bytes(self._pico.serial_received)
        self._pico.serial_received.clear()
        if received:
            self._output += received.decode("latin-1")
            with contextlib.suppress(BlockingIOError):
                os.write(self._board_end, received)
        with contextlib.suppress(BlockingIOError):
            self._pico.serial_write(os.read(self._board_end, _CHUNK_BYTES))


class KnownMeter:
    """The state that the meter would recover if it started now. It has the part of `app.Meter` that a screen needs."""

    def __init__(self, stores: Stores, now_s: int) -> None:
        self.events = stores.events
        self.account: Account | None = stores.ledger.account
        self._stores = stores
        self._circumstances = Circumstances(now_s)
        self._circumstances.tamper_opens = self.account is not None and tamper.opens_supply(
            stores.settings.get("tamper", 0), self.account.terms
        )
        if self.account is not None:
            stores.ledger.advance(max(now_s, self.account.time_s), 0)

    def decide(self) -> int:
        """Return the reason for which there is supply, or none."""
        return supply.decide(self.account, self._stores.fault, self._circumstances)


class ScreenMeter(EmulatedMeter):
    """An emulated meter with a console for the session.

    `flash` is None: no model of the flash needs saving. `keys` is None: no keypad is wired to the chip.
    """

    flash = None
    keys = None

    def __init__(self, flash: str | Path, image: str | Path, utc_s: int, seed: int) -> None:
        super().__init__(flash, image, utc_s, seed)
        self.console = UsbPort(self.pico)


class EmulatedWorld:
    """The chip with the file `flash` runs the program `image`. See `boards.host.world.world.World`."""

    def __init__(self, flash: str | Path, image: str | Path, utc_s: int = FIRST_S, seed: int = 1) -> None:
        self.hardware = ScreenMeter(flash, image, utc_s, seed)
        self.clock = self.hardware.clock
        self.port = self.hardware.console
        self.title = f"Wattpurse, emulated RP2040, USB {self.port.path}"
        self.zone = central_europe()
        self.mains_on = True
        self.pace: Callable[[int], int] | None = None
        self._began_s = utc_s
        self.household = Household(self.clock, self.hardware.source, self.now_s, self.zone, seed)
        self.household.start()
        self._known: KnownMeter | None = None
        self._known_operations: int | None = None
        self._known_us = 0

    def close(self) -> None:
        """End the emulation. The file keeps the flash."""
        self.hardware.close()
        self.port.close()

    def now_s(self) -> int:
        """Return the true time, in seconds since 1970 UTC."""
        return self._began_s + self.clock.now_us // 1_000_000

    @property
    def meter(self) -> KnownMeter | None:
        """The state in flash, at most a second old; None without power."""
        if not self.hardware.pico.powered:
            return None
        if self._known is None or self.clock.now_us - self._known_us >= _READ_EVERY_US:
            self._read_flash()
        return self._known

    @property
    def account(self) -> Account | None:
        """The meter's account, or None."""
        meter = self.meter
        return None if meter is None else meter.account

    def run_for(self, duration_s: float) -> None:
        """Let `duration_s` seconds pass."""
        self.run_until(lambda: False, duration_s)

    def run_until(self, condition: Callable[[], object], limit_s: float) -> bool:
        """Let time pass until `condition()` holds, at most `limit_s` seconds. Return True if it held."""
        end_us = self.clock.now_us + int(limit_s * 1_000_000)
        while not condition():
            if self.clock.now_us >= end_us:
                return False
            self._follow_mains()
            until_us = min(end_us, self.clock.now_us + _SLICE_US)
            if self.pace is not None:
                until_us = self.pace(until_us)
            self.hardware.run_for((until_us - self.clock.now_us) / 1_000_000)
            self.port.carry()
        return True

    def allow_lateness(self, _limit_ms: int) -> None:
        """Leave the lateness as it is: a real program decides it."""

    def insert(self, card: Card) -> None:
        """Bring a card into the reader's field."""
        self.hardware.insert(card)

    def remove(self, card: Card | None = None) -> None:
        """Take a card out of the reader's field, or all cards."""
        self.hardware.remove(card)

    def press(self, duration_ms: int = 150) -> None:
        """Press the button for `duration_ms`."""
        self.hardware.press(duration_ms)

    def cut_mains(self) -> None:
        """Cut the mains as soon as time goes on."""
        self.mains_on = False

    def restore_mains(self) -> None:
        """Restore the mains as soon as time goes on."""
        self.mains_on = True

    def reset_board(self) -> None:
        """Pull the processor's reset line as soon as time goes on."""
        self.hardware.reset_board()

    def type_line(self, line: str) -> list[str]:
        """Type a line at the service console. Return the lines of the answer. Raise TimeoutError if none comes."""
        return self.hardware.type_line(line)

    def _follow_mains(self) -> None:
        if self.mains_on and not self.hardware.pico.powered:
            self.hardware.power_up()
        elif not self.mains_on and self.hardware.pico.powered:
            self.hardware.power_lost()

    def _read_flash(self) -> None:
        """Recover the meter's state anew if the flash has changed since the last time."""
        self._known_us = self.clock.now_us
        operations = self.hardware.pico.statistics()["flash"]["operations"]
        if self._known is None or operations != self._known_operations:
            self._known_operations = operations
            self._known = KnownMeter(stores_of(self.hardware.pico), self.now_s())
