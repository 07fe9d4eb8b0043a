"""An hour of a meter with two clamps, in a house of real appliances, printed line by line.

Mains, clamps, converter and its ring are models, and the meter's program works off every sample. Each chapter compares
the energy that the meter counted with the energy that the house drew. The story ends with exit status 1 if they differ
by more than class 1 allows.
"""

import os

from boards.host import files
from boards.host.world.commissioning import CHIP, CT, METER_NUMBER, PIN, commission
from boards.host.world.vending_desk import VendingDesk
from boards.host.world.world import World
from wattpurse.app import Meter
from wattpurse.core.text import kwh_text, time_text

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

_SEED = 1
_CLASS_PERCENT = 1
_SETTLE_S = 8
_MEASURE_S = 20
_CALIBRATION_W = 2_400
_AT = {CT: "", CHIP: " at a metering chip"}
_STEP_MWH = 300  # the ledger counts energy in steps of a quarter of a Wh
# event, watts of the house, minutes
_APPLIANCES = (
    ("a refrigerator runs", 95, 10),
    ("the kettle boils as well", 2_095, 2),
    ("cooker and shower run as well", 7_400, 2),
)


class UnexpectedReading(Exception):
    """Raised if the meter counted other energy than the house drew."""


def tell(front_end: str = CT, write: "Callable[[str], object]" = print) -> int:
    """Tell the story in a new folder, remove the folder, and return the exit status.

    `front_end` is CT for the board's converter, or CHIP for a metering chip.
    """
    folder = "build/story-" + os.urandom(6).hex()
    files.make_folder(folder)
    try:
        ClampStory(folder, front_end, write).tell()
    except (UnexpectedReading, OSError, ValueError) as failure:
        write(f"The story went wrong: {failure}")
        return 1
    finally:
        files.remove_folder(folder)
    return 0


class ClampStory:
    """The story in `folder`. Each line goes to `write`."""

    def __init__(self, folder: str, front_end: str, write: "Callable[[str], object]") -> None:
        self._front_end = front_end
        self._write = write
        self._world = World(Meter, seed=_SEED)
        self._desk = VendingDesk(folder + "/office", folder + "/cards", folder)

    def tell(self) -> None:
        """Tell all chapters. Raises UnexpectedReading."""
        self._commission()
        self._calibrate()
        for words, watts, minutes in _APPLIANCES:
            self._live(words, watts, minutes)
        self._put_backwards()
        if self._front_end == CT:
            self._pull_cable()
        else:
            self._reset_chip()
        self._world.close()

    def _commission(self) -> None:
        world = self._world
        world.household.constant_w = 0
        world.household.update()
        world.run_until(lambda: world.meter is not None, 1)
        commission(world, self._desk, front_end=self._front_end)
        clamps = "two clamps" + _AT[self._front_end]
        self._say(f"a technician commissions meter {METER_NUMBER} with {clamps}; its firmware runs on models of chips")
        self._login()
        self._console("supply test 60")

    def _calibrate(self) -> None:
        clamps = self._world.hardware.clamps
        clamps.hold()
        one, other = clamps.inputs.legs
        one.gain, one.phase_degrees, other.gain, other.phase_degrees = 1.03, 2.0, 0.97, 1.0
        self._draw(_CALIBRATION_W)
        self._say("the clamps are those of a shop: 3 % off, and up to two degrees ahead")
        self._quote("ct measure " + str(_MEASURE_S))
        self._quote(f"ct gain L1 {_CALIBRATION_W // 2}")
        self._quote(f"ct gain L2 {_CALIBRATION_W // 2}")

    def _live(self, words: str, watts: int, minutes: int) -> None:
        self._draw(watts)
        source, account = self._world.hardware.source, self._world.account
        if account is None:
            raise UnexpectedReading("the meter does not run")
        counted_mwh, drawn_mwh = account.registers.total_mwh, source.energy_mwh
        self._world.run_for(minutes * 60)
        drawn_mwh = source.energy_mwh - drawn_mwh
        account = self._world.account
        counted_mwh = (account.registers.total_mwh if account is not None else 0) - counted_mwh
        error = 100 * (counted_mwh - drawn_mwh) / drawn_mwh
        self._say(
            f"{words}, {watts} W for {minutes} minutes: drawn {kwh_text(drawn_mwh, 4)} kWh,"
            f" counted {kwh_text(counted_mwh, 4)} kWh, error {error:.2f} %"
        )
        if abs(error) > _CLASS_PERCENT + 100 * _STEP_MWH / drawn_mwh:
            raise UnexpectedReading("that is beyond class 1")
        self._quote("ct")

    def _put_backwards(self) -> None:
        clamps = self._world.hardware.clamps
        clamps.hold()
        clamps.inputs.legs[1].is_reversed = True
        self._draw(1_500)
        self._say("somebody turns the clamp of L2 round")
        self._quote("ct")

    def _pull_cable(self) -> None:
        clamps = self._world.hardware.clamps
        clamps.hold()
        clamps.inputs.legs[1].is_reversed = False
        clamps.inputs.legs[1].is_plugged = False
        self._draw(1_500)
        self._say("then the cable of L2 is pulled out of its jack")
        self._quote("ct")
        self._quote("events 6")

    def _reset_chip(self) -> None:
        clamps = self._world.hardware.clamps
        clamps.hold()
        clamps.inputs.legs[1].is_reversed = False
        self._draw(1_500)
        self._say("the clamp is right again, and a dip of its supply resets the metering chip")
        if clamps.chip is not None:
            clamps.chip.power_up()
        self._world.run_for(_SETTLE_S)
        self._quote("ct")
        self._quote("events 6")

    def _draw(self, watts: int) -> None:
        """Change the load of the house, and let its readings settle."""
        self._world.household.constant_w = watts
        self._world.household.update()
        self._world.run_for(_SETTLE_S)

    def _login(self) -> None:
        self._world.run_for(_SETTLE_S)
        self._console("login " + PIN)

    def _console(self, line: str) -> list:
        answer = self._world.type_line(line)
        if answer[0].startswith("refused"):
            raise UnexpectedReading(f"{line}: {answer[0]}")
        return answer

    def _quote(self, line: str) -> None:
        """Write a line of the console and its answer."""
        self._write(f"    > {line}")
        for said in self._console(line):
            self._write(f"      {said}")

    def _say(self, words: str) -> None:
        self._write(f"{time_text(self._world.now_s(), self._world.zone)[11:19]}  {words}")
