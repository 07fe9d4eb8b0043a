"""Draw the simulated meter as SVG: `python -m wattpurse_tools.picture FILE`.

The meter is the real firmware on the simulated board, commissioned as a technician does it. A card brings 12.34 of
credit and stays on the reader. The digits are the segments that the model of the display chip has decoded from its two
wires. The lamps and the switch show the state of the chip models too.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from boards.host.world.commissioning import CARD, METER_NUMBER, open_world
from boards.host.world.vending_desk import VendingDesk
from boards.host.world.world import World
from wattpurse_tools import output_files
from wattpurse_tools.places import ROOT

SECOND_CREDIT = "7.34"
SEED = 1
LOAD_W = 340  # constant, so that the picture does not depend on the duration of commissioning
TAP_LIMIT_S = 20
SETTLE_S = 30

_TITLE = "The simulated Wattpurse meter"
_WIDTH, _HEIGHT = 760, 400
_DIGIT_WIDTH, _DIGIT_HEIGHT, _DIGIT_PITCH = 34, 66, 56
_DIGITS_AT = (78, 97)
_BAR = 7  # thickness of a segment
_POINT_AT = (_DIGIT_WIDTH + 9, _DIGIT_HEIGHT - 3)
_POINT_SEGMENT = 7

_STYLE = """\
    text { font-family: "DejaVu Sans", Verdana, sans-serif; font-size: 13px; fill: #3d4754 }
    .title { font-size: 16px; font-weight: bold; letter-spacing: 3px }
    .small { font-size: 11px; fill: #66717f }
    .page { fill: #f6f7f9 } .case { fill: #e3e6ea; stroke: #8a94a1; stroke-width: 2 }
    .window { fill: #1c0f11; stroke: #59616c; stroke-width: 2 }
    .lit { fill: #ff4438 } .dark { fill: #33191b }
    .lamp-on { fill: #35b558 } .lamp-off { fill: #b9c0c9 }
    .button { fill: #c7cdd5; stroke: #8a94a1; stroke-width: 2 }
    .reader { fill: #d4d9df; stroke: #8a94a1; stroke-dasharray: 6 4 }
    .card { fill: #2f6fae; stroke: #1d4a78 } .card-text { fill: #ffffff }
    .chip { fill: none; stroke: #a9cbec; stroke-width: 2 }
    .wire { fill: none; stroke: #3d4754; stroke-width: 3; stroke-linecap: round }"""


@dataclass(frozen=True)
class Face:
    """The state of a meter that a picture shows. `card` and `card_kind` are empty while no card is on the reader."""

    segments: bytes
    meter_number: int
    mains_on: bool
    contact_closed: bool
    power_w: int
    card: str
    card_kind: str


def face_of(world: World, meter_number: int, card_name: str) -> Face:
    """Return the state of the meter in `world`, read from the models of its chips."""
    hardware = world.hardware
    cards = hardware.reader.field.cards
    return Face(
        segments=hardware.display.segments(),
        meter_number=meter_number,
        mains_on=world.mains_on,
        contact_closed=hardware.relay.contact_closed,
        power_w=hardware.source.power_w,
        card=card_name if cards else "",
        card_kind=cards[0].kind if cards else "",
    )


def meter_with_credit(folder: str) -> Face:
    """Return the state of a new meter after its first tap. Keys, record and card are files below `folder`."""
    cards_folder = folder + "/cards"
    world, cards, _state = open_world(folder + "/meter", cards_folder, folder + "/office", SEED)
    try:
        VendingDesk(folder + "/office", cards_folder, folder).top_up(CARD, SECOND_CREDIT)
        world.insert(cards.take(CARD))
        if not world.run_until(lambda: world.hardware.relay.contact_closed, TAP_LIMIT_S):
            raise ValueError("the load switch stays open after the tap")
        world.household.constant_w = LOAD_W
        world.household.update()
        world.run_for(SETTLE_S)
        return face_of(world, METER_NUMBER, CARD)
    finally:
        world.close()


def draw(face: Face) -> str:
    """Return the picture as an SVG document."""
    parts = [*_case(face), *_digits(face.segments), *_reader(face), *_supply_line(face)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
            f"  <title>{_TITLE}</title>",
            f"  <style>\n{_STYLE}\n  </style>",
            *["  " + part for part in parts],
            "</svg>\n",
        ]
    )


def _case(face: Face) -> Iterator[str]:
    """Yield the housing, the window of the display, the lamps and the button."""
    yield _rectangle("page", 0, 0, _WIDTH, _HEIGHT, 14)
    yield _rectangle("case", 24, 24, 430, 250, 18)
    yield _text("title", 50, 62, "WATTPURSE")
    yield _text("small", 330, 60, f"No. {face.meter_number}")
    yield _rectangle("window", 50, 78, 378, 104, 8)
    yield from _lamp(62, 214, face.mains_on, "mains", "on" if face.mains_on else "cut")
    yield from _lamp(62, 244, face.contact_closed, "load switch", "closed" if face.contact_closed else "open")
    yield '<circle class="button" cx="392" cy="228" r="24"/>'
    yield _text("small", 310, 232, "button")


def _lamp(x: int, y: int, is_on: bool, name: str, state: str) -> Iterator[str]:
    """Yield a lamp with its name and its state in words."""
    yield f'<circle class="lamp-{"on" if is_on else "off"}" cx="{x}" cy="{y}" r="7"/>'
    yield _text("", x + 16, y + 5, f"{name} {state}")


def _digits(segments: bytes) -> Iterator[str]:
    """Yield a group for each digit, from left to right; each segment is a shape of the class `lit` or `dark`."""
    left, top = _DIGITS_AT
    for position, lit in enumerate(segments):
        yield f'<g class="digit" transform="translate({left + position * _DIGIT_PITCH} {top}) skewX(-4)">'
        for segment, shape in enumerate(_segment_shapes()):
            yield f'  <{shape} class="{"lit" if lit >> segment & 1 else "dark"}"/>'
        yield "</g>"


def _segment_shapes() -> Iterator[str]:
    """Yield the shapes of a digit in the order of the bits: a (top), b, c, d, e, f clockwise, g (middle), the point."""
    right, middle, bottom = _DIGIT_WIDTH, _DIGIT_HEIGHT // 2, _DIGIT_HEIGHT
    yield _bar(0, 0, right, 0)
    yield _bar(right, 0, right, middle)
    yield _bar(right, middle, right, bottom)
    yield _bar(0, bottom, right, bottom)
    yield _bar(0, middle, 0, bottom)
    yield _bar(0, 0, 0, middle)
    yield _bar(0, middle, right, middle)
    yield f'circle cx="{_POINT_AT[0]}" cy="{_POINT_AT[1]}" r="5"'


def _bar(x1: int, y1: int, x2: int, y2: int) -> str:
    """Return a segment between two corners: a bar with pointed ends that leaves a gap at each corner."""
    half = _BAR / 2
    if y1 == y2:
        ends = ((x1 + 1, y1), (x1 + 1 + half, y1 - half), (x2 - 1 - half, y1 - half))
        ends += ((x2 - 1, y1), (x2 - 1 - half, y1 + half), (x1 + 1 + half, y1 + half))
    else:
        ends = ((x1, y1 + 1), (x1 + half, y1 + 1 + half), (x1 + half, y2 - 1 - half))
        ends += ((x1, y2 - 1), (x1 - half, y2 - 1 - half), (x1 - half, y1 + 1 + half))
    return 'polygon points="' + " ".join(f"{x:g},{y:g}" for x, y in ends) + '"'


def _reader(face: Face) -> Iterator[str]:
    """Yield the card reader, with the card that lies on it."""
    yield _rectangle("reader", 494, 40, 232, 160, 14)
    yield _text("small", 510, 62, "card reader")
    if face.card:
        yield '<g transform="rotate(-5 610 130)">'
        yield "  " + _rectangle("card", 526, 82, 172, 102, 10)
        for radius in (8, 14, 20):
            yield f'  <path class="chip" d="M 660 {110 - radius} a {radius} {radius} 0 0 1 0 {2 * radius}"/>'
        yield "  " + _text("card-text", 542, 142, face.card)
        yield "  " + _text("card-text", 542, 164, face.card_kind)
        yield "</g>"


def _supply_line(face: Face) -> Iterator[str]:
    """Yield the supply as a line: mains, meter, load switch, house."""
    y = 340
    lever = y if face.contact_closed else y - 26
    yield _text("", 40, y - 14, "mains 230 V" if face.mains_on else "mains cut")
    yield f'<path class="wire" d="M 40 {y} H 200"/>'
    yield _rectangle("case", 200, y - 22, 90, 44, 6)
    yield _text("", 226, y + 5, "meter")
    yield f'<path class="wire" d="M 290 {y} H 390 L 446 {lever} M 450 {y} H 580"/>'
    yield f'<circle class="button" cx="390" cy="{y}" r="5"/>'
    yield f'<circle class="button" cx="450" cy="{y}" r="5"/>'
    yield _text("", 384, y + 28, "load switch")
    yield f'<path class="wire" d="M 580 {y + 26} V {y - 16} L 620 {y - 46} L 660 {y - 16} V {y + 26} Z"/>'
    yield _text("", 596, y + 10, f"{face.power_w} W")


def _rectangle(kind: str, x: int, y: int, width: int, height: int, radius: int) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}"/>'


def _text(kind: str, x: int, y: int, words: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{words}</text>'


def main(arguments: list[str]) -> int:
    """Write the picture of a meter with credit to the file that is named."""
    target = Path(arguments[0]).resolve()
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # `wattpurse` is there
    # The name of the simulated meter's tariff file is relative to the root.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(ROOT):
        data = draw(meter_with_credit(folder)).encode()
        output_files.write(target, data, output_files.contains(f"<title>{_TITLE}</title>"), force=False)
    print(f"{target}: drawn")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
