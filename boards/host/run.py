"""`make run`: the simulated meter at its screen, or without a terminal its story.

The meter has one folder, the office that sells to it another, with its cards. A new meter is commissioned
for the contract named. Each contract has a meter folder of its own unless --state names one.
"""

import os
import sys

from boards.host.screen import terminal
from boards.host.world.commissioning import (
    CARDS,
    CHIP,
    CONTRACT,
    CT,
    OFFICE,
    PULSE,
    customer_from,
    customer_of,
    meet_broker,
    open_world,
    switch_readout_on,
)
from boards.host.world.guide import Guide
from boards.host.world.state_folder import TERMINAL_SIZE

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.screen.readout_terminal import ReadoutTerminal
    from boards.host.world.state_folder import StateFolder
    from boards.host.world.world import World

_OPTIONS = ("--state", "--cards", "--desk", "--contract", "--front-end", "--bluetooth", "--broker")
_FRONT_ENDS = (PULSE, CT, CHIP)
_USAGE = (
    "usage: run.py [--contract NAME] [--front-end pulse|ct|chip] [--state FOLDER] [--cards FOLDER] [--desk FOLDER]"
    " [--readout] [--bluetooth CONTROLLER] [--broker HOST[:PORT]] [--story]"
)
_INTERRUPTED = 130  # as a shell reports Ctrl-C
_HELP = """
  --contract NAME  the contract of a new meter: prepaid-money (the default), prepaid-energy, term, dispenser,
                   key-card, managed or account
  --front-end NAME what measures the house of a new meter: pulse (the default), ct for two clamps,
                   or chip for two clamps at a metering chip
  --state FOLDER   the meter; the default is meter, or meter-NAME for another contract,
                   with -ct or -chip behind it for clamps
  --cards FOLDER   the cards; the default is those of the office
  --desk FOLDER    the office that sells; the default is office-data, and one is made if there is none
  --readout        a pseudo terminal at the readout head, for 'wattpurse readout' and other readers
  --bluetooth NAME serve phones by this Bluetooth controller of the computer, as the package bumble names it:
                    hci-socket:0, usb:0, tcp-client:HOST:PORT; 'bluetooth on' at the console turns it on
  --broker ADDRESS an MQTT broker that the meter speaks with
  --story          tell some days of a prepaid-money meter instead, as without a terminal
"""


class CannotConnect(Exception):
    """A link that an option names could not be made; the text is the reason."""


def arguments(words: list) -> dict:
    """Return the command line as a dictionary. An option that is missing is None or False.

    Raises ValueError that names the mistake.
    """
    options: dict = dict.fromkeys(("state", "cards", "desk", "contract", "front-end", "bluetooth", "broker"))
    options["story"] = options["help"] = options["readout"] = False
    words = list(words)
    while words:
        word = words.pop(0)
        if word in ("--story", "--help", "--readout"):
            options[word[2:]] = True
        elif word not in _OPTIONS:
            raise ValueError(f"'{word}' is not understood; {_USAGE}")
        elif not words or not words[0] or words[0].startswith("--"):
            raise ValueError(f"{word} needs a name behind it; {_USAGE}")
        else:
            options[word[2:]] = words.pop(0)
    if options["front-end"] not in (None,) + _FRONT_ENDS:
        raise ValueError(f"--front-end is {' or '.join(_FRONT_ENDS)}; {_USAGE}")
    return options


def folders(options: dict) -> tuple:
    """Return the folders of meter, cards and station."""
    contract = options["contract"]
    state = "meter" if contract in (None, CONTRACT) else "meter-" + contract
    if options["front-end"] in (CT, CHIP):
        state += "-" + options["front-end"]
    desk = options["desk"] or OFFICE
    return options["state"] or state, options["cards"] or desk + CARDS, desk


def main(words: list) -> int:
    """Run the command line and return the exit status."""
    try:
        options = arguments(words)
        customer_of(options["contract"] or CONTRACT)
    except ValueError as error:
        print(error)
        return 2
    if options["help"]:
        print(_USAGE + _HELP)
        return 0
    if options["story"] or not terminal.is_interactive():
        return story(options)
    return live(options)


def story(options: dict) -> int:
    """Tell the story, which has a contract and folders of its own. Returns the exit status."""
    useless = [name for name in ("state", "cards", "desk", "bluetooth", "broker") if options[name] is not None]
    if options["contract"] not in (None, CONTRACT):
        useless.append("contract")
    if options["readout"]:
        print("Without the screen nobody paces the time for a reader: start in a terminal, without --story.")
        return 2
    if useless:
        given = ", ".join([f"--{name} {options[name]}" for name in useless])
        print(f"Without the screen there is only the story of a {CONTRACT} meter, in a folder of its own.")
        print(f"Start it in a terminal, without --story, to use {given}.")
        return 2
    if options["front-end"] in (CT, CHIP):
        from boards.host.world import clamp_story

        return clamp_story.tell(options["front-end"])
    from boards.host.world.story import tell

    return tell()


def live(options: dict) -> int:
    """Run the meter at its screen, from the state of the last run. Returns the exit status."""
    from boards.host.screen.screen import glyphs_of_locale
    from boards.host.screen.session import Session

    seed = int.from_bytes(os.urandom(7), "little")
    state_folder, cards_folder, desk_folder = folders(options)
    try:
        world, cards, state = open_world(
            state_folder, cards_folder, desk_folder, seed, options["contract"], options["front-end"]
        )
    except (OSError, ValueError) as error:
        print(f"The meter cannot be made ready: {error}")
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    guide = Guide(customer_from(state.customer), cards_folder, desk_folder)
    readout = None
    try:
        readout = _readout_of(world, state) if options["readout"] else None
        _attach_bluetooth(world, options["bluetooth"])
        _meet_broker(world, options["broker"])
        with terminal.Terminal(state.path + "/" + TERMINAL_SIZE) as screen:
            Session(world, cards, state, screen, glyphs_of_locale(), guide, readout).run()
    except CannotConnect as error:
        print(f"The meter cannot be made ready: {error}")
        return 1
    finally:
        if readout is not None:
            readout.close()
        state.close()
    return 0


def _readout_of(world: "World", state: "StateFolder") -> "ReadoutTerminal":
    """Switch the readout head on, and return a terminal at it. Raises CannotConnect if the meter refuses it."""
    from boards.host.screen.readout_terminal import ReadoutTerminal

    try:
        switch_readout_on(world)
    except ValueError as error:
        raise CannotConnect(str(error))
    terminal_of_head = ReadoutTerminal(state.path, world.hardware.readout_line)
    print(f"The readout head is at {terminal_of_head.path}: wattpurse readout {terminal_of_head.link}")
    return terminal_of_head


def _attach_bluetooth(world: "World", controller: str | None) -> None:
    """Give the meter a radio, if a controller is named. Raises CannotConnect if it does not answer."""
    if controller is None:
        return
    if sys.implementation.name == "micropython":
        raise CannotConnect("--bluetooth needs CPython, with the package bumble: 'make run' takes it with this option")
    from boards.host.bumble_radio import real_radio

    try:
        world.hardware.bluetooth = real_radio(world.clock, controller)
    except OSError as error:
        raise CannotConnect(str(error))


def _meet_broker(world: "World", broker: str | None) -> None:
    """Let the meter speak with a broker, if one is named. Raises CannotConnect if the meter refuses it."""
    if broker is None:
        return
    try:
        meet_broker(world, broker)
    except ValueError as error:
        raise CannotConnect(str(error))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
