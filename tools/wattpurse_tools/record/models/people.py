"""People and places: users of the office, customers, premises, tenancies, messages."""

from django.contrib.auth.models import AbstractUser
from django.db import models

from wattpurse_tools.record.models.metering import Feeder
from wattpurse_tools.record.models.selling import Shop


class User(AbstractUser):
    """A person who may log in to the pages. `operator` is the person's number in the vault, or None.

    Without a `language` the pages are in that of the shop.
    """

    CASHIER, CLERK, MANAGER = "cashier", "clerk", "manager"

    operator = models.BigIntegerField(null=True, unique=True)
    shop = models.ForeignKey(Shop, null=True, blank=True, on_delete=models.PROTECT)
    role = models.CharField(max_length=16, default=CASHIER)
    language = models.CharField(max_length=8, blank=True, default="")

    class Meta:
        """The name of the table."""

        db_table = "users"


class CustomerType(models.Model):
    """A type of customer, such as "household". It leads to prices and tariffs."""

    name = models.CharField(max_length=64, unique=True)

    class Meta:
        """The name of the table."""

        db_table = "customer_types"


class Customer(models.Model):
    """A person or a firm that buys electricity. `number` is the one on receipts.

    `wants_mail`, `wants_sms` and `wants_hook` are false for the channels on which the customer has messages off.
    `unwanted_kinds` has the kinds of messages that the customer does not want on any channel.
    """

    number = models.BigIntegerField(unique=True)
    name = models.CharField(max_length=120, db_index=True)
    customer_type = models.ForeignKey(CustomerType, null=True, on_delete=models.PROTECT)
    language = models.CharField(max_length=8, default="en")
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=32, blank=True, db_index=True)
    address = models.CharField(max_length=240, blank=True)
    note = models.TextField(blank=True)
    created_s = models.BigIntegerField()
    is_active = models.BooleanField(default=True)
    wants_mail = models.BooleanField(default=True)
    wants_sms = models.BooleanField(default=True)
    wants_hook = models.BooleanField(default=True)
    unwanted_kinds = models.JSONField(default=list)

    class Meta:
        """The name of the table."""

        db_table = "customers"


class Premises(models.Model):
    """A place with one supply: a flat, a pitch, a berth, a room."""

    name = models.CharField(max_length=120, unique=True)
    address = models.CharField(max_length=240, blank=True)
    feeder = models.ForeignKey(Feeder, null=True, blank=True, on_delete=models.PROTECT)
    latitude_microdegrees = models.IntegerField(null=True, blank=True)
    longitude_microdegrees = models.IntegerField(null=True, blank=True)

    class Meta:
        """The name of the table."""

        db_table = "premises"


class Tenancy(models.Model):
    """A customer at a place, from `from_s` to `until_s` (None: still there).

    `tenant` is the number that the meter knows the customer by. It is unique at the meter. `page_code` opens the
    customer's own page.
    """

    premises = models.ForeignKey(Premises, on_delete=models.PROTECT)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT)
    meter_number = models.BigIntegerField(db_index=True)
    tenant = models.BigIntegerField(default=0)
    from_s = models.BigIntegerField()
    until_s = models.BigIntegerField(null=True)
    page_code = models.CharField(max_length=32, unique=True, null=True)

    class Meta:
        """The name of the table. A place has one tenant at a time."""

        db_table = "tenancies"
        constraints = [
            models.UniqueConstraint(
                fields=["premises"], condition=models.Q(until_s__isnull=True), name="one_tenant_at_a_time"
            ),
            models.UniqueConstraint(
                fields=["meter_number"], condition=models.Q(until_s__isnull=True), name="one_tenant_at_a_meter"
            ),
        ]


class Message(models.Model):
    """A message to a customer, by "mail", "sms" or "hook", with its state. `key` is unique: it is sent once.

    A message without a customer is for the managers, or the answer to an SMS. The channel "office" is read on the pages
    alone. `state` is "waiting", "sending", "sent", "failed", "withdrawn", or "unknown" if a sender died while it sent:
    nobody sends that one again. `address` is the mail address, the number or the URL. `not_before_s` keeps quiet hours.
    """

    key = models.CharField(max_length=80, unique=True)
    customer = models.ForeignKey(Customer, null=True, on_delete=models.PROTECT)
    channel = models.CharField(max_length=8)
    text = models.TextField()
    created_s = models.BigIntegerField()
    sent_s = models.BigIntegerField(null=True)
    state = models.CharField(max_length=16, default="waiting")
    kind = models.CharField(max_length=24, blank=True)
    address = models.CharField(max_length=240, blank=True)
    subject = models.CharField(max_length=120, blank=True)
    not_before_s = models.BigIntegerField(default=0)
    claimed_s = models.BigIntegerField(null=True)
    tries = models.IntegerField(default=0)
    trouble = models.CharField(max_length=240, blank=True)

    class Meta:
        """The name of the table. Senders look for messages by state and time."""

        db_table = "messages"
        indexes = [models.Index(fields=["state", "not_before_s"], name="messages_to_send")]
