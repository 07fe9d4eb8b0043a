"""Meters, where they are, their contracts and tariffs, and their statements."""

from django.db import models

from wattpurse_tools.record.json_text_field import JsonTextField


class Meter(models.Model):
    """A meter of the site.

    `unit` is "money" or "energy", or None until a statement or a contract says it. `last_count` is the highest count of
    this office's tokens that the record knows. `told_s` is the meter's clock in its newest statement. `key_version` and
    `site_version` are the key versions that it is proved to have. `tenant` is the number of the tenant at the meter.
    Sales stop while its statements and this record disagree, until a manager resumes them. `excused` has the
    surplus credit by its unit, and the time of the statement, that the manager has looked into. `closed_months` marks
    the closed months of its statements that the record has: a later statement with the same ones adds nothing to them.
    `newest` has facts of its newest statement, or None if they have to be asked for. `seen_s` is the office's time of
    the newest message that the broker had of it, or 0.
    """

    number = models.BigIntegerField(primary_key=True)
    currency = models.CharField(max_length=3)
    decimals = models.SmallIntegerField()
    last_count = models.BigIntegerField(default=0)
    unit = models.CharField(max_length=8, null=True)
    contract = models.CharField(max_length=24, blank=True)
    told_s = models.BigIntegerField(default=0)
    key_version = models.SmallIntegerField(default=0)
    site_version = models.SmallIntegerField(default=0)
    tenant = models.BigIntegerField(default=0)
    is_stopped = models.BooleanField(default=False)
    stop_reason = models.CharField(max_length=240, blank=True)
    excused = models.JSONField(default=dict)
    is_retired = models.BooleanField(default=False)
    alarms = models.CharField(max_length=240, blank=True)
    balance = models.BigIntegerField(null=True)
    days_left = models.IntegerField(null=True)
    closed_months = models.BigIntegerField(null=True)
    newest = models.TextField(null=True)
    seen_s = models.BigIntegerField(default=0)
    added_s = models.BigIntegerField(default=0)

    class Meta:
        """The name of the table."""

        db_table = "meters"


class Feeder(models.Model):
    """A line with the meter that measures its whole energy, if it has one."""

    name = models.CharField(max_length=64, unique=True)
    meter = models.ForeignKey(Meter, null=True, blank=True, on_delete=models.PROTECT)

    class Meta:
        """The name of the table."""

        db_table = "feeders"


class Installation(models.Model):
    """A meter at a place, from `from_s` to `until_s` (None: still there), with its register at both ends in mWh."""

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="installations")
    premises = models.ForeignKey("record.Premises", on_delete=models.PROTECT, related_name="installations")
    from_s = models.BigIntegerField()
    until_s = models.BigIntegerField(null=True)
    start_mwh = models.BigIntegerField(default=0)
    end_mwh = models.BigIntegerField(null=True)

    class Meta:
        """The name of the table."""

        db_table = "installations"


class Contract(models.Model):
    """The contract of supply of a meter, by the firmware's name, from `from_s` to `until_s`."""

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="contracts")
    name = models.CharField(max_length=24)
    from_s = models.BigIntegerField()
    until_s = models.BigIntegerField(null=True)

    class Meta:
        """The name of the table."""

        db_table = "contracts"


class Tariff(models.Model):
    """A version of a tariff, in the meter's own bytes. It is never changed."""

    name = models.CharField(max_length=64)
    version = models.IntegerField()
    table = models.BinaryField()
    document = models.TextField(blank=True)
    created_s = models.BigIntegerField()

    class Meta:
        """The name of the table. A version is used once."""

        db_table = "tariffs"
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="one_tariff_version")]


class TariffPlan(models.Model):
    """A change of tariff that the next top-up of a meter carries, from `from_s` on. `token` is it, once made."""

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="tariff_plans")
    tariff = models.ForeignKey(Tariff, on_delete=models.PROTECT)
    from_s = models.BigIntegerField()
    token = models.ForeignKey("record.Token", null=True, on_delete=models.PROTECT)

    class Meta:
        """The name of the table."""

        db_table = "tariff_plans"


class Statement(models.Model):
    """An authentic statement of a meter, kept once.

    `content` has the whole of it, but for closed months that the meter has told before and that have not changed.
    """

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="statements", db_index=False)
    time_s = models.BigIntegerField()
    number = models.IntegerField(default=0)
    unit = models.CharField(max_length=8)
    contract = models.SmallIntegerField()
    balance = models.BigIntegerField()
    bought = models.BigIntegerField(null=True)
    charged = models.BigIntegerField(null=True)
    taken = models.BigIntegerField(null=True)
    total_mwh = models.BigIntegerField()
    alarms = models.CharField(max_length=240, blank=True)
    event_link = models.CharField(max_length=64, null=True)
    has_other_issuers = models.BooleanField(default=False)
    content = JsonTextField(default=dict)
    read_s = models.BigIntegerField(default=0)

    class Meta:
        """The name of the table. A copy of a statement is the same statement."""

        db_table = "statements"
        constraints = [models.UniqueConstraint(fields=["meter", "time_s", "total_mwh"], name="one_statement")]
        indexes = [models.Index(fields=["time_s"], name="statements_by_time")]


class MonthlyReading(models.Model):
    """The use of one month at a meter, from its statements. Later ones complete it. `month` counts from year 0.

    `rate_wh` has the Wh of each rate by its name, if a statement had room for them.
    """

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="months", db_index=False)
    month = models.IntegerField()
    total_wh = models.BigIntegerField()
    rate_wh = models.JSONField(default=dict)
    charge_microunits = models.BigIntegerField(null=True)
    is_closed = models.BooleanField(default=False)

    class Meta:
        """The name of the table."""

        db_table = "monthly_readings"
        constraints = [models.UniqueConstraint(fields=["meter", "month"], name="one_reading_a_month")]
        indexes = [models.Index(fields=["month"], name="readings_by_month")]


class OtherIssuer(models.Model):
    """The highest count of another issuer's tokens that a statement of a meter shows."""

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="other_issuers", db_index=False)
    issuer = models.SmallIntegerField()
    count = models.BigIntegerField()

    class Meta:
        """The name of the table."""

        db_table = "other_issuers"
        constraints = [models.UniqueConstraint(fields=["meter", "issuer"], name="one_count_an_issuer")]


class ShortLimit(models.Model):
    """A limit of tokens of twenty digits at a meter, by the name of its term."""

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="short_limits", db_index=False)
    name = models.CharField(max_length=48)
    value = models.BigIntegerField()

    class Meta:
        """The name of the table."""

        db_table = "short_limits"
        constraints = [models.UniqueConstraint(fields=["meter", "name"], name="one_short_limit")]
