"""The terms of a key card: the price of a kWh, and the free allowance of each period. Parse them and show them."""

import re
from dataclasses import dataclass

from wattpurse.core.money import key_card
from wattpurse_tools.station.amounts import parse_kwh
from wattpurse_tools.station.amounts import parse_price as parse_price_per_kwh

TARIFF = "tariff"
NONE = "none"


@dataclass(frozen=True)
class KeyCardTerms:
    """The price in micro-units per kWh, or `key_card.BY_TARIFF`; the allowance in mWh and its period's number."""

    price: int
    allowance_mwh: int = 0
    period: int = key_card.NO_ALLOWANCE


def parse_terms(price: str, allowance: str | None) -> KeyCardTerms:
    """Return the terms in texts such as `0.30` and `2/day`. Raise ValueError with the reason for other texts."""
    return KeyCardTerms(_parse_price(price), *_parse_allowance(allowance))


def _parse_price(text: str) -> int:
    if text == TARIFF:
        return key_card.BY_TARIFF
    price = parse_price_per_kwh(text, "price")
    if price > key_card.PRICE_LIMIT:
        raise ValueError(f"price {text}: at most {key_card.PRICE_LIMIT // 10**6} per kWh")
    return price


def _parse_allowance(text: str | None) -> tuple[int, int]:
    """Return mWh and the number of the period."""
    if text is None or text == NONE:
        return 0, key_card.NO_ALLOWANCE
    matched = re.fullmatch(r"([0-9.]+)/(day|week|month)", text)
    if matched is None:
        raise ValueError(f"allowance {text}: write kWh and a period, such as 2/day, 10/week or 40/month")
    allowance_mwh = parse_kwh(matched[1], "allowance")
    if allowance_mwh > key_card.ALLOWANCE_LIMIT_MWH:
        raise ValueError(f"allowance {text}: at most {key_card.ALLOWANCE_LIMIT_MWH // 10**6} kWh")
    return allowance_mwh, key_card.PERIODS.index(matched[2])
