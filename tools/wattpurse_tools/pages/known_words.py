"""The names that the record and the vault keep, as words that can be translated: a name is its own English text.

The pages show a name by the filter `known`, and a refusal has it among its values (`refusals.Words`).
"""

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

CONTRACTS = (
    _("account"),
    _("dispenser"),
    _("key-card"),
    _("managed"),
    _("prepaid-energy"),
    _("prepaid-money"),
    _("term"),
)
UNITS = (_("money"), _("energy"))
RIGHTS = (_("sell"), _("order"), _("cards"), _("keys"), _("approve"), _("manage"))
ROLES = (_("blank"), _("customer"), _("data"), _("key card"), _("operator"), _("service"))
CARD_STATES = (_("active"), _("blocked"), _("erased"), _("lost"))
TOKEN_STATES = (_("forfeited"), _("issued"), _("on card"), _("outdated"), _("redeemed"), _("voided"))
SALE_STATES = (_("redeemed after void"), _("sold"), _("voided"), _("voiding"), _("written"))
SALE_KINDS = (_("free"), _("moved"), _("refund"), _("sale"), _("void"))
CARRIERS = (_("card"), _("digits"), _("key card"), _("none"))
ALARMS = (_("clock"), _("display"), _("flash"), _("reader"), _("tamper"))
PAYMENT_STATES = (
    _("new"),
    _("sold"),
    _("wallet"),
    _("suspense"),
    _("refunding"),
    _("refunded"),
    _("booked"),
    _("refused"),
)
NOTICE_KINDS = (
    _("paid"),
    _("refunded"),
    _("refund failed"),
    _("disputed"),
    _("returned"),
    _("payout"),
    _("spent"),
)
# The actions of the audit trail. A table of reference data has its own two.
ACTIONS = (
    _("account terms"),
    _("approved"),
    _("ask for refund"),
    _("assign payment"),
    _("backup"),
    _("books begin anew"),
    _("card active"),
    _("card blocked"),
    _("card lost"),
    _("card new"),
    _("card replace"),
    _("close account"),
    _("close message"),
    _("close shift"),
    _("command"),
    _("contract"),
    _("count cash"),
    _("customer add"),
    _("customer change"),
    _("customertype add"),
    _("customertype change"),
    _("debt"),
    _("demo"),
    _("denied"),
    _("deposit"),
    _("dispenser key"),
    _("end supply"),
    _("feeder add"),
    _("feeder change"),
    _("free"),
    _("give payment back"),
    _("headend settings"),
    _("import"),
    _("install"),
    _("lift shortage"),
    _("limits of operator"),
    _("log in"),
    _("log out"),
    _("make online shop"),
    _("message wishes"),
    _("meter add"),
    _("metrics token"),
    _("move in"),
    _("move out"),
    _("moved"),
    _("new dispenser"),
    _("new password"),
    _("new secrets"),
    _("not charged"),
    _("open account"),
    _("open shift"),
    _("open wallet"),
    _("pay in"),
    _("payment given back"),
    _("payment in suspense"),
    _("plan shortage"),
    _("plan supply"),
    _("premises add"),
    _("premises change"),
    _("print again"),
    _("propose"),
    _("reader token"),
    _("redeemed after void"),
    _("refund"),
    _("refund answered"),
    _("replace meter"),
    _("restore"),
    _("revoke dispenser"),
    _("round begin"),
    _("round end"),
    _("sale"),
    _("set price"),
    _("set up"),
    _("settle dispenser"),
    _("shop add"),
    _("shop change"),
    _("system card"),
    _("take out"),
    _("tariff add"),
    _("tariff plan"),
    _("tariff plan cancel"),
    _("taxrate add"),
    _("taxrate change"),
    _("till add"),
    _("till change"),
    _("token added"),
    _("token revoked"),
    _("trust"),
    _("user added"),
    _("user in service"),
    _("user out of service"),
    _("vendor limit"),
    _("void"),
    _("void abandoned"),
    _("voiding"),
    _("wallet by SMS"),
    _("wallet code"),
    _("wallet paid in"),
    _("wallet paid out"),
    _("wallet spent"),
    _("written to card"),
    _("wrong PIN at login"),
)


def actions_like(typed: str) -> list[str]:
    """Return the actions whose words, in the language in force, begin with a typed text."""
    begin = typed.casefold()
    return [action for action in ACTIONS if gettext(action).casefold().startswith(begin)]


# The agent at a reader is a program of its own, which tells these texts.
AGENT_TEXTS = (
    _("no card lies on the reader"),
    _("the card has changed since it was read; read it again"),
)
# The units of the vault's limits.
LIMIT_UNITS = (_("micro-units"), _("mWh"), _("days"))
