"""The vault's knowledge of key cards: the credit on each, and its price and allowance.

A key card carries its money. So the vault counts the credit that a new record adds: loaded credit that rises, and spent
credit that falls. A price or an allowance of its own is worth money as well, and changing one needs the right ORDER.
"""

from dataclasses import dataclass

from wattpurse.core.money.key_card import (
    ALLOWANCE_LIMIT_MWH,
    BY_TARIFF,
    NO_ALLOWANCE,
    PERIODS,
    CardContent,
)
from wattpurse_tools.vault.interface import Refused

NO_MEMORY_CARDS = "this site has key cards on DESFire alone"

_U16 = (1 << 16) - 1
_U32 = (1 << 32) - 1


@dataclass(frozen=True)
class KnownCard:
    """The facts of a key card that the vault knows: micro-units `loaded` and `spent`, and its `terms`.

    `terms` are price, allowance and period.
    """

    loaded: int = 0
    spent: int = 0
    terms: tuple[int, int, int] = (BY_TARIFF, 0, NO_ALLOWANCE)
    is_new: bool = True


def known_of(content: CardContent) -> KnownCard:
    """Return the facts of a record."""
    return KnownCard(content.loaded, content.spent, _terms_of(content), is_new=False)


def changes_terms(known: KnownCard, content: CardContent) -> bool:
    """Return True if a record changes the price or the allowance of a card."""
    return _terms_of(content) != known.terms


def added(known: KnownCard, content: CardContent) -> int:
    """Return the micro-units that a record adds to a card."""
    return max(0, content.loaded - known.loaded) + max(0, known.spent - content.spent)


def risen(known: KnownCard, content: CardContent) -> KnownCard:
    """Return the facts of a card after an authentic record of it was read, which may be an older one."""
    terms = _terms_of(content) if known.is_new else known.terms
    return KnownCard(max(known.loaded, content.loaded), max(known.spent, content.spent), terms, is_new=False)


def refuse_memory_card(limit: int | None, known: KnownCard, content: CardContent) -> None:
    """Raise Refused if a memory card would get more money than the site permits on one, or is a new one at 0.

    A card that has more already can be repaired, and used up.
    """
    if limit is None or (not known.is_new and added(known, content) == 0):
        return
    if limit == 0:
        raise Refused(f"{NO_MEMORY_CARDS}; make one with: wattpurse card new --kind desfire --key-card")
    if content.balance > limit:
        raise Refused(f"a key card on a memory card holds at most {limit} micro-units here; use a DESFire card")


def refuse_content(content: CardContent) -> None:
    """Raise Refused if a record cannot be."""
    bounds = (
        (content.price, _U32),
        (content.allowance_mwh, ALLOWANCE_LIMIT_MWH),
        (content.period, len(PERIODS) - 1),
        (content.period_number, _U16),
        (content.used_mwh, _U32),
        (content.user, _U32),
    )
    amounts = (content.version, content.loaded, content.spent)
    if not content.is_plausible or min(amounts) < 0 or not all(0 <= value <= limit for value, limit in bounds):
        raise Refused("a number on the key card is out of range")


def _terms_of(content: CardContent) -> tuple[int, int, int]:
    return content.price, content.allowance_mwh, content.period
