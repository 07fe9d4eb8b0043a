"""The tables of the record. Money is micro-units, energy mWh, time seconds since 1970 UTC: integers."""

from wattpurse_tools.record.models.access import ApiAnswer, ApiToken, LoginTry
from wattpurse_tools.record.models.audit import AuditEntry
from wattpurse_tools.record.models.cards import Card, DataRound, KeyCard, KeyCardSale
from wattpurse_tools.record.models.dispensers import Dispenser, DispenserIssue, DispenserSale
from wattpurse_tools.record.models.metering import (
    Contract,
    Feeder,
    Installation,
    Meter,
    MonthlyReading,
    OtherIssuer,
    ShortLimit,
    Statement,
    Tariff,
    TariffPlan,
)
from wattpurse_tools.record.models.people import Customer, CustomerType, Message, Premises, Tenancy, User
from wattpurse_tools.record.models.selling import (
    BankDeposit,
    Price,
    RevenueMonth,
    Sale,
    SaleLine,
    Shift,
    Shop,
    Site,
    TaxRate,
    Till,
)
from wattpurse_tools.record.models.tokens import Approval, MeterReceipt, Token

__all__ = [
    "ApiAnswer",
    "ApiToken",
    "Approval",
    "AuditEntry",
    "BankDeposit",
    "Card",
    "Contract",
    "Customer",
    "CustomerType",
    "DataRound",
    "Dispenser",
    "DispenserIssue",
    "DispenserSale",
    "Feeder",
    "Installation",
    "KeyCard",
    "KeyCardSale",
    "Message",
    "LoginTry",
    "Meter",
    "MeterReceipt",
    "MonthlyReading",
    "OtherIssuer",
    "Premises",
    "Price",
    "RevenueMonth",
    "Sale",
    "SaleLine",
    "Shift",
    "Shop",
    "ShortLimit",
    "Site",
    "Statement",
    "Tariff",
    "TariffPlan",
    "TaxRate",
    "Tenancy",
    "Till",
    "Token",
    "User",
]
