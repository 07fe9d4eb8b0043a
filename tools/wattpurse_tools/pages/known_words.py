"""The names that the record and the vault keep, as words that can be translated: a name is its own English text.

The pages show a name by the filter `known`, and a refusal has it among its values (`refusals.Words`).
"""

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
