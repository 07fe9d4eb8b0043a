"""The picture of the simulated meter: 24 lines of 80 columns, drawn from the chips, not from what the program thinks.

The digits are what the display chip has decoded from its two wires; switch, coils and buzzer are the wires themselves.
Only the tariff's rate, the supply's reason and the events are asked of the meter.
"""

import os

from wattpurse.core.currency import MICROUNIT_DIGITS, decimal_text
from wattpurse.core.money import supply
from wattpurse.core.money.contract import MONEY, Dispenser
from wattpurse.core.tariffs.calendar import DAY_S, weekday
from wattpurse.core.text import clock_text, date_text, kwh_text, time_text

COLUMNS = 80
ROWS = 24

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LEFT_COLUMNS = 40
_RIGHT_COLUMNS = COLUMNS - _LEFT_COLUMNS - 1
_KWH_DECIMALS = 3
_MONTH_AT = len("0000-")  # in a time as text
_SECONDS_END = len("0000-00-00T00:00:00")
_RED = "\x1b[1;31m"
_BOLD = "\x1b[1m"
_DIM = "\x1b[2m"
_PLAIN = "\x1b[0m"

# Which segments make up the five rows of a digit: (left, middle, right); None is a blank.
_DIGIT_ROWS = ((None, 0, None), (5, None, 1), (None, 6, None), (4, None, 2), (None, 3, None))
_POINT = 7

_SENSORS = (("cover", "cover is off"), ("magnet", "magnet"), ("reverse_flow", "energy flows backwards"))
_KEYS = (
    "1-9 card to and from the reader   0 take it away   space button   L long press",
    "o cover   g magnet   v energy flows backwards   w weld the load switch",
    "+ - load   m mains   r reset   < > speed   c service console   q quit",
)


class Glyphs:
    """What segments and lines are drawn with."""

    def __init__(self, bar: str, post: str, point: str, rule: str) -> None:
        self.bar = bar
        self.post = post
        self.point = point
        self.rule = rule


def ascii_glyphs() -> Glyphs:
    """For terminals of any kind."""
    return Glyphs("=", "|", "o", "-")


def line_glyphs() -> Glyphs:
    """For terminals that show UTF-8."""
    return Glyphs("\u2501", "\u2503", "\u25cf", "\u2500")


def glyphs_of_locale() -> Glyphs:
    """By the first of the three variables that name the terminal's character set."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        value = os.getenv(name)
        if value:
            return line_glyphs() if "UTF" in value.upper() else ascii_glyphs()
    return ascii_glyphs()


def digit_lines(segments: bytes, glyphs: Glyphs) -> list:
    """The lit segments of six digits as five lines of six columns a digit."""
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
    """The picture of `world`, with the cards of `cards` (a CardFolder)."""

    def __init__(self, world, cards, glyphs: Glyphs) -> None:
        self._world = world
        self._cards = cards
        self._glyphs = glyphs

    def lines(self, view) -> list:
        """The lines now. `view` is what the session adds: speed, lamps, pane, notice (see session.Session)."""
        lines = [self._heading(view)] + self._meter_and_house(view)
        if view.console_is_open:
            return lines + self._console(view, ROWS - len(lines))
        lines += [self._sensor_line(), self._reader_line()] + self._cards_lines()
        lines.append(_BOLD + _cut(" " + view.notice) + _PLAIN)
        lines += self._pane("events", view.events, ROWS - len(lines) - len(_KEYS))
        return lines + [_DIM + _cut(" " + line) + _PLAIN for line in _KEYS]

    def _heading(self, view):
        local_s = self._world.zone.local_s(self._world.now_s())
        day, second = local_s // DAY_S, local_s % DAY_S
        time = f"{_WEEKDAYS[weekday(day)]} {date_text(day)} {clock_text(second // 60)}:{second % 60:02d}"
        return _BOLD + _two_columns(" " + self._world.title, f"{time}   {view.speed_text()} ") + _PLAIN

    def _meter_and_house(self, view):
        """The meter's face on the left, the wires behind it on the right."""
        rule = " +" + self._glyphs.rule * (_LEFT_COLUMNS - 3) + "+"
        facts = [f"{name:<13}{_cut(value, _RIGHT_COLUMNS - 14)}" for name, value in self._facts(view)]
        lines = [rule + " " + facts[0]]
        for row, digits in enumerate(digit_lines(self._world.hardware.display.segments(), self._glyphs)):
            lines.append(f" | {_RED}{digits}{_PLAIN}| {facts[row + 1]}")
        return lines + [rule + " " + facts[6]]

    def _facts(self, view):
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

    def _rate(self):
        """The rate in force and, where energy is paid for by it, the price; with a daily maximum what is left of it."""
        account = self._world.account
        if account is None:
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

    def _supply(self):
        """The reason in words; while supply is on, also when the contract ends it."""
        if self._world.meter is None:
            return "meter without power"
        reason = self._world.meter.decide()
        account = self._world.account
        until_s = account.contract.until_s(account) if account is not None else None
        if reason != supply.ON or until_s is None:
            return supply.text(reason)
        return f"on, until {time_text(until_s, account.tariff.zone)[_MONTH_AT:_SECONDS_END].replace('T', ' ')}"

    def _sensor_line(self):
        """What the tamper sensors sense; a blank line while that is nothing."""
        sensed = [words for name, words in _SENSORS if getattr(self._world.hardware, name).senses]
        return " sensors  " + ", ".join(sensed) if sensed else ""

    def _reader_line(self):
        if self._cards.card is None:
            return " reader   nothing on it"
        return _cut(f" reader   {self._cards.name} ({self._cards.card.kind}, UID {self._cards.card.uid.hex()})")

    def _cards_lines(self):
        """The first nine cards with the key that brings each; the one on the reader in brackets."""
        lines = []
        line = " cards  "
        for place, name in enumerate(self._cards.names()[:9]):
            shown = f"[{place + 1} {name}]" if name == self._cards.name else f" {place + 1} {name} "
            if len(line) + 1 + len(shown) >= COLUMNS:
                lines.append(line)
                line = " " * 8
            line += " " + shown
        if line == " cards  ":
            line += f"  none in {self._cards.path}"
        return [_cut(shown) for shown in lines + [line]]

    def _console(self, view, rows):
        """The console fills what is left below the meter; a line too long shows its end."""
        typed = "> " + view.typed
        return self._pane(
            "service console; Esc leaves it", view.answer[-(rows - 3) :] + [typed[-(COLUMNS - 3) :] + "_"], rows
        )

    def _pane(self, title, shown, rows):
        """`rows` rows with a rule above, with the title in it, and one below."""
        rule = self._glyphs.rule
        shown = shown[: rows - 2]
        shown = shown + [""] * (rows - 2 - len(shown))
        heading = rule * 2 + " " + title + " " + rule * (COLUMNS - 5 - len(title))
        return [_cut(heading)] + [_cut(" " + line) for line in shown] + [rule * (COLUMNS - 1)]


def _cut(line, columns=COLUMNS - 1):
    return line[:columns]


def _two_columns(left, right):
    return left + " " * max(1, COLUMNS - 1 - len(left) - len(right)) + right
