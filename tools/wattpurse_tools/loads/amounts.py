"""Values of pieces as energies in mWh, exactly.

The fraction of a mWh that a value has is carried to the next interval, as a meter carries the fraction of a pulse.
So the energies of a file add up to its values, rounded down once.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from wattpurse_tools.loads.block import Piece, Rows, Value
from wattpurse_tools.tariffs.load_curve import LoadCurve

_DECIMALS = 24
_HOUR_S = 3600
_WHOLE = 10**_DECIMALS * _HOUR_S  # parts of a mWh
_NUMBER = re.compile(r"(\d{0,12})(?:\.(\d*))?", re.ASCII)
_NUMBER_CHARACTERS = "0123456789."

# Fewer rows may rise by chance.
_RISING_ROWS = 8
_RISING_ROWS_FROM_ZERO = 24


def energies(pieces: Iterable[Piece], rows: Rows, name: str) -> Iterator[LoadCurve]:
    """Yield the load curves of pieces. Raise ValueError for a value that is no energy consumed.

    If the file does not say whether it holds readings of a counter, and the values only rise, raise ValueError at the
    end.
    """
    converter = _Converter(rows, name)
    rise = _Rise()
    for piece in pieces:
        energies_mwh = converter.convert(piece)
        if rows.may_be_counter and rise.goes_on:
            rise.note(energies_mwh)
        yield LoadCurve(piece.start_s, piece.interval_s, energies_mwh)
    if rows.may_be_counter and rise.is_counter():
        raise ValueError(
            f"{name}: the values only rise, as the readings of a counter do; add --values counter to take their "
            "differences, or --values energy if each is the energy of its interval"
        )


class _Converter:
    """The values of one file as energies."""

    def __init__(self, rows: Rows, name: str) -> None:
        self._unit = rows.unit
        self._name = name
        self._is_counter = rows.is_counter
        self._carried = 0
        digits = rows.unit.digits
        self._factors = {decimals: 10 ** (digits - decimals) for decimals in range(digits + 1)}

    def convert(self, piece: Piece) -> Sequence[int]:
        """Return the energies of a piece."""
        if not self._unit.is_power and self._are_plain(piece.values):
            try:
                factors = self._factors
                parts = [value.partition(".") for value in piece.values]  # pyright: ignore[reportAttributeAccessIssue]
                return [int(whole + decimals) * factors[len(decimals)] for whole, _, decimals in parts]
            except (ValueError, KeyError):
                pass
        seconds = piece.measured_s if self._unit.is_power else _HOUR_S
        rows = zip(piece.lines, piece.values, strict=True)
        return [self._energy_mwh(value, seconds, line) for line, value in rows]

    def _are_plain(self, values: Sequence[Value]) -> bool:
        """Return True if all values are texts of digits and points."""
        try:
            return not "".join(values).strip(_NUMBER_CHARACTERS)  # pyright: ignore[reportArgumentType, reportCallIssue]
        except TypeError:
            return False

    def _energy_mwh(self, value: Value, seconds: int, line: int) -> int:
        where = f"{self._name} line {line}"
        text = value.strip() if isinstance(value, str) else format(value, "f")
        if text.startswith("-"):
            raise ValueError(f"{where}: {self._words_of_negative(text)}")
        matched = _NUMBER.fullmatch(text)
        decimals = (matched[2] or "") if matched else ""
        if not matched or not (matched[1] or decimals) or len(decimals) > _DECIMALS - self._unit.digits:
            raise ValueError(
                f'{where}: {text[:40]!r} will not do; write {self._unit.name} with a decimal point, such as "137.5"'
            )
        parts = int(matched[1] + decimals) * 10 ** (_DECIMALS - len(decimals)) * 10**self._unit.digits
        energy_mwh, self._carried = divmod(self._carried + parts * seconds, _WHOLE)
        return energy_mwh

    def _words_of_negative(self, text: str) -> str:
        if self._is_counter:
            return (
                f"the counter falls by {text[1:]} {self._unit.name}; bill the files before and after its change apart"
            )
        name = self._unit.name
        return f"{text} {name} is negative; write the energy consumed alone, without the energy fed in"


class _Rise:
    """A watch over the values of a file: do they only rise?"""

    def __init__(self) -> None:
        self.goes_on = True
        self._first_mwh: int | None = None
        self._last_mwh = 0
        self._count = 0
        self._rises = 0

    def note(self, energies_mwh: Sequence[int]) -> None:
        """Note the next values."""
        for energy_mwh in energies_mwh:
            if self._first_mwh is None:
                self._first_mwh = self._last_mwh = energy_mwh
            if energy_mwh < self._last_mwh:
                self.goes_on = False
                return
            self._count += 1
            self._rises += energy_mwh > self._last_mwh
            self._last_mwh = energy_mwh

    def is_counter(self) -> bool:
        """Return True if the values look like readings: they only rise, slowly or for long."""
        if not self.goes_on or not self._rises or self._first_mwh is None:
            return False
        rises_slowly = self._count >= _RISING_ROWS and self._last_mwh < 2 * self._first_mwh
        return rises_slowly or (self._count >= _RISING_ROWS_FROM_ZERO and 2 * self._rises >= self._count)
