"""The site, shops, tills, shifts, prices, taxes, sales and bank deposits."""

from django.db import models


class Site(models.Model):
    """The one row of settings of the office.

    `schema_version` is that of the tables. `key_fingerprints` has a fingerprint for each key version, by its number.
    `debt_share_ppm` is the share of a sale that recovers debt, as long as there is some.
    """

    name = models.CharField(max_length=120, default="")
    schema_version = models.IntegerField()
    key_fingerprint = models.CharField(max_length=64)
    key_fingerprints = models.JSONField(default=dict)
    currency = models.CharField(max_length=3, default="EUR")
    decimals = models.SmallIntegerField(default=2)
    operators_required = models.BooleanField(default=False)
    debt_share_ppm = models.IntegerField(default=250_000)

    class Meta:
        """The name of the table."""

        db_table = "site"


class TaxRate(models.Model):
    """A tax in parts per million of the net amount, such as 190,000 for 19 %, from a day on."""

    name = models.CharField(max_length=32)
    rate_ppm = models.IntegerField()
    from_day = models.DateField()

    class Meta:
        """The name of the table."""

        db_table = "tax_rates"


class Shop(models.Model):
    """A place that sells. `time_zone` decides its business day. `last_receipt` is the newest receipt number.

    `vendor_limit_microunits` is the most that the shop may owe the utility, or None.
    """

    number = models.IntegerField(unique=True)
    name = models.CharField(max_length=120)
    address = models.CharField(max_length=240, blank=True)
    tax_number = models.CharField(max_length=32, blank=True)
    time_zone = models.CharField(max_length=48, default="UTC")
    language = models.CharField(max_length=8, default="en")
    last_receipt = models.BigIntegerField(default=0)
    vendor_limit_microunits = models.BigIntegerField(null=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        """The name of the table."""

        db_table = "shops"


class Till(models.Model):
    """A till of a shop. `reader_token_hash` is that of the token of the agent at its reader, or empty."""

    shop = models.ForeignKey(Shop, on_delete=models.PROTECT, related_name="tills", db_index=False)
    number = models.IntegerField()
    name = models.CharField(max_length=64, blank=True)
    last_z = models.IntegerField(default=0)
    reader_token_hash = models.CharField(max_length=64, blank=True, db_index=True)

    class Meta:
        """The name of the table."""

        db_table = "tills"
        constraints = [models.UniqueConstraint(fields=["shop", "number"], name="one_till")]


class Shift(models.Model):
    """A cashier at a till, from opening to the Z report. A till has one open shift.

    `counted_microunits` is entered before the expected sum is shown. `z_number` is that of the Z report.
    """

    till = models.ForeignKey(Till, on_delete=models.PROTECT, related_name="shifts")
    operator = models.BigIntegerField()
    opened_s = models.BigIntegerField()
    closed_s = models.BigIntegerField(null=True)
    float_microunits = models.BigIntegerField(default=0)
    counted_microunits = models.BigIntegerField(null=True)
    expected_microunits = models.BigIntegerField(null=True)
    z_number = models.IntegerField(null=True)

    class Meta:
        """The name of the table."""

        db_table = "shifts"
        constraints = [
            models.UniqueConstraint(fields=["till"], condition=models.Q(closed_s__isnull=True), name="one_open_shift")
        ]


class Price(models.Model):
    """The price of a kWh, a day of a term or a day of a permit for a customer type (None: all), from a time on.

    `gross_microunits` contains the tax.
    """

    what = models.CharField(max_length=8)
    customer_type = models.ForeignKey("record.CustomerType", null=True, on_delete=models.PROTECT)
    currency = models.CharField(max_length=3)
    gross_microunits = models.BigIntegerField()
    tax = models.ForeignKey(TaxRate, null=True, on_delete=models.PROTECT)
    from_s = models.BigIntegerField()

    class Meta:
        """The name of the table."""

        db_table = "prices"


class Sale(models.Model):
    """A sale, a reversal, a refund or a free issue, with its receipt number in the shop.

    `client_key` is the caller's: a retry of the same sale is the same sale. `state` is "sold" (in the record, owed to
    the card), "written" (on the card, or told), "voiding" (the tokens are being taken off the card), "voided", or
    "redeemed after void".
    """

    shop = models.ForeignKey(Shop, on_delete=models.PROTECT, db_index=False)
    till = models.ForeignKey(Till, null=True, on_delete=models.PROTECT)
    shift = models.ForeignKey(Shift, null=True, on_delete=models.PROTECT, related_name="sales")
    receipt_number = models.BigIntegerField()
    client_key = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=12)
    state = models.CharField(max_length=24)
    time_s = models.BigIntegerField(db_index=True)
    business_day = models.DateField()
    operator = models.BigIntegerField()
    customer = models.ForeignKey("record.Customer", null=True, on_delete=models.PROTECT)
    tenancy = models.ForeignKey("record.Tenancy", null=True, on_delete=models.PROTECT)
    meter_number = models.BigIntegerField(db_index=True)
    card_uid = models.CharField(max_length=20, blank=True, db_index=True)
    carrier = models.CharField(max_length=12)
    currency = models.CharField(max_length=3)
    gross_microunits = models.BigIntegerField()
    tax_microunits = models.BigIntegerField(default=0)
    payment_type = models.CharField(max_length=12, default="cash")
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="reversed_by")
    request_hash = models.CharField(max_length=64)

    class Meta:
        """The name of the table. A receipt number is unique in its shop."""

        db_table = "sales"
        constraints = [models.UniqueConstraint(fields=["shop", "receipt_number"], name="one_receipt_number")]
        indexes = [models.Index(fields=["shop", "business_day"], name="sales_of_day")]


class SaleLine(models.Model):
    """A line of a receipt: credit, fee, debt, with net, tax and gross in micro-units, below zero in a reversal."""

    sale = models.ForeignKey(Sale, on_delete=models.PROTECT, related_name="lines")
    what = models.CharField(max_length=16)
    text = models.CharField(max_length=120)
    quantity = models.BigIntegerField(default=0)
    unit = models.CharField(max_length=8, blank=True)
    net_microunits = models.BigIntegerField()
    tax_ppm = models.IntegerField(default=0)
    tax_name = models.CharField(max_length=32, blank=True)
    tax_microunits = models.BigIntegerField(default=0)
    gross_microunits = models.BigIntegerField()

    class Meta:
        """The name of the table."""

        db_table = "sale_lines"


class BankDeposit(models.Model):
    """Money that a shop took to the bank. `reference` is the bank's."""

    shop = models.ForeignKey(Shop, on_delete=models.PROTECT, db_index=False)
    amount_microunits = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=64)
    time_s = models.BigIntegerField()
    operator = models.BigIntegerField()

    class Meta:
        """The name of the table. A deposit is booked once."""

        db_table = "bank_deposits"
        constraints = [models.UniqueConstraint(fields=["shop", "reference"], name="one_deposit")]


class RevenueMonth(models.Model):
    """The revenue of a month, summed up: it stands for its sales as long as there are `sales` of them.

    `is_final` is True if it was summed up after the end of the month, so that no sale can follow.
    `rows` are [type of customer, currency, receipts, net, tax, debt collected, paid back].
    """

    month = models.IntegerField(unique=True)
    sales = models.BigIntegerField()
    is_final = models.BooleanField(default=False)
    rows = models.JSONField(default=list)

    class Meta:
        """The name of the table."""

        db_table = "revenue_months"
