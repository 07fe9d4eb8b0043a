"""Dispensing units: the unit, the issues of its system card, and the sales that it took home."""

from django.db import models


class Dispenser(models.Model):
    """A dispensing unit by its issuer number. Its sales are receipts of `shop`.

    Money is in units of the currency's last decimal. `allowed` is the credit since the unit was new. `settled_sale` is
    the newest sale in the books, and `settled_sum` the money of all up to that one. `unit_version` is the key version
    of the unit's key. `meters` has the numbers of the meters that it sells to.
    """

    issuer = models.SmallIntegerField(primary_key=True)
    name = models.CharField(max_length=64)
    shop = models.ForeignKey("record.Shop", on_delete=models.PROTECT, related_name="dispensers")
    unit_version = models.SmallIntegerField()
    meters = models.JSONField(default=list)
    allowed = models.BigIntegerField(default=0)
    settled_sale = models.BigIntegerField(default=0)
    settled_sum = models.BigIntegerField(default=0)
    is_revoked = models.BooleanField(default=False)

    class Meta:
        """The name of the table."""

        db_table = "dispensers"


class DispenserIssue(models.Model):
    """An issue of a unit's system card. Its sales refer to these `prices`, and to `products` by meter number."""

    dispenser = models.ForeignKey(Dispenser, on_delete=models.PROTECT, related_name="issues", db_index=False)
    issue = models.IntegerField()
    card_uid = models.CharField(max_length=20, db_index=True)
    made_s = models.BigIntegerField()
    expires_s = models.BigIntegerField()
    allowed = models.BigIntegerField()
    prices = models.JSONField(default=list)
    products = models.JSONField(default=dict)
    operator = models.BigIntegerField()

    class Meta:
        """The name of the table. An issue has one number."""

        db_table = "dispenser_issues"
        constraints = [models.UniqueConstraint(fields=["dispenser", "issue"], name="one_dispenser_issue")]


class DispenserSale(models.Model):
    """A sale of a unit as its card told it, with the receipt that it became."""

    dispenser = models.ForeignKey(Dispenser, on_delete=models.PROTECT, related_name="sales", db_index=False)
    number = models.BigIntegerField()
    meter_number = models.BigIntegerField()
    count = models.BigIntegerField()
    paid = models.BigIntegerField()
    time_code = models.IntegerField()
    issue = models.IntegerField()
    sale = models.OneToOneField("record.Sale", on_delete=models.PROTECT, related_name="dispenser_sale")

    class Meta:
        """The name of the table. A sale is booked once."""

        db_table = "dispenser_sales"
        constraints = [models.UniqueConstraint(fields=["dispenser", "number"], name="one_dispenser_sale")]
