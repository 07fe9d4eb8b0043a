"""The receipts of meters: the credit that each meter has given back. A receipt is booked once and settled once.

A statement has the receipt of the last refund, clearing or change of tenant. All copies of a card have the same
receipt, and the first copy that is read books it. A receipt names its card, by `key_card.card_number`, and is settled
with that card alone, while the card is that of the receipt's tenant. A receipt of a token that was typed in names
ANY_CARD. The customer is owed a booked receipt until it is paid out or sold to another meter.

A receipt is believed if it fits its token and the meter's sums that only grow (`receipt_proof`). Otherwise it is booked
with a doubt in words, and is settled only by those who say that they have looked into it. The vault marks each settled
receipt too: a record that is restored from a backup settles none a second time.
"""

from collections.abc import Sequence

from wattpurse.core.money.token_windows import issuer_of, number_text
from wattpurse_tools.record.models import MeterReceipt, Token
from wattpurse_tools.station import receipt_proof
from wattpurse_tools.station.order import FORFEITED, OUTDATED, REDEEMED, TAKING, VOIDED
from wattpurse_tools.station.rows import Row, receipt_rows, token_rows
from wattpurse_tools.vault.interface import Keys

ANY_CARD = 0

_WORDS_LIMIT = 120


class Receipts:
    """The receipts in the record. The caller of a method that writes opens the transaction.

    A row has meter, sequence, money (micro-units), energy (mWh), debt, term_s, tenant, card, told_s, settled and doubt.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def book(self, statement: dict) -> None:
        """Book the receipt in an authentic statement, unless it is booked or another issuer made its token.

        The record has the redeemed tokens of this statement already, and not the statement itself.
        """
        receipt = statement.get("receipt")
        meter_number = statement["meter_number"]
        if receipt is None or issuer_of(receipt["sequence"]) != self._keys.issuer:
            return
        if MeterReceipt.objects.filter(meter_id=meter_number, sequence=receipt["sequence"]).exists():
            return
        rows = token_rows(Token.objects.filter(meter_id=meter_number, sequence=receipt["sequence"]))
        proof = receipt_proof.of(statement, rows[0] if rows else None, self._missing(statement))
        if proof.lost is not None:
            sequence, amounts = proof.lost
            self._add(meter_number, sequence, amounts, statement["time_s"], proof.lost_doubt)
        self._add(meter_number, receipt["sequence"], receipt, statement["time_s"], "; ".join(proof.doubts))

    def of_meter(self, meter_number: int) -> list[Row]:
        """Return all receipts of a meter, oldest first."""
        return receipt_rows(MeterReceipt.objects.filter(meter_id=meter_number).order_by("sequence"))

    def unsettled(self, meter_number: int) -> list[Row]:
        """Return the receipts of a meter that are not settled, oldest first."""
        return [row for row in self.of_meter(meter_number) if not row["settled"]]

    def owed(self, meter_number: int, card: int, tenant: int, with_doubts: bool = False) -> list[Row]:
        """Return the receipts of a meter that are not settled and that a card may settle, oldest first.

        `card` is its `key_card.card_number`, and `tenant` its tenant. Receipts in doubt are left out unless they are
        asked for. Raise ValueError if all that is owed is for other cards, for another tenant, or in doubt.
        """
        unsettled = self.unsettled(meter_number)
        of_card = [row for row in unsettled if row["card"] in (ANY_CARD, card)]
        if unsettled and not of_card:
            raise ValueError(
                f"the credit that meter {meter_number} gave back is for another card; settle it with that card, or, if"
                " that card is lost, give its owner a new one first with: wattpurse card replace LOST NEW"
            )
        own = [row for row in of_card if row["tenant"] == tenant]
        if of_card and not own:
            raise ValueError(
                f"the credit that meter {meter_number} gave back belongs to tenant {of_card[0]['tenant']}, and this"
                f" card to tenant {tenant}; settle it with a card of the former tenant"
            )
        sound = [row for row in own if with_doubts or not row["doubt"]]
        if own and not sound:
            raise ValueError(
                f"the receipt of token {number_text(own[0]['sequence'])} of meter {meter_number} is in doubt:"
                f" {own[0]['doubt']}; look into it, and settle it with: --despite-doubt"
            )
        return sound

    def is_open(self, meter_number: int, card: int, tenant: int) -> bool:
        """Return True if a receipt for a card and a tenant is not settled, or not read yet."""
        unsettled = any(row["card"] == card and row["tenant"] == tenant for row in self.unsettled(meter_number))
        awaited = self.awaited(meter_number)
        return unsettled or any(row["receipt_card"] == card and row["tenant"] == tenant for row in awaited)

    def move(self, meter_number: int, lost_card: int, card: int) -> None:
        """Make the receipts of a lost card, which are not settled, those of another card, and those still to come."""
        MeterReceipt.objects.filter(meter_id=meter_number, card=lost_card, settled="").update(card=card)

    def take_over_marks(self, meter_number: int) -> None:
        """Mark the receipts as settled that the vault knows as settled: this record may be an older copy."""
        for sequence, words in self._keys.settled(meter_number).items():
            MeterReceipt.objects.filter(meter_id=meter_number, sequence=sequence, settled="").update(
                settled=words[:_WORDS_LIMIT]
            )

    def awaited(self, meter_number: int) -> list[Row]:
        """Return the tokens of a meter whose receipt has not been read, oldest first.

        Forfeited and voided ones, and those that are too old for the meter, are left out.
        """
        tokens = Token.objects.filter(meter_id=meter_number, kind__in=TAKING)
        open_tokens = tokens.exclude(state__in=(FORFEITED, VOIDED, OUTDATED)).exclude(
            sequence__in=MeterReceipt.objects.filter(meter_id=meter_number).values("sequence")
        )
        return token_rows(open_tokens.order_by("sequence"))

    def _missing(self, statement: dict) -> Sequence[Row]:
        """Return the redeemed tokens that have no receipt, but for that of the receipt in the statement."""
        meter_number = statement["meter_number"]
        tokens = Token.objects.filter(meter_id=meter_number, kind__in=TAKING, state=REDEEMED)
        missing = tokens.exclude(sequence=statement["receipt"]["sequence"]).exclude(
            sequence__in=MeterReceipt.objects.filter(meter_id=meter_number).values("sequence")
        )
        return token_rows(missing)

    def _add(self, meter_number: int, sequence: int, amounts: Row, told_s: int, doubt: str) -> None:
        MeterReceipt.objects.create(
            meter_id=meter_number,
            sequence=sequence,
            **{name: amounts[name] for name in (*receipt_proof.AMOUNTS, "tenant", "card")},
            told_s=told_s,
            settled=self._keys.settled(meter_number).get(sequence, "")[:_WORDS_LIMIT],
            doubt=doubt[:400],
        )
