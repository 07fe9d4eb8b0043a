"""What `wattpurse card` says of key cards, and what is typed for them: prices, allowances, users."""

import re

from wattpurse.core.currency import Currency
from wattpurse.core.money import key_card
from wattpurse_tools.commands.desk_options import desk_of
from wattpurse_tools.station import key_file
from wattpurse_tools.station.amounts import parse_kwh
from wattpurse_tools.station.amounts import parse_price as parse_price_per_kwh
from wattpurse_tools.station.card_report import amount_text
from wattpurse_tools.station.cards import KEY_CARD
from wattpurse_tools.station.key_card_desk import KeyCardDesk
from wattpurse_tools.station.order import ENERGY

USER_LIMIT = (1 << 32) - 1

_TARIFF = "tariff"


def add_terms_options(parser, required: bool) -> None:
    """Adds --price and --allowance."""
    text = "money per kWh, such as 0.30; 0 for nothing; 'tariff' for what the meter's tariff says"
    parser.add_argument("--price", metavar="MONEY", required=required, help=text)
    text = "kWh free in each period, such as 2/day, 10/week or 40/month"
    parser.add_argument("--allowance", metavar="KWH/PERIOD", help=text)


def parse_price(text: str) -> int:
    """Micro-units per kWh, or key_card.BY_TARIFF. Raises ValueError that says what is wrong."""
    if text == _TARIFF:
        return key_card.BY_TARIFF
    price = parse_price_per_kwh(text, "--price")
    if price > key_card.PRICE_LIMIT:
        raise ValueError(f"--price {text}: at most {key_card.PRICE_LIMIT // 10**6} per kWh")
    return price


def parse_allowance(text: str | None) -> tuple:
    """`(mWh, period)` of such as 2/day. Raises ValueError that says what is wrong."""
    if text is None:
        return 0, key_card.NO_ALLOWANCE
    matched = re.fullmatch(r"([0-9.]+)/(day|week|month)", text)
    if matched is None:
        raise ValueError(f"--allowance {text}: write kWh and a period, such as 2/day, 10/week or 40/month")
    allowance_mwh = parse_kwh(matched[1], "--allowance")
    if allowance_mwh > key_card.ALLOWANCE_LIMIT_MWH:
        raise ValueError(f"--allowance {text}: at most {key_card.ALLOWANCE_LIMIT_MWH // 10**6} kWh")
    return allowance_mwh, key_card.PERIODS.index(matched[2])


def key_card_desk_of(arguments, station) -> KeyCardDesk:
    """The operations on key cards."""
    return KeyCardDesk(key_file.load(arguments.keys), station, desk_of(arguments, station))


def is_key_card(read) -> bool:
    """Whether a card that was read (card_desk.CardRead) is one."""
    return read.role == KEY_CARD


def document_of(found) -> dict:
    """What a key card says (key_card_desk.KeyCardRead), whole micro-units and mWh; None where it says nothing."""
    content = found.content
    if content is None:
        return {"flaw": found.flaw, "balance": None}
    return {
        "flaw": found.flaw or None,
        "balance": content.balance,
        "loaded": content.loaded,
        "spent": content.spent,
        "missing": found.missing,
        "version": content.version,
        "price": _TARIFF if content.price == key_card.BY_TARIFF else content.price,
        "allowance_mwh": content.allowance_mwh,
        "period": key_card.PERIODS[content.period],
        "used_mwh": content.used_mwh,
        "user": content.user,
    }


def lines_of(document: dict, currency: Currency) -> list:
    """The document as lines of text."""
    lines = []
    if document["flaw"]:
        lines.append(f"flaw       {document['flaw']}")
    if document["balance"] is None:
        return [*lines, "balance    not known"]
    lines += [
        f"balance    {currency.exact_text(document['balance'])}: {currency.exact_text(document['loaded'])} loaded,"
        f" {currency.exact_text(document['spent'])} spent",
        f"price      {terms_text(document, currency)}",
        f"user       {document['user']}, version {document['version']}",
    ]
    if document["missing"] > 0:
        missing = currency.exact_text(document["missing"])
        lines.append(f"missing    {missing}: sold, and not on the card; put it there with: wattpurse card repair")
    return lines


def terms_text(document: dict, currency: Currency) -> str:
    """Price and allowance in words."""
    price = (
        "by the meter's tariff" if document["price"] == _TARIFF else currency.exact_text(document["price"]) + " per kWh"
    )
    if document["period"] == key_card.PERIODS[key_card.NO_ALLOWANCE]:
        return price
    allowance, used = (amount_text(ENERGY, document[name], currency) for name in ("allowance_mwh", "used_mwh"))
    return f"{price}, {allowance} free each {document['period']}, {used} of it used when it was last written"
