"""The steps of an acceptance, in their order. docs/hardware/testing.md explains each of them.

The stage `bench` is done with a bench supply of 12 V and without mains. The stage `mains` is work for an electrician,
first with a bulb in series.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from wattpurse_tools.acceptance.talk import Failed, Talk

BENCH = "bench"
MAINS = "mains"
STAGES = (BENCH, MAINS)

PULSES = 10
CLOCK_ERROR_S = 5
TEST_MINUTES = 10
ENERGY_ERROR_PERCENT = 3

_DISPLAY_ANSWER = "display shows 123456"
_RELAY_ANSWER = "the load switch opened and closed"


@dataclass(frozen=True)
class Step:
    """A step of one stage. `work` talks to builder and meter, returns the result, and raises Failed."""

    name: str
    stage: str
    work: Callable[[Talk], str]


def _confirm(question: str) -> Callable[[Talk], str]:
    """Return the work of a step that the builder judges."""

    def work(talk: Talk) -> str:
        if not talk.yes(question):
            raise Failed("the builder says no")
        return "yes"

    return work


def _measure(question: str, unit: str, least: float, most: float = math.inf) -> Callable[[Talk], str]:
    """Return the work of a step with a measured value between two limits."""
    limits = f"{least:g} to {most:g}" if most < math.inf else f"{least:g} or more"

    def work(talk: Talk) -> str:
        value = talk.number(f"{question} [{unit}, {limits}]")
        if not least <= value <= most:
            raise Failed(f"{value:g} {unit}, and not {limits}")
        return f"{value:g} {unit}"

    return work


def _clock(talk: Talk) -> str:
    error_s = talk.facts("clock")["time_s"] - talk.now_s()
    if abs(error_s) > CLOCK_ERROR_S:
        raise Failed(f"the clock is {error_s} s ahead of this computer; set it with 'clock set'")
    return f"{error_s} s ahead of this computer"


def _commissioned(talk: Talk) -> str:
    facts = talk.facts("identity")
    if not facts["commissioned"]:
        raise Failed("the meter is not commissioned: see docs/installation.md")
    return f"{facts['impulses']} impulses for {facts['per_kwh']} kWh"


def _flash(talk: Talk) -> str:
    chip = talk.facts("status")["flash_chip"]
    if chip == "unknown":
        raise Failed("the flash chip does not say its type")
    return chip


def _reader(talk: Talk) -> str:
    version = talk.facts("identity")["reader_version"]
    if version is None:
        raise Failed("the card reader does not answer: see its wires and its 3.3 V")
    return f"reader version {version}"


def _log_in(talk: Talk) -> str:
    talk.order(f"login {talk.secret('PIN of the meter')}", "logged in")
    return "logged in"


def _display(talk: Talk) -> str:
    talk.order("display test", _DISPLAY_ANSWER)
    if not talk.yes("Does the display show 123456?"):
        raise Failed("another order of the digits: see 'display order' in docs/installation.md")
    return "123456"


def _pulses(talk: Talk) -> str:
    before = talk.facts("registers")["pulses"]
    talk.pause(f"Join S0+ and S0- {PULSES} times, for a second each, with a second between")
    counted = talk.facts("registers")["pulses"] - before
    if counted != PULSES:
        raise Failed(f"the meter counted {counted} pulses, and {PULSES} were given")
    return f"{counted} of {PULSES}"


def _loose_cable(talk: Talk) -> str:
    before = talk.facts("registers")["pulses"]
    talk.pause("Pull the pulse cable out, touch its ends, and wait ten seconds; then put it back")
    counted = talk.facts("registers")["pulses"] - before
    if counted:
        raise Failed(f"the meter counted {counted} pulses of a loose cable")
    return "no pulse"


def _tamper(kind: str, words: str, work_to_do: str) -> Callable[[Talk], str]:
    """Return the work of a step with a tamper input. It is not tried if the terms ignore the kind."""

    def work(talk: Talk) -> str:
        if not talk.facts("terms")["terms"][f"tamper_{kind}"]:
            return f"not tried: the term tamper_{kind} is 0"
        talk.pause(work_to_do)
        if words not in talk.facts("status")["tamper"]:
            raise Failed(f"the meter does not report {words!r}")
        talk.order("reset-tamper", "supply is decided without it")
        return words

    return work


def _relay(talk: Talk) -> str:
    talk.order(f"supply test {TEST_MINUTES}", "supply stays on")
    talk.pause("Put the continuity tester across the contact of K1, and watch it during the next step")
    talk.order("relay test", _RELAY_ANSWER)
    if not talk.yes("Did the contact open, and close again some seconds later?"):
        raise Failed("the contact did not follow the coils")
    talk.order("supply test 0", "the test is over")
    return "opened and closed"


def _energy(talk: Talk) -> str:
    talk.order(f"supply test {TEST_MINUTES}", "supply stays on")
    first_mwh = talk.facts("registers")["total_mwh"]
    talk.pause("Note the register of M1, switch on a load of 1 kW or more for five minutes, and switch it off")
    shown_kwh = talk.number("Energy that the register of M1 has gained [kWh]")
    counted_kwh = (talk.facts("registers")["total_mwh"] - first_mwh) / 1e6
    talk.order("supply test 0", "the test is over")
    if shown_kwh <= 0 or abs(counted_kwh - shown_kwh) * 100 > ENERGY_ERROR_PERCENT * shown_kwh:
        raise Failed(f"the meter counted {counted_kwh:g} kWh, and M1 shows {shown_kwh:g} kWh")
    return f"{counted_kwh:g} kWh of {shown_kwh:g} kWh"


STEPS = (
    Step("safety", BENCH, _confirm("Have you read docs/hardware/SAFETY.md, and is every mains wire disconnected?")),
    Step(
        "insulation",
        BENCH,
        _measure("Insulation from L and N, joined, to ground of the board, at 500 V DC", "Mohm", 5),
    ),
    Step("battery", BENCH, _confirm("Is the charge resistor of the clock module removed?")),
    Step("supply 5 V", BENCH, _measure("Bench supply of 12 V, limit 1 A: voltage of the net 5V", "V", 4.75, 5.25)),
    Step("supply 3.3 V", BENCH, _measure("Voltage of the net 3V3", "V", 3.2, 3.4)),
    Step("coils at rest", BENCH, _measure("Higher one of the gate voltages of Q1 and Q2", "V", 0, 0.1)),
    Step("one-shot open", BENCH, _measure("Pulse at U2 pin 6, with OPEN_COIL held at 3.3 V", "ms", 125, 200)),
    Step("one-shot close", BENCH, _measure("Pulse at U2 pin 10, with CLOSE_COIL held at 3.3 V", "ms", 125, 200)),
    Step("interlock", BENCH, _confirm("With both commands raised at once: do both gates stay low?")),
    Step("supervisor", BENCH, _measure("Falling 3V3 at which RESET goes low", "V", 2.85, 3.0)),
    Step("commissioned", BENCH, _commissioned),
    Step("clock", BENCH, _clock),
    Step("flash", BENCH, _flash),
    Step("reader", BENCH, _reader),
    Step("login", BENCH, _log_in),
    Step("display", BENCH, _display),
    Step("button and buzzer", BENCH, _confirm("Does a short press turn the page, with a click of the buzzer?")),
    Step("pulses", BENCH, _pulses),
    Step("loose cable", BENCH, _loose_cable),
    Step("seal switch", BENCH, _tamper("cover", "cover opened", "Open the cover for five seconds, and close it again")),
    Step("magnet", BENCH, _tamper("magnet", "magnet", "Hold a magnet at the enclosure beside K1, and take it away")),
    Step("relay", BENCH, _relay),
    Step("electrician", MAINS, _confirm("Is an electrician present, and is QF1 installed in front of the meter?")),
    Step("isolated console", MAINS, _confirm("Is the USB isolator IS1 between the board and this computer?")),
    Step("enclosure", MAINS, _confirm("Is the enclosure closed, and can no finger or wire reach a live part?")),
    Step("bulb", MAINS, _confirm("With the bulb in series: does it stay dark, and does the meter start?")),
    Step("commissioned at mains", MAINS, _commissioned),
    Step("login at mains", MAINS, _log_in),
    Step("energy", MAINS, _energy),
    Step("supply off", MAINS, _confirm("With no credit and no supply test: is the house without voltage?")),
    Step("mains fail", MAINS, _confirm("Mains off and on three times: does the meter show the same credit each time?")),
    Step("seal", MAINS, _confirm("Is the cover sealed, with the USB port below it?")),
)
