"""The content of a key card, as lines for people and as a document for programs."""

from wattpurse.core.currency import Currency
from wattpurse.core.money import key_card
from wattpurse_tools.station.card_report import amount_text
from wattpurse_tools.station.key_card_terms import TARIFF
from wattpurse_tools.station.key_card_vending import KeyCardRead
from wattpurse_tools.station.order import ENERGY


def document_of(found: KeyCardRead) -> dict:
    """Return the content of a key card in micro-units and mWh. `balance` is None if it is not known."""
    content = found.content
    if content is None:
        return {"flaw": found.flaw, "balance": None}
    return {
        "flaw": found.flaw or None,
        "balance": content.balance,
        "loaded": content.loaded,
        "spent": content.spent,
        "missing": found.missing,
        "unsold": found.unsold,
        "version": content.version,
        "price": TARIFF if content.price == key_card.BY_TARIFF else content.price,
        "allowance_mwh": content.allowance_mwh,
        "period": key_card.PERIODS[content.period],
        "used_mwh": content.used_mwh,
        "user": content.user,
    }


def lines_of(document: dict, currency: Currency) -> list[str]:
    """Return the document as lines of text."""
    lines = []
    if document["flaw"]:
        lines.append(f"flaw       {document['flaw']}")
    if document["balance"] is None:
        return [*lines, "balance    not known"]
    lines += [
        f"balance    {currency.exact_text(document['balance'])}: {currency.exact_text(document['loaded'])} loaded,"
        f" {currency.exact_text(document['spent'])} spent",
        f"price      {_terms_text(document, currency)}",
        f"user       {document['user']}, version {document['version']}",
    ]
    if document["missing"] > 0:
        missing = currency.exact_text(document["missing"])
        lines.append(f"missing    {missing}: sold, and not on the card; write it there with: wattpurse card repair")
    if document["unsold"]:
        unsold = currency.exact_text(document["unsold"])
        lines.append(f"unsold     {unsold}: not loaded by this station; if no other one did, the site key is stolen")
    return lines


def _terms_text(document: dict, currency: Currency) -> str:
    """Return price and allowance in words."""
    price = (
        "by the meter's tariff" if document["price"] == TARIFF else currency.exact_text(document["price"]) + " per kWh"
    )
    if document["period"] == key_card.PERIODS[key_card.NO_ALLOWANCE]:
        return price
    allowance, used = (amount_text(ENERGY, document[name], currency) for name in ("allowance_mwh", "used_mwh"))
    return f"{price}, {allowance} free each {document['period']}, {used} of it used at the last write"
