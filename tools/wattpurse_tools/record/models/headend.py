"""The head-end: links of meters, orders to meters, managed accounts, shortages, temporary supply, payments, trust."""

from django.db import models

from wattpurse_tools.record.models.metering import Feeder, Meter
from wattpurse_tools.record.models.people import Customer, Tenancy
from wattpurse_tools.record.models.selling import Sale, Shop
from wattpurse_tools.record.models.tokens import Token
from wattpurse_tools.record.words_field import WordsField


class MeterLink(models.Model):
    """The link of a meter to the broker, as its messages tell it. Messages prove nothing: statements alone do.

    A meter has one as soon as the broker has a message of it: `seen_s` of the meter is the time of the newest one.
    `is_online` follows from the meter's last will. `alarms` came in clear. `firmware` is the version that the meter
    tells, or "".
    """

    meter = models.OneToOneField(Meter, primary_key=True, on_delete=models.PROTECT, related_name="link")
    is_online = models.BooleanField(default=False)
    changed_s = models.BigIntegerField(default=0)
    alarms = models.CharField(max_length=240, blank=True)
    firmware = models.CharField(max_length=32, blank=True)

    class Meta:
        """The name of the table."""

        db_table = "meter_links"


class SetAside(models.Model):
    """A message that could not be worked on, kept for people. The same message is kept once, by its `digest`."""

    digest = models.CharField(max_length=64, unique=True)
    source = models.CharField(max_length=16)
    topic = models.CharField(max_length=240)
    payload = models.BinaryField()
    reason = models.CharField(max_length=400)
    first_s = models.BigIntegerField()
    count = models.BigIntegerField(default=1)
    is_closed = models.BooleanField(default=False)

    class Meta:
        """The name of the table."""

        db_table = "set_aside"


class Command(models.Model):
    """A token on its way to a meter by the network. `key` is unique: an order is queued once.

    `state` is "waiting", "sent", "done", "refused" or "given up". `outcome` is the meter's own word. `next_s` is the
    earliest time of the next try. `wish` is its purpose in a word, such as "recharge" or "permit".
    """

    key = models.CharField(max_length=80, unique=True)
    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="commands")
    token = models.OneToOneField(Token, on_delete=models.PROTECT, related_name="command")
    wish = models.CharField(max_length=24)
    state = models.CharField(max_length=12, default="waiting")
    created_s = models.BigIntegerField()
    next_s = models.BigIntegerField()
    expires_s = models.BigIntegerField(null=True)
    sent_s = models.BigIntegerField(null=True)
    answered_s = models.BigIntegerField(null=True)
    tries = models.IntegerField(default=0)
    outcome = models.CharField(max_length=24, blank=True)

    class Meta:
        """The name of the table. Senders look for commands by state and time."""

        db_table = "commands"
        indexes = [models.Index(fields=["state", "next_s"], name="commands_to_send")]


class LostOrder(models.Model):
    """A meter with a permit or an order to its switch that was voided, forfeited or refused.

    The row goes once the engine has compared the notes of the meter's account with its tokens.
    """

    meter = models.OneToOneField(Meter, primary_key=True, on_delete=models.PROTECT, related_name="lost_order")

    class Meta:
        """The name of the table."""

        db_table = "lost_orders"


class ManagedAccount(models.Model):
    """The prepaid account of a tenancy at a meter of the contract "managed". Its money is in the ledger.

    `billed_s` is the meter's time of the newest statement that was charged, and `billed_registers_mwh` its registers by
    the name of the rate. `carried` is the rest of the division of the last charge, as the tariff engine counts it.
    `permit_until_s` is the end of the newest permit that was ordered. `is_wished_on` is the state of the switch that
    the account wants, and `is_ordered_on` the one that was ordered last. `books` are the energy and the days of the
    month so far, as `headend.billing` keeps them. `trouble` says why the engine could not work on it, or is empty.
    `balance_microunits` is the balance of `account:T` in the ledger, written with each of its entries under the lock of
    the row. `looked_s` is the time of the newest round of the engine that chose the account.
    """

    tenancy = models.OneToOneField(Tenancy, primary_key=True, on_delete=models.PROTECT, related_name="account")
    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="accounts", db_index=False)
    opened_s = models.BigIntegerField()
    closed_s = models.BigIntegerField(null=True)
    billed_s = models.BigIntegerField(default=0)
    billed_registers_mwh = models.JSONField(default=dict)
    carried = models.BigIntegerField(default=0)
    limit_microunits = models.BigIntegerField(default=0)
    deposit_microunits = models.BigIntegerField(default=0)
    permit_until_s = models.BigIntegerField(default=0)
    is_wished_on = models.BooleanField(default=True)
    is_ordered_on = models.BooleanField(default=True)
    priority = models.SmallIntegerField(default=0)
    books = models.JSONField(default=dict)
    trouble = models.CharField(max_length=240, blank=True)
    balance_microunits = models.BigIntegerField(default=0)
    looked_s = models.BigIntegerField(default=0)

    class Meta:
        """The name of the table."""

        db_table = "managed_accounts"
        indexes = [models.Index(fields=["meter", "closed_s"], name="accounts_of_meter")]


class AccountCharge(models.Model):
    """A charge of a managed account, from one statement to the next. It is made once for each end."""

    account = models.ForeignKey(ManagedAccount, on_delete=models.PROTECT, related_name="charges", db_index=False)
    from_s = models.BigIntegerField()
    until_s = models.BigIntegerField()
    energy_mwh = models.BigIntegerField()
    charge_microunits = models.BigIntegerField()
    tariff_version = models.IntegerField(default=0)

    class Meta:
        """The name of the table. A time is charged once."""

        db_table = "account_charges"
        constraints = [models.UniqueConstraint(fields=["account", "until_s"], name="one_charge")]


class Shortage(models.Model):
    """A shortage at a feeder (None: at all of them), from `from_s` to `until_s`.

    `level` is 1 to 9: meters of a priority below it are switched off. `state` is "planned", "running", "lifted" or
    "ended". Meters whose account has credit go last within their priority if `spares_paid` is true.
    """

    feeder = models.ForeignKey(Feeder, null=True, on_delete=models.PROTECT)
    level = models.SmallIntegerField()
    from_s = models.BigIntegerField()
    until_s = models.BigIntegerField()
    share_ppm = models.IntegerField(default=1_000_000)
    spares_paid = models.BooleanField(default=True)
    state = models.CharField(max_length=12, default="planned", db_index=True)
    reason = models.CharField(max_length=240, blank=True)
    planned_by = models.BigIntegerField()
    lifted_by = models.BigIntegerField(null=True)

    class Meta:
        """The name of the table."""

        db_table = "shortages"


class ShortageMeter(models.Model):
    """A meter that a shortage has switched off. `is_off` is false once it was ordered on again."""

    shortage = models.ForeignKey(Shortage, on_delete=models.PROTECT, related_name="meters", db_index=False)
    meter = models.ForeignKey(Meter, on_delete=models.PROTECT)
    is_off = models.BooleanField(default=True)

    class Meta:
        """The name of the table."""

        db_table = "shortage_meters"
        constraints = [models.UniqueConstraint(fields=["shortage", "meter"], name="one_meter_of_shortage")]


class TemporarySupply(models.Model):
    """A supply from date to date, such as that of a construction site. `state`: "planned", "running", "ended".

    `permit_until_s` is the end of the newest permit that the tenancy had when its first supply was planned, or when
    this one was ended before its time, or 0. Such a permit was right when it was ordered, even if it outlasts the
    supply.
    """

    tenancy = models.ForeignKey(Tenancy, on_delete=models.PROTECT, related_name="temporary_supplies")
    meter = models.ForeignKey(Meter, on_delete=models.PROTECT)
    from_s = models.BigIntegerField()
    until_s = models.BigIntegerField()
    permit_until_s = models.BigIntegerField(default=0)
    state = models.CharField(max_length=12, default="planned", db_index=True)
    reason = models.CharField(max_length=240, blank=True)
    planned_by = models.BigIntegerField()

    class Meta:
        """The name of the table."""

        db_table = "temporary_supplies"


class PaymentNotice(models.Model):
    """A notice of a payment from outside, as it came. It is kept once by the provider's own number, and never changed.

    `provider` is a name such as "stripe". `reference` is the text in which the payer named the meter, or the number of
    the payment that the notice is about. `doubt` says why a person has to decide about it, or is empty.
    """

    provider = models.CharField(max_length=24)
    number = models.CharField(max_length=120)
    kind = models.CharField(max_length=16)
    amount_microunits = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=240, blank=True)
    payer = models.CharField(max_length=240, blank=True)
    paid_s = models.BigIntegerField()
    received_s = models.BigIntegerField()
    body = models.TextField(blank=True)
    doubt = WordsField(blank=True, default="")

    class Meta:
        """The name of the table. A number of a provider is taken once. Each payment asks for the notices about it."""

        db_table = "payment_notices"
        indexes = [models.Index(fields=["provider", "reference"], name="notices_about")]
        constraints = [models.UniqueConstraint(fields=["provider", "number"], name="one_notice")]


class Wallet(models.Model):
    """Money of a customer at the office that is tied to no meter. The database refuses a balance below zero.

    `page_code` opens the page of the wallet. `takes_sms` is False if no SMS may buy from it.
    """

    customer = models.OneToOneField(Customer, primary_key=True, on_delete=models.PROTECT, related_name="wallet")
    balance_microunits = models.BigIntegerField(default=0)
    page_code = models.CharField(max_length=32, unique=True, null=True)
    takes_sms = models.BooleanField(default=True)
    opened_s = models.BigIntegerField()

    class Meta:
        """The name of the table."""

        db_table = "wallets"
        constraints = [
            models.CheckConstraint(condition=models.Q(balance_microunits__gte=0), name="wallet_not_below_zero")
        ]


class Payment(models.Model):
    """The outcome of a notice: `state` is "new", "sold", "wallet", "suspense", "refunding", "refunded" or "refused".

    `sale` is the receipt that it became. `wallet` is the wallet that the money went into, or was taken from. `reason`
    says why it is in suspense or refused, or what was booked.
    """

    notice = models.OneToOneField(PaymentNotice, primary_key=True, on_delete=models.PROTECT, related_name="payment")
    state = models.CharField(max_length=12, default="new", db_index=True)
    meter_number = models.BigIntegerField(null=True, db_index=True)
    sale = models.OneToOneField(Sale, null=True, on_delete=models.PROTECT, related_name="payment")
    wallet = models.ForeignKey(Wallet, null=True, on_delete=models.PROTECT, related_name="payments")
    reason = WordsField(blank=True)
    decided_by = models.BigIntegerField(null=True)
    decided_s = models.BigIntegerField(null=True)
    reconciled_s = models.BigIntegerField(null=True)

    class Meta:
        """The name of the table."""

        db_table = "payments"


class RefundRequest(models.Model):
    """A refund that the provider of a payment is asked for, once by its `key`: the row is there before the first try.

    `state` is "asked", "pending" (the provider works on it), "done" or "failed". `number` is the provider's own.
    """

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refund_requests")
    key = models.CharField(max_length=60, unique=True)
    state = models.CharField(max_length=12, default="asked", db_index=True)
    number = models.CharField(max_length=120, blank=True)
    trouble = models.CharField(max_length=240, blank=True)
    tries = models.IntegerField(default=0)
    next_try_s = models.BigIntegerField(default=0)
    asked_by = models.BigIntegerField()
    asked_s = models.BigIntegerField()
    ended_s = models.BigIntegerField(null=True)

    class Meta:
        """The name of the table. A payment has one request that is not failed."""

        db_table = "refund_requests"
        constraints = [
            models.UniqueConstraint(fields=["payment"], condition=~models.Q(state="failed"), name="one_refund_request")
        ]


class IncomingText(models.Model):
    """A command that came by SMS, once by the gateway's own `number`, with its `answer`."""

    number = models.CharField(max_length=120, unique=True)
    phone = models.CharField(max_length=32, db_index=True)
    text = models.CharField(max_length=480)
    received_s = models.BigIntegerField()
    answer = models.CharField(max_length=480, blank=True)

    class Meta:
        """The name of the table."""

        db_table = "incoming_texts"


class TrustProposal(models.Model):
    """A proposal from the history of payments: "prepaid", "deposit" or "limit", with an amount. A person decides."""

    tenancy = models.ForeignKey(Tenancy, on_delete=models.PROTECT, related_name="trust_proposals")
    what = models.CharField(max_length=12)
    amount_microunits = models.BigIntegerField(default=0)
    facts = models.JSONField(default=dict)
    proposed_s = models.BigIntegerField()
    state = models.CharField(max_length=12, default="waiting", db_index=True)
    decided_by = models.BigIntegerField(null=True)
    decided_s = models.BigIntegerField(null=True)

    class Meta:
        """The name of the table. A tenancy has one proposal that waits."""

        db_table = "trust_proposals"
        constraints = [
            models.UniqueConstraint(
                fields=["tenancy"], condition=models.Q(state="waiting"), name="one_waiting_proposal"
            )
        ]


class HeadendPolicy(models.Model):
    """The one row of settings of the head-end.

    A permit lasts `permit_s` and is renewed when `renew_s` of it are left. Warnings come below `warn_microunits` and
    below `warn_days`. Customers are told the end of a supply by time `expiry_days` before it, and never if that is 0.
    Nobody is written to between `quiet_from_minute` and `quiet_until_minute` of the day in `time_zone`, and nobody is
    switched off outside `friendly_from_minute` to `friendly_until_minute`, on the weekdays of `friendly_weekdays` (1
    Monday to 64 Sunday, added up). A meter is silent after `silent_s`. The message of an outage waits for `outage_s`,
    and that of a return for `return_s`. A feeder is out if `mass_share_ppm` of its meters are. `shop` is the online
    shop, or None before its first use. `map_tiles` is the address of pictures below the map, with {z}, {x} and {y}, or
    "" for none. `map_credit` names their source.
    """

    permit_s = models.BigIntegerField(default=3 * 86_400)
    renew_s = models.BigIntegerField(default=86_400)
    warn_microunits = models.BigIntegerField(default=5_000_000)
    warn_days = models.IntegerField(default=3)
    expiry_days = models.IntegerField(default=3)
    quiet_from_minute = models.IntegerField(default=21 * 60)
    quiet_until_minute = models.IntegerField(default=7 * 60)
    friendly_from_minute = models.IntegerField(default=8 * 60)
    friendly_until_minute = models.IntegerField(default=15 * 60)
    friendly_weekdays = models.IntegerField(default=31)
    silent_s = models.BigIntegerField(default=86_400)
    time_zone = models.CharField(max_length=48, default="UTC")
    web_hook = models.URLField(blank=True)
    shop = models.ForeignKey(Shop, null=True, on_delete=models.PROTECT)
    map_tiles = models.CharField(max_length=240, blank=True)
    map_credit = models.CharField(max_length=120, blank=True)
    outage_s = models.BigIntegerField(default=15 * 60)
    return_s = models.BigIntegerField(default=2 * 60)
    mass_share_ppm = models.IntegerField(default=500_000)

    class Meta:
        """The name of the table."""

        db_table = "headend_policy"


class HeadendRound(models.Model):
    """The end of the last round of a work of the head-end, such as "engine"."""

    work = models.CharField(max_length=24, primary_key=True)
    ended_s = models.BigIntegerField()

    class Meta:
        """The name of the table."""

        db_table = "headend_rounds"


class LinkWatch(models.Model):
    """The outages of a meter, of a feeder or of all links that people know by message. Each has one message.

    `subject` is "meter:1", "feeder:1" or "all". `since_s` is the beginning of the present outage, or None.
    `returned_s` is the end of the newest one. `told` has the times of the messages of the last day. `alarms` are the
    alarms of the newest message about them, and `alarmed_s` is its time.
    """

    subject = models.CharField(max_length=40, unique=True)
    since_s = models.BigIntegerField(null=True, db_index=True)
    returned_s = models.BigIntegerField(default=0)
    told = models.JSONField(default=list)
    alarms = models.CharField(max_length=240, blank=True)
    alarmed_s = models.BigIntegerField(default=0)

    class Meta:
        """The name of the table."""

        db_table = "link_watches"
