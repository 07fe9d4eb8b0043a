"""The tables of the ledger.

A transfer moves an amount from one account to another, so the sum over all accounts is zero by construction. Rows are
never changed or deleted: triggers in the database refuse it. A mistake is corrected by an entry that reverses another.
An amount is in the unit of its accounts: micro-units of a currency, mWh, or seconds of a term.
"""

from django.db import models


class Account(models.Model):
    """An account: `code` such as "drawer:3:17", and `unit`: a currency such as "EUR", "mWh" or "s"."""

    code = models.CharField(max_length=64)
    unit = models.CharField(max_length=4)

    class Meta:
        """The name of the table."""

        db_table = "ledger_accounts"
        constraints = [models.UniqueConstraint(fields=["code", "unit"], name="one_account")]


class Entry(models.Model):
    """A business event in the ledger. `key` is unique: the same event is booked once.

    `document` names the row that it belongs to, such as "sale:17". `operator` is the number of the person, or 0.
    """

    key = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=24)
    time_s = models.BigIntegerField()
    business_day = models.DateField()
    document = models.CharField(max_length=80, blank=True)
    operator = models.BigIntegerField(default=0)
    shop = models.BigIntegerField(default=0)
    shift = models.BigIntegerField(default=0)
    words = models.CharField(max_length=200, blank=True)
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="reversed_by")

    class Meta:
        """The name of the table and the indexes of the reports."""

        db_table = "ledger_entries"
        indexes = [
            models.Index(fields=["shop", "business_day"], name="entries_of_day"),
            models.Index(fields=["shift"], name="entries_of_shift"),
            models.Index(fields=["document"], name="entries_of_document"),
        ]


class Transfer(models.Model):
    """An amount above zero that an entry moves from the account `giver` to the account `taker`."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="transfers")
    giver = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="given")
    taker = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="taken")
    amount = models.BigIntegerField()

    class Meta:
        """The name of the table and its rules."""

        db_table = "ledger_transfers"
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="amount_above_zero"),
            models.CheckConstraint(condition=~models.Q(giver=models.F("taker")), name="two_accounts"),
        ]
