"""The person behind an action, and the one check of rights in front of every action."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from wattpurse_tools.refusals import Refusal, Words

if TYPE_CHECKING:
    from wattpurse_tools.station.station import Person


class NotPermitted(Refusal):
    """The refusal of an action that the person has no right to."""


@dataclass(frozen=True)
class Actor:
    """A person who has signed on.

    `operator` is the number, `ticket` that of the vault, `shop` the number of the person's shop or None for all.
    `address` says from where: an IP address, or "" for the command line.
    """

    operator: int
    ticket: str
    rights: frozenset[str] = field(default_factory=frozenset)
    shop: int | None = None
    address: str = ""

    @classmethod
    def of(cls, session: "Person", shop: int | None = None, address: str = "") -> Self:
        """Return the person of a session at the vault, with all rights of it."""
        return cls(session.operator, session.ticket, frozenset(session.rights), shop, address)

    def require(self, right: str, shop: int | None = None) -> None:
        """Raise NotPermitted unless the person has a right, in a shop if one is named."""
        if right not in self.rights:
            raise NotPermitted(
                "operator %(operator)s has no right to %(right)s; a manager can give it",
                operator=self.operator,
                right=Words(right),
            )
        if shop is not None and self.shop not in (None, shop):
            raise NotPermitted(
                "operator %(operator)s belongs to shop %(own_shop)s, not to shop %(shop)s",
                operator=self.operator,
                own_shop=self.shop,
                shop=shop,
            )
