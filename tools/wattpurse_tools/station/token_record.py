"""The tokens that a station has made: the content of each, the card that it belongs on, and its state."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q

from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.record.models import Card, Token
from wattpurse_tools.station import lost_orders
from wattpurse_tools.station.meter_now import locked_row
from wattpurse_tools.station.order import FORFEITED, ISSUED, OUTSTANDING
from wattpurse_tools.station.rows import Row, token_rows


def contracts_to_come(meter_number: int) -> list[str]:
    """Return the names of the contracts that outstanding tokens bring to a meter, the newest last."""
    coming = Token.objects.filter(meter_id=meter_number, kind=token.CONTRACT, state__in=OUTSTANDING)
    codes = coming.order_by("sequence").values_list("amount", flat=True)
    return [contracts.by_code(code).name for code in codes if code]


class TokenRecord:
    """The tokens in the record.

    A row has meter, sequence, kind, words, unit and amount (see `order`), issued_s, card, sealed, state, operator and
    redeemed_s, and the tenant and the order before it (0: none) that are sealed in it. A token is outstanding until a
    statement proves that its meter has redeemed or voided it, or that it is too old for the meter.
    """

    def token(self, meter_number: int, sequence: int) -> Row | None:
        """Return the row of one token, or None."""
        rows = token_rows(Token.objects.filter(meter_id=meter_number, sequence=sequence))
        return rows[0] if rows else None

    def refreshed(self, tokens: Iterable[Row]) -> list[Row]:
        """Return the rows of the same tokens as they are now."""
        places = {row["id"]: place for place, row in enumerate(tokens)}
        rows = token_rows(Token.objects.filter(id__in=places))
        return sorted(rows, key=lambda row: places[row["id"]])

    def outstanding(self, uid: bytes) -> list[Row]:
        """Return the outstanding tokens of one card, oldest first."""
        return token_rows(Token.objects.filter(card=uid.hex(), state__in=OUTSTANDING).order_by("meter_id", "sequence"))

    def outstanding_of_meter(self, meter_number: int) -> list[Row]:
        """Return the outstanding tokens of one meter on all cards, oldest first."""
        return token_rows(Token.objects.filter(meter_id=meter_number, state__in=OUTSTANDING).order_by("sequence"))

    def outstanding_of_name(self, name: str) -> list[Row]:
        """Return the outstanding tokens of all cards that ever had this name. Raise ValueError if there is none."""
        uids = list(Card.objects.filter(name=name).values_list("uid", flat=True))
        if not uids:
            raise ValueError(f"no card {name} is known to this station")
        return token_rows(Token.objects.filter(card__in=uids, state__in=OUTSTANDING).order_by("meter_id", "sequence"))

    def tokens(self) -> list[Row]:
        """Return all tokens ever made, oldest first."""
        return token_rows(Token.objects.order_by("issued_s", "meter_id", "sequence"))

    def move(self, tokens: list[Row], uid: bytes) -> None:
        """Assign tokens (rows) to another card. They are not written to that card yet."""
        Token.objects.filter(id__in=[row["id"] for row in tokens]).update(card=uid.hex(), state=ISSUED)

    def forfeit(self, meter_number: int, sequences: list[int]) -> list[Row]:
        """Forfeit tokens and return their rows. Raise ValueError, with no change, if one is not outstanding."""
        with transaction.atomic():
            rows = []
            for sequence in sequences:
                row = self.token(meter_number, sequence)
                number = number_text(sequence)
                if row is None:
                    raise ValueError(f"token {number} of meter {meter_number} was not issued by this station")
                if row["state"] not in OUTSTANDING:
                    raise ValueError(f"token {number} of meter {meter_number} is {row['state']} already")
                rows.append(row)
            self._refuse_to_block_others(meter_number, sequences)
            self.mark(rows, FORFEITED)
            return self.refreshed(rows)

    def _refuse_to_block_others(self, meter_number: int, sequences: list[int]) -> None:
        """Raise ValueError if a token that is not forfeited waits for one that is."""
        for row in self.outstanding_of_meter(meter_number):
            if row["after"] in sequences and row["sequence"] not in sequences:
                raise ValueError(
                    f"token {number_text(row['sequence'])} of meter {meter_number} is only redeemed after token"
                    f" {number_text(row['after'])}: forfeit both, or none"
                )

    def mark(self, tokens: Iterable[Row], state: str) -> None:
        """Set the state of outstanding tokens (rows). A state that a statement proves stays."""
        rows = list(tokens)
        with transaction.atomic():
            if state == FORFEITED:
                for meter_number, kind in sorted({(row["meter"], row["kind"]) for row in rows}):
                    if kind in lost_orders.KINDS:
                        locked_row(meter_number)
                        lost_orders.note(meter_number, kind)
            found = Token.objects.filter(Q(id__in=[row["id"] for row in rows]) & Q(state__in=OUTSTANDING))
            found.update(state=state)
