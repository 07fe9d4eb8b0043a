"""Cards of all roles. A card's history is never deleted: an erased card keeps its row."""

from django.db import models


class Card(models.Model):
    """A card by its UID in hexadecimal digits. `meter_number` is that of a customer's card, or 0.

    `state` is "active", "lost", "blocked" or "erased". `tenant` is the tenant of the meter whose card it is.
    """

    uid = models.CharField(max_length=20, primary_key=True)
    name = models.CharField(max_length=64, db_index=True)
    meter_number = models.BigIntegerField(default=0, db_index=True)
    role = models.CharField(max_length=16, blank=True)
    kind = models.CharField(max_length=24, blank=True)
    state = models.CharField(max_length=8, default="active")
    tenancy = models.ForeignKey("record.Tenancy", null=True, on_delete=models.PROTECT)
    issued_s = models.BigIntegerField(default=0)
    tenant = models.BigIntegerField(default=0)

    class Meta:
        """The name of the table."""

        db_table = "cards"


class KeyCard(models.Model):
    """The newest content of a key card that the station wrote or read. `loaded` is the credit that was sold for it."""

    uid = models.CharField(max_length=20, primary_key=True)
    loaded = models.BigIntegerField()
    version = models.BigIntegerField()
    spent = models.BigIntegerField()
    price = models.BigIntegerField()
    allowance_mwh = models.BigIntegerField()
    period = models.IntegerField()
    user = models.BigIntegerField()

    class Meta:
        """The name of the table."""

        db_table = "key_cards"


class KeyCardSale(models.Model):
    """Credit in micro-units that was sold for a key card."""

    uid = models.CharField(max_length=20, db_index=True)
    amount = models.BigIntegerField()
    sold_s = models.BigIntegerField()
    operator = models.BigIntegerField(null=True)
    sale = models.ForeignKey("record.Sale", null=True, on_delete=models.PROTECT)

    class Meta:
        """The name of the table."""

        db_table = "key_card_sales"


class DataRound(models.Model):
    """A walk with a data card: the card that went out with tokens, and when it came home with statements."""

    card_uid = models.CharField(max_length=20)
    loaded_s = models.BigIntegerField()
    read_s = models.BigIntegerField(null=True)
    meters = models.JSONField(default=list)
    statements = models.IntegerField(default=0)

    class Meta:
        """The name of the table."""

        db_table = "data_rounds"
