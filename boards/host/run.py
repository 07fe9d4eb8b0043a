"""`make run`: the simulated meter at its screen, or without a terminal its story.

The meter has one folder, its cards another, the vending station's keys and record a third. A new meter is commissioned
for the contract named. Each contract has a meter folder of its own unless --state names one.
"""

import os
import sys

from boards.host.screen import terminal
from boards.host.world.commissioning import CHIP, CONTRACT, CT, PULSE, customer_from, customer_of, open_world
from boards.host.world.guide import Guide
from boards.host.world.state_folder import TERMINAL_SIZE
from wattpurse.app import SERVICE_CARD_MINUTES

_OPTIONS = ("--state", "--cards", "--desk", "--contract", "--front-end", "--broker")
_FRONT_ENDS = (PULSE, CT, CHIP)
_USAGE = (
    "usage: run.py [--contract NAME] [--front-end pulse|ct|chip] [--state FOLDER] [--cards FOLDER] [--desk FOLDER]"
    " [--broker HOST[:PORT]] [--story]"
)
_START_LIMIT_S = 10
_INTERRUPTED = 130  # as a shell reports Ctrl-C
_HELP = """
  --contract NAME  the contract of a new meter: prepaid-money (the default), prepaid-energy, term, dispenser,
                   key-card, managed or account
  --front-end NAME what measures the house of a new meter: pulse (the default), ct for two clamps,
                   or chip for two clamps at a metering chip
  --state FOLDER   the meter; the default is meter, or meter-NAME for another contract,
                   with -ct or -chip behind it for clamps
  --cards FOLDER   the cards; the default is cards
  --desk FOLDER    the keys and the record of the vending station; the default is this folder
  --broker ADDRESS an MQTT broker that the meter speaks with
  --story          tell some days of a prepaid-money meter instead, as without a terminal
"""


def arguments(words: list) -> dict:
    """Return the command line as a dictionary. An option that is missing is None or False.

    Raises ValueError that names the mistake.
    """
    options: dict = dict.fromkeys(("state", "cards", "desk", "contract", "front-end", "broker"))
    options["story"] = options["help"] = False
    words = list(words)
    while words:
        word = words.pop(0)
        if word in ("--story", "--help"):
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
    return options["state"] or state, options["cards"] or "cards", options["desk"] or "."


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
    useless = [name for name in ("state", "cards", "desk", "broker") if options[name] is not None]
    if options["contract"] not in (None, CONTRACT):
        useless.append("contract")
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
    if options["broker"] is not None:
        world.run_until(lambda: world.account is not None, _START_LIMIT_S)
        world.meter.console.grant(SERVICE_CARD_MINUTES)  # pyright: ignore[reportOptionalMemberAccess]
        answer = world.type_line("mqtt broker " + options["broker"])[0]
        if answer.startswith("refused"):
            print(answer)
            return 1
    guide = Guide(customer_from(state.customer), cards_folder, desk_folder)
    try:
        with terminal.Terminal(state.path + "/" + TERMINAL_SIZE) as screen:
            Session(world, cards, state, screen, glyphs_of_locale(), guide).run()
    finally:
        state.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
