"""Questions whose answers make a tariff. Each answer is checked at once, and a wrong one is asked for again."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from wattpurse.core.tariffs import rules
from wattpurse_tools.tariffs import tariff_file, zones
from wattpurse_tools.tariffs.fields import decimal, integer, matching

Answer = TypeVar("Answer")

_WEEKEND = ("saturday", "sunday", "holiday")
_YES = ("y", "yes")
_NO = ("n", "no")

_amount = decimal("an amount", rules.MONEY_LIMIT)
_energy = decimal("kWh", rules.ENERGY_LIMIT)
_currency = matching(r"[A-Z]{3}", "write three capital letters, such as EUR")
_date = matching(r"\d{4}-\d\d-\d\d", "write year, month and day, such as 2026-10-01")
_month_day = matching(r"\d\d-\d\d", "write month and day, such as 10-01")
_levy = matching(r"(\d+(?:\.\d+)?)\s*(%?)", "write a percentage such as 19%, or an amount per kWh such as 0.0205")


class Interview:
    """Asks by `ask`, a function like `input`, and tells mistakes by `tell`, a function like `print`."""

    def __init__(self, ask: Callable[[str], str], tell: Callable[[str], None]) -> None:
        self._ask = ask
        self._tell = tell

    def document(self) -> dict[str, Any]:
        """Return the document of a valid tariff. Raise EOFError if the answers end early."""
        zone_name = self._answer("Time zone, such as Europe/Berlin", _zone_name)
        document: dict[str, Any] = {
            "version": self._answer("Version; a meter takes only a higher one than it has", _version, "1"),
            "activation": self._answer("First day of the tariff, such as 2026-10-01", _activation(zone_name)),
            "currency": self._answer("Currency", lambda text: _currency(text, "currency")[0], "EUR"),
            "standing_charge_per_day": self._answer("Standing charge per day", _checked(_amount), "0"),
            "fixed_charge_per_month": self._answer("Fixed charge per month", _checked(_amount), "0"),
            "minimum_charge_per_month": self._answer("Minimum charge per month", _checked(_amount), "0"),
            "demand_charge_per_kw": self._answer(
                "Charge per kW of the month's maximum demand (for the contract 'account' alone)", _checked(_amount), "0"
            ),
            "free_kwh_per_month": self._answer("Free kWh per month", _checked(_energy), "0"),
            "zone": {"name": zone_name},
        }
        document["rates"] = self._rates()
        document.update(self._blocks(document))
        names = [rate["name"] for rate in document["rates"]]
        if len(names) > 1:
            document.update(self._schedule(names))
        document["levies"] = self._levies()
        tariff_file.encode(document)
        return document

    def _answer(self, question: str, read: Callable[[str], Answer], default: str | None = None) -> Answer:
        """Ask until `read` takes the answer. An empty answer is the default."""
        prompt = f"{question}: " if default is None else f"{question} [{default}]: "
        while True:
            text = self._ask(prompt).strip()
            if not text and default is not None:
                text = default
            try:
                return read(text)
            except ValueError as error:
                self._tell(f"  {error}")

    def _says_yes(self, question: str, default: str = "n") -> bool:
        return self._answer(f"{question} (y/n)", _yes_or_no, default)

    def _rates(self) -> list[dict[str, Any]]:
        """Ask for each rate: its name, the price of each block, and the ends of the blocks."""
        rates: list[dict[str, Any]] = []
        while len(rates) < rules.RATE_LIMIT:
            if rates and not self._says_yes("Another rate"):
                break
            taken = [rate["name"] for rate in rates]
            name = self._answer("Name of the rate, at most six characters", _rate_name(taken))
            prices = self._answer(f"Price of {name} per kWh; several for blocks, such as 0.30 0.45", _amounts)
            rate: dict[str, Any] = {"name": name, "prices": prices}
            if len(prices) > 1:
                question = "kWh at which each block but the last ends, such as 150"
                rate["block_limits_kwh"] = self._answer(question, _limits(len(prices) - 1))
            rates.append(rate)
        return rates

    def _blocks(self, document: dict[str, Any]) -> dict[str, Any]:
        """Ask which energy counts towards the blocks, if there are any."""
        if all(len(rate["prices"]) == 1 for rate in document["rates"]):
            return {}
        written: dict[str, Any] = {}
        if len(document["rates"]) > 1 and self._says_yes("Do blocks count the use at all rates together"):
            written["blocks"] = "total"
        if self._says_yes("Do blocks begin again each day, instead of each month"):
            written["block_period"] = "day"
        if document["free_kwh_per_month"] != "0":
            written["free_kwh_in_blocks"] = self._says_yes("Does free energy count towards the first block", "y")
        return written

    def _schedule(self, names: list[str]) -> dict[str, Any]:
        """Ask which rate applies when: on working days and at weekends, in each season."""
        day_types: dict[str, Any] = {}
        seasons = []
        start: str | None = "01-01"
        while start:
            number = len(seasons) + 1
            when = f"from {start} on"
            season = {"start": start, "days": f"workday-{number}"}
            question = f"Rates of a working day {when}, such as 00:00 {names[0]} 06:00 {names[-1]}"
            day_types[f"workday-{number}"] = self._answer(question, _switches(names))
            if not self._says_yes("The same at weekends and on holidays", "y"):
                question = f"Rates of weekends and holidays {when}"
                day_types[f"weekend-{number}"] = self._answer(question, _switches(names))
                season.update({day: f"weekend-{number}" for day in _WEEKEND})
            seasons.append(season)
            start = None
            if number < rules.SEASON_LIMIT // 2:
                question = "Another schedule from a day of the year on, such as 10-01 (empty: none)"
                start = self._answer(question, _season_start([one["start"] for one in seasons]), "")
        return {"day_types": day_types, "seasons": seasons}

    def _levies(self) -> list[dict[str, str]]:
        """Ask for taxes and levies until an empty name."""
        levies: list[dict[str, str]] = []
        while len(levies) < rules.LEVY_LIMIT:
            name = self._answer("Name of a tax or levy, at most seven characters (empty: no more)", _levy_name, "")
            if not name:
                break
            value, percent = self._answer(f"{name}: a percentage such as 19%, or an amount per kWh", _levy_value)
            levies.append({"name": name, "percent" if percent else "per_kwh": value})
        return levies


def _zone_name(text: str) -> str:
    zones.named(text)
    return text


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("write a whole number")
    return integer(0, 0xFFFFFFFF)(int(text), "version")


def _activation(zone_name: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        day = datetime.fromisoformat(_date(text, "first day")[0])
        return day.replace(tzinfo=ZoneInfo(zone_name)).isoformat()

    return read


def _checked(read: Callable[[object, str], int]) -> Callable[[str], str]:
    """Return a reader that keeps the text of an amount."""

    def read_text(text: str) -> str:
        try:
            read(text, "amount")
        except ValueError:
            raise ValueError("write an amount such as 0.3125, with at most six decimals") from None
        return text

    return read_text


def _amounts(text: str) -> list[str]:
    prices = text.split()
    if not 1 <= len(prices) <= rules.BLOCK_LIMIT:
        raise ValueError(f"write 1 to {rules.BLOCK_LIMIT} prices with spaces between them")
    return [_checked(_amount)(price) for price in prices]


def _limits(count: int) -> Callable[[str], list[str]]:
    def read(text: str) -> list[str]:
        limits = [_checked(_energy)(limit) for limit in text.split()]
        ends = [_energy(limit, "kWh") for limit in limits]
        if len(ends) != count or sorted(set(ends)) != ends or 0 in ends:
            raise ValueError(f"write {count} of them with spaces between, each greater than the one before")
        return limits

    return read


def _rate_name(taken: list[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not 1 <= len(text) <= rules.NAME_LIMIT or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError(f"write 1 to {rules.NAME_LIMIT} plain characters without a space")
        if text in taken:
            raise ValueError("this name is taken; give each rate its own")
        return text

    return read


def _switches(names: list[str]) -> Callable[[str], dict[str, str]]:
    def read(text: str) -> dict[str, str]:
        words = text.split()
        if len(words) % 2 or words[:1] != ["00:00"] or set(words[1::2]) - set(names):
            raise ValueError(f"begin with 00:00, and write a time and one of {', '.join(names)} for each change")
        return dict(zip(words[::2], words[1::2], strict=True))

    return read


def _season_start(taken: list[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text and (_month_day(text, "start")[0] in taken or not "01-01" <= text <= "12-31"):
            raise ValueError("write a day on which no other schedule begins")
        return text

    return read


def _levy_name(text: str) -> str:
    if len(text) > rules.LEVY_NAME_LIMIT or not text.isascii() or not text.isprintable():
        raise ValueError(f"write at most {rules.LEVY_NAME_LIMIT} plain characters")
    return text


def _levy_value(text: str) -> tuple[str, bool]:
    """Return the value of a levy, and whether it is a percentage."""
    value, sign = _levy(text, "levy").groups()
    if not sign:
        _checked(_amount)(value)
    return value, bool(sign)


def _yes_or_no(text: str) -> bool:
    if text.lower() not in _YES + _NO:
        raise ValueError("write y or n")
    return text.lower() in _YES
