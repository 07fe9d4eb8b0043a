"""A bill as an SVG picture: the load by rate, the cost by rate, and a mean day. No program but a browser is needed."""

from collections.abc import Iterator
from dataclasses import dataclass

from wattpurse.core.tariffs.calendar import civil_from_days
from wattpurse_tools.bills.profile import HALF_HOURS, LoadProfile
from wattpurse_tools.tariffs.bill import Bill, Charges

MARK = "<!-- wattpurse bill -->"

# Days are shown one by one up to this number; a longer load is shown by months.
MOST_DAYS = 62

_WIDTH, _HEIGHT = 900, 760
_LEFT, _RIGHT = 80, 870
_PANEL_HEIGHT = 150
_TOPS = (110, 330, 550)
_COLORS = ("#2f6fae", "#e8a33d", "#c8553d", "#5a9a68", "#8069a8", "#4fb0b5", "#b07aa1", "#8c6d46")
_OTHER_COLOR = "#9aa3ad"
_OTHER = "other charges"
_MILLION = 1_000_000
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STEPS = (1, 2, 5, 10)
_LINES = 4

_STYLE = """\
    text { font-family: "DejaVu Sans", Verdana, sans-serif; font-size: 12px; fill: #3d4754 }
    .title { font-size: 20px; font-weight: bold } .heading { font-size: 14px; font-weight: bold }
    .right { text-anchor: end } .middle { text-anchor: middle }
    .page { fill: #ffffff } .line { stroke: #d9dee4 } .axis { stroke: #8a94a1 }"""


@dataclass(frozen=True)
class Bar:
    """A column of a panel: its label, and `(name, value in millionths)` of its parts from the bottom up."""

    label: str
    parts: list[tuple[str, int]]

    @property
    def total(self) -> int:
        """The height of the column."""
        return sum(value for _, value in self.parts)


def draw(made: Bill, profile: LoadProfile) -> str:
    """Return the picture as an SVG document."""
    rates = rate_names(made.total)
    colors = {name: _COLORS[place % len(_COLORS)] for place, name in enumerate(rates)} | {_OTHER: _OTHER_COLOR}
    code = made.currency.code
    body = [
        *_title(made, code),
        *_legend(colors, any(_other_charge(month) for month in made.months.values())),
        *_panel(_TOPS[0], "Load, kWh", load_bars(made, profile, rates), colors),
        *_panel(_TOPS[1], f"Cost, {code}", cost_bars(made, rates), colors),
        *_panel(_TOPS[2], "A mean day, kW", day_bars(profile), {"": _COLORS[0]}),
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
            f"  {MARK}",
            f"  <title>{escape(_summary(made, code))}</title>",
            f"  <style>\n{_STYLE}\n  </style>",
            f'  <rect class="page" width="{_WIDTH}" height="{_HEIGHT}"/>',
            *["  " + part for part in body],
            "</svg>\n",
        ]
    )


def rate_names(charges: Charges) -> list[str]:
    """Return the names of the rates with energy, in the order of their tariffs."""
    return list(dict.fromkeys(charges.energy[key].rate_name for key in sorted(charges.energy)))


def load_bars(made: Bill, profile: LoadProfile, rates: list[str]) -> list[Bar]:
    """Return the energy of each day, or of each month if there are many days."""
    if len(profile.days) <= MOST_DAYS:
        return [
            Bar(_day_label(day), [(rate, profile.days[day].get(rate, 0)) for rate in rates])
            for day in sorted(profile.days)
        ]
    return [
        Bar(_month_label(index), [(rate, _rate_sum(month, rate, "energy_mwh")) for rate in rates])
        for index, month in sorted(made.months.items())
    ]


def cost_bars(made: Bill, rates: list[str]) -> list[Bar]:
    """Return the charge of each month: energy by rate, and all other charges."""
    bars = []
    for index, month in sorted(made.months.items()):
        parts = [(rate, _rate_sum(month, rate, "charge_microunits")) for rate in rates]
        bars.append(Bar(_month_label(index), [*parts, (_OTHER, _other_charge(month))]))
    return bars


def day_bars(profile: LoadProfile) -> list[Bar]:
    """Return the mean power of each half hour of the day."""
    return [
        Bar(f"{place // 2}:00" if place % 4 == 0 else "", [("", profile.mean_power_w(place) * 1000)])
        for place in range(HALF_HOURS)
    ]


def _title(made: Bill, code: str) -> Iterator[str]:
    yield _text("title", 40, 44, _summary(made, code))


def _summary(made: Bill, code: str) -> str:
    """Return the bill in one line."""
    indices = sorted(made.months)
    period = _month_label(indices[0]) + (f" to {_month_label(indices[-1])}" if len(indices) > 1 else "")
    energy, charge = made.total.energy_mwh, made.total.charge_microunits
    return f"{period}: {_rounded(energy, 1)} kWh, {_rounded(charge, 2)} {code}"


def _legend(colors: dict[str, str], has_other: bool) -> Iterator[str]:
    x = 40
    for name, color in colors.items():
        if name == _OTHER and not has_other:
            continue
        yield f'<rect x="{x}" y="62" width="12" height="12" fill="{color}"/>'
        yield _text("", x + 18, 73, name)
        x += 40 + 8 * len(name)


def _panel(top: int, heading: str, bars: list[Bar], colors: dict[str, str]) -> Iterator[str]:
    """Yield a heading, lines with their values, and the columns."""
    bottom = top + _PANEL_HEIGHT
    step = _line_step(max(bar.total for bar in bars))
    lines = max(1, -(-max(bar.total for bar in bars) // step))
    yield _text("heading", 40, top - 12, heading)
    for number in range(lines + 1):
        y = bottom - _PANEL_HEIGHT * number // lines
        yield f'<line class="{"line" if number else "axis"}" x1="{_LEFT}" y1="{y}" x2="{_RIGHT}" y2="{y}"/>'
        yield _text("right", _LEFT - 8, y + 4, _axis_number(number * step))
    pitch = (_RIGHT - _LEFT) / len(bars)
    width = min(60.0, pitch * 0.8)
    for place, bar in enumerate(bars):
        middle = _LEFT + pitch * (place + 0.5)
        yield from _column(bar, middle - width / 2, bottom, width, step * lines, colors)
        if bar.label and (pitch >= 36 or place % -(-36 // max(1, int(pitch))) == 0 or len(bars) == HALF_HOURS):
            yield _text("middle", round(middle), bottom + 18, bar.label)


def _column(bar: Bar, x: float, bottom: int, width: float, most: int, colors: dict[str, str]) -> Iterator[str]:
    """Yield the parts of a column, each with a tooltip."""
    below = 0
    for name, value in bar.parts:
        if value <= 0:
            continue
        y = bottom - _PANEL_HEIGHT * (below + value) / most
        height = _PANEL_HEIGHT * value / most
        below += value
        words = escape(" ".join(filter(None, (bar.label, name, _rounded(value, 2)))))
        yield (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colors[name]}">'
            f"<title>{words}</title></rect>"
        )


def _line_step(most: int) -> int:
    """Return the step between two lines: 1, 2 or 5 with zeros, so that a panel has about four lines."""
    step = 1
    while True:
        for factor in _STEPS:
            if step * factor * _LINES >= most:
                return step * factor
        step *= 10


def _rate_sum(charges: Charges, rate: str, field: str) -> int:
    return sum(getattr(line, field) for line in charges.energy.values() if line.rate_name == rate)


def _other_charge(charges: Charges) -> int:
    """Return all charges but those of energy."""
    return charges.charge_microunits - sum(line.charge_microunits for line in charges.energy.values())


def _day_label(day: int) -> str:
    _, month, date = civil_from_days(day)
    return f"{date} {_MONTHS[month - 1]}"


def _month_label(index: int) -> str:
    return f"{_MONTHS[index % 12]} {index // 12}"


def _rounded(millionths: int, decimals: int) -> str:
    """Return millionths as a decimal number, rounded to the nearest."""
    unit = 10 ** (6 - decimals)
    rounded = (millionths + unit // 2) // unit
    whole, rest = divmod(rounded, 10**decimals)
    return f"{whole:,}.{rest:0{decimals}}"


def _axis_number(millionths: int) -> str:
    whole, rest = divmod(millionths, _MILLION)
    return f"{whole:,}.{rest:06}".rstrip("0").rstrip(".")


def escape(words: str) -> str:
    """Return text as XML holds it."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _text(kind: str, x: int, y: int, words: str) -> str:
    name = f' class="{kind}"' if kind else ""
    return f'<text{name} x="{x}" y="{y}">{escape(words)}</text>'
