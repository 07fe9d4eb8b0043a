"""Tokens, the receipts of meters, and the requests that wait for a second person."""

from django.db import models

from wattpurse_tools.record.models.metering import Meter


class Token(models.Model):
    """A token ever made. `sequence` is its number with its issuer, `card` a UID in hexadecimal digits or "".

    `state` is one of `station.order`. `receipt_card` is the number of the card that a receipt of it is for, or 0.
    `tenancy` names its owner, and `sale` the sale that it belongs to.
    `digits` has its twenty digits if it was sold by them.
    """

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="tokens", db_index=False)
    sequence = models.BigIntegerField()
    kind = models.SmallIntegerField()
    words = models.CharField(max_length=240, blank=True)
    unit = models.CharField(max_length=8, blank=True)
    amount = models.BigIntegerField(default=0)
    issued_s = models.BigIntegerField(db_index=True)
    card = models.CharField(max_length=20, blank=True, db_index=True)
    sealed = models.BinaryField()
    state = models.CharField(max_length=12)
    operator = models.BigIntegerField(null=True)
    redeemed_s = models.BigIntegerField(null=True)
    tenant = models.BigIntegerField(default=0)
    after = models.BigIntegerField(default=0)
    receipt_card = models.BigIntegerField(default=0)
    tenancy = models.ForeignKey("record.Tenancy", null=True, on_delete=models.PROTECT)
    sale = models.ForeignKey("record.Sale", null=True, on_delete=models.PROTECT, related_name="tokens")
    digits = models.CharField(max_length=20, blank=True)

    class Meta:
        """The name of the table. A number is used once."""

        db_table = "tokens"
        constraints = [models.UniqueConstraint(fields=["meter", "sequence"], name="one_token")]
        indexes = [
            models.Index(fields=["meter", "state"], name="tokens_by_state"),
            models.Index(fields=["state", "unit"], name="tokens_of_state"),
        ]


class MeterReceipt(models.Model):
    """The credit that one token took out of a meter, as its statement says: micro-units, mWh, debt, seconds of a term.

    `settled` says in words how it was settled, or is empty. `doubt` says why two persons must look at it, or is empty.
    """

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="receipts", db_index=False)
    sequence = models.BigIntegerField()
    money = models.BigIntegerField()
    energy = models.BigIntegerField()
    debt = models.BigIntegerField()
    term_s = models.BigIntegerField()
    tenant = models.BigIntegerField(default=0)
    card = models.BigIntegerField(default=0)
    told_s = models.BigIntegerField()
    settled = models.CharField(max_length=120, blank=True)
    doubt = models.CharField(max_length=400, blank=True)
    approval = models.ForeignKey("record.Approval", null=True, on_delete=models.PROTECT)

    class Meta:
        """The name of the table. A receipt is booked once."""

        db_table = "meter_receipts"
        constraints = [models.UniqueConstraint(fields=["meter", "sequence"], name="one_receipt")]


class Approval(models.Model):
    """A request to the vault that a second person decides. `request` is the vault's own identifier."""

    request = models.CharField(max_length=64, unique=True)
    action = models.CharField(max_length=48)
    document = models.JSONField(default=dict)
    reason = models.CharField(max_length=400)
    proposed_by = models.BigIntegerField()
    proposed_s = models.BigIntegerField()
    decided_by = models.BigIntegerField(null=True)
    decided_s = models.BigIntegerField(null=True)
    state = models.CharField(max_length=12, default="waiting", db_index=True)

    class Meta:
        """The name of the table."""

        db_table = "approvals"
