"""`make run`: the simulated meter at its screen, or without a terminal its story.

The meter has one folder, its cards another, the vending station's keys and record a third. A new meter is commissioned
for the contract named. Each contract has a meter folder of its own unless --state names one.
"""

import os
import sys

from boards.host.screen import terminal
from boards.host.world.commissioning import CONTRACT, customer_of, open_world, top_up_hint

_OPTIONS = ("--state", "--cards", "--desk", "--contract")
_USAGE = "usage: run.py [--contract NAME] [--state FOLDER] [--cards FOLDER] [--desk FOLDER] [--story]"


def arguments(words: list) -> dict:
    """Return the command line as a dictionary. Raises ValueError that names the mistake."""
    options = {"state": None, "cards": "cards", "desk": ".", "contract": CONTRACT, "story": False}
    words = list(words)
    while words:
        word = words.pop(0)
        if word == "--story":
            options["story"] = True
        elif word in _OPTIONS and words:
            options[word[2:]] = words.pop(0)
        else:
            raise ValueError(f"'{word}' is not understood; {_USAGE}")
    if options["state"] is None:
        options["state"] = "meter" if options["contract"] == CONTRACT else "meter-" + options["contract"]
    return options


def main(words: list) -> int:
    """Run the command line and return the exit status."""
    try:
        options = arguments(words)
        customer_of(options["contract"])
    except ValueError as error:
        print(error)
        return 2
    if options["story"] or not terminal.is_interactive():
        from boards.host.world.story import tell

        return tell()
    return live(options)


def live(options: dict) -> int:
    """Run the meter at its screen, from the state of the last run. Returns the exit status."""
    from boards.host.screen.screen import glyphs_of_locale
    from boards.host.screen.session import Session

    seed = int.from_bytes(os.urandom(7), "little")
    folders = options["state"], options["cards"], options["desk"]
    try:
        world, cards, state = open_world(*folders, seed, options["contract"])
    except (OSError, ValueError) as error:
        print(f"The meter cannot be made ready: {error}")
        return 1
    hint = top_up_hint(*folders, contract=options["contract"])
    with terminal.Terminal() as screen:
        Session(world, cards, state, screen, glyphs_of_locale(), hint).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
