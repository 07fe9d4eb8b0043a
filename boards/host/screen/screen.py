"""The picture of the simulated meter, drawn from the chips, not from the program's state.

It fills the terminal. In one that is too small a sentence says which size is needed.

The digits come from the display chip, which decodes its two wires. Switch, coils and buzzer are the wires themselves.
Only the tariff's rate, the reason of the supply state and the events come from the meter's program.
"""

import os

from boards.host.screen.echo import echo_of
from boards.host.screen.scrollback import wrapped
from wattpurse.core.currency import MICROUNIT_DIGITS, decimal_text
from wattpurse.core.money import supply
from wattpurse.core.money.contract import MONEY, Dispenser
from wattpurse.core.tariffs.calendar import DAY_S, weekday
from wattpurse.core.text import clock_text, date_text, kwh_text, time_text

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.cards.folder import CardFolder
    from boards.host.protocols import LiveWorld
    from boards.host.screen.session import Session


COLUMNS = 80  # the least size of a terminal
ROWS = 24

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LEFT_COLUMNS = 40
_NAME_COLUMNS = 30  # the longest name of a card in the list
_NOTICE_ROWS = 3
_KWH_DECIMALS = 3
_MONTH_AT = len("0000-")  # in a time as text
_SECONDS_END = len("0000-00-00T00:00:00")
_RED = "\x1b[1;31m"
_BOLD = "\x1b[1m"
_DIM = "\x1b[2m"
_PLAIN = "\x1b[0m"

# The segments of the five rows of a digit: (left, middle, right); None is a blank.
_DIGIT_ROWS = ((None, 0, None), (5, None, 1), (None, 6, None), (4, None, 2), (None, 3, None))
_POINT = 7

_SENSORS = (("cover", "cover is off"), ("magnet", "magnet"), ("reverse_flow", "energy flows backwards"))
_ARROWS = "left and right arrow turn the page"
_CONSOLE = "service console; Esc leaves it, PgUp and PgDn scroll"
_SCROLLED = "PgUp, PgDn, typing returns to the end"
_KEYS = (
    "1-9 card to and from the reader   0 take it away   space button   L long press",
    "o cover   g magnet   v energy flows backwards   w weld the load switch",
    "+ - load   m mains   r reset   < > speed   c console   k keypad   q quit",
)
_KEYPAD_KEYS = (
    "THE KEYPAD: 0-9 type the digits of a token   * or Backspace deletes one",
    "# or Enter enters the token   k or Esc leaves the keypad",
    "`wattpurse token METER money 10 --digits` in another terminal sells one",
)


class Glyphs:
    """Characters that draw segments and lines."""

    def __init__(self, bar: str, post: str, point: str, rule: str) -> None:
        self.bar = bar
        self.post = post
        self.point = point
        self.rule = rule


def ascii_glyphs() -> Glyphs:
    """Return the characters for terminals of any kind."""
    return Glyphs("=", "|", "o", "-")


def line_glyphs() -> Glyphs:
    """Return the characters for terminals that show UTF-8."""
    return Glyphs("\u2501", "\u2503", "\u25cf", "\u2500")


def glyphs_of_locale() -> Glyphs:
    """Return the characters for the terminal, by the first set variable of the three that name its character set."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        value = os.getenv(name)
        if value:
            return line_glyphs() if "UTF" in value.upper() else ascii_glyphs()
    return ascii_glyphs()


def digit_lines(segments: bytes, glyphs: Glyphs) -> list:
    """Return the lit segments of six digits as five lines of six columns a digit."""
    lines = []
    for row, parts in enumerate(_DIGIT_ROWS):
        line = ""
        for shape in segments:
            left, middle, right = [part is not None and shape >> part & 1 for part in parts]
            line += (glyphs.post if left else " ") + (glyphs.bar * 2 if middle else "  ")
            line += glyphs.post if right else " "
            line += glyphs.point + " " if row == 4 and shape >> _POINT & 1 else "  "
        lines.append(line)
    return lines


class Screen:
    """The picture of `world`, with the cards of `cards`."""

    def __init__(self, world: "LiveWorld", cards: "CardFolder", glyphs: Glyphs) -> None:
        self._world = world
        self._cards = cards
        self._glyphs = glyphs
        self._columns = COLUMNS
        self._rows = ROWS

    def lines(self, view: "Session", columns: int = COLUMNS, rows: int = ROWS) -> list:
        """Return the picture as `rows` lines that fit `columns`. `view` adds the person's side of the session."""
        if columns < COLUMNS or rows < ROWS:
            return too_small(columns, rows)
        self._columns = columns
        self._rows = rows
        lines = [self._heading(view)] + self._meter_and_house(view)
        if view.console_is_open:
            return lines + self._console(view, rows - len(lines))
        lines += [self._sensor_line(), self._reader_line()] + self._cards_lines(view)
        for row in wrapped([view.notice], columns - 2)[:_NOTICE_ROWS]:
            lines.append(_BOLD + " " + row + _PLAIN)
        lines += self._pane("events", view.events, rows - len(lines) - len(_KEYS))
        rows_of_keys = _KEYPAD_KEYS if view.keypad_is_open else _KEYS
        return lines + [_DIM + " " + line + _PLAIN for line in rows_of_keys]

    def _heading(self, view: "Session") -> str:
        local_s = self._world.zone.local_s(self._world.now_s())
        day, second = local_s // DAY_S, local_s % DAY_S
        time = f"{_WEEKDAYS[weekday(day)]} {date_text(day)} {clock_text(second // 60)}:{second % 60:02d}"
        left, right = " " + self._world.title, f"{time}   {view.speed_text()} "
        return _BOLD + left + " " * max(1, self._columns - 1 - len(left) - len(right)) + right + _PLAIN

    def _meter_and_house(self, view: "Session") -> list:
        """Return the lines of the meter's face on the left and of the wires behind it on the right."""
        rule = " +" + self._glyphs.rule * (_LEFT_COLUMNS - 3) + "+"
        facts = [f"{name:<13}{value[: self._columns - _LEFT_COLUMNS - 15]}" for name, value in self._facts(view)]
        lines = [rule + " " + facts[0]]
        for row, digits in enumerate(digit_lines(self._world.hardware.display.segments(), self._glyphs)):
            lines.append(f" | {_RED}{digits}{_PLAIN}| {facts[row + 1]}")
        return lines + [rule + " " + facts[6]]

    def _facts(self, view: "Session") -> tuple:
        hardware = self._world.hardware
        source = hardware.source
        contact = "closed" if hardware.relay.contact_closed else "open"
        contact += ", welded" if hardware.relay.welded else ""
        lamps = [name for name, lit in (("opening", view.open_coil_lit), ("closing", view.close_coil_lit)) if lit]
        coils = " coil pulsed: " + " and ".join(lamps) if lamps else ""
        return (
            ("mains", "on" if self._world.mains_on else "CUT"),
            ("load switch", contact + coils),
            ("house", f"{source.power_w} W" + ("" if source.power_w else f", would draw {source.load_w} W")),
            ("energy", f"{kwh_text(source.energy_mwh, 6)} kWh, truly"),
            self._rate(),
            ("supply", self._supply()),
            ("buzzer", "BEEP" if view.buzzer_heard else "silent"),
        )

    def _rate(self) -> tuple:
        """Return the rate in force, with its price if energy is paid for; with a daily maximum the rest of it."""
        account = self._world.account
        if account is None or account.tariff is None:
            return "rate", "-"
        limit_mwh = account.terms["daily_limit_mwh"]
        if account.contract is Dispenser and limit_mwh:
            left_mwh = max(0, limit_mwh - account.day_mwh)
            return "today", f"{kwh_text(left_mwh, _KWH_DECIMALS)} of {kwh_text(limit_mwh, _KWH_DECIMALS)} kWh left"
        name = account.tariff.rate_names[account.rate]
        if account.contract.unit != MONEY:
            return "rate", name
        price = account.taxed_price()
        return "rate", f"{name}, {decimal_text(price, MICROUNIT_DIGITS)} {account.tariff.currency.code}/kWh"

    def _supply(self) -> str:
        """Return the reason of the supply state in words; if supply is on, also the time until which it lasts."""
        meter = self._world.meter
        if meter is None:
            return "meter without power"
        reason = meter.decide()
        account = self._world.account
        if reason != supply.ON or account is None or account.tariff is None:
            return supply.text(reason)
        until_s = account.contract.until_s(account)
        if until_s is None:
            return supply.text(reason)
        return f"on, until {time_text(until_s, account.tariff.zone)[_MONTH_AT:_SECONDS_END].replace('T', ' ')}"

    def _sensor_line(self) -> str:
        """Return the line of the active tamper sensors, blank if there is none."""
        sensed = [words for name, words in _SENSORS if getattr(self._world.hardware, name).senses]
        return " sensors  " + ", ".join(sensed) if sensed else ""

    def _reader_line(self) -> str:
        if self._cards.card is None:
            return " reader   nothing on it"
        return self._cut(f" reader   {self._cards.name} ({self._cards.card.kind}, UID {self._cards.card.uid.hex()})")

    def _cards_lines(self, view: "Session") -> list:
        """Return the lines of one page of cards, each with its key; the card on the reader is in brackets."""
        lines = []
        line = " cards  "
        for place, name in enumerate(view.cards.names()):
            label = f"{place + 1} {name[:_NAME_COLUMNS]}"
            shown = f"[{label}]" if name == self._cards.name else f" {label} "
            if len(line) + 1 + len(shown) >= self._columns:
                lines.append(line)
                line = " " * 8
            line += " " + shown
        if line == " cards  ":
            line += f"  none in {self._cards.path}"
        if view.cards.pages > 1:
            lines.append(line)
            line = f"          page {view.cards.page + 1} of {view.cards.pages}; {_ARROWS}"
        return [self._cut(shown) for shown in lines + [line]]

    def _console(self, view: "Session", rows: int) -> list:
        """Return the lines of the console, which fills the rows below the meter. A typed line shows its end."""
        typed = "> " + echo_of(view.typed)
        view.answer.fit(self._columns - 2, rows - 3)
        title = _CONSOLE
        if not view.answer.is_at_end:
            title = f"console, {view.answer.place()}; {_SCROLLED}"
        return self._pane(title, view.answer.visible() + [typed[-(self._columns - 3) :] + "_"], rows)

    def _pane(self, title: str, shown: list, rows: int) -> list:
        """Return `rows` rows: a rule with the title, the lines, and a rule."""
        rule = self._glyphs.rule
        shown = shown[: rows - 2]
        shown = shown + [""] * (rows - 2 - len(shown))
        heading = rule * 2 + " " + title + " " + rule * (self._columns - 5 - len(title))
        return [self._cut(heading)] + [self._cut(" " + line) for line in shown] + [rule * (self._columns - 1)]

    def _cut(self, line: str) -> str:
        return line[: self._columns - 1]


def too_small(columns: int, rows: int) -> list:
    """Return the lines for a terminal that has no room for the picture."""
    words = (
        f"This terminal has {columns} columns and {rows} rows. The screen of the meter needs {COLUMNS} columns and"
        f" {ROWS} rows: make the window larger, or the letters smaller. The meter goes on. Ctrl-C quits."
    )
    lines = wrapped([words], max(1, columns - 1))[:rows]
    return lines + [""] * (rows - len(lines))
