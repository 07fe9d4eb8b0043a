"""An account as bytes: the snapshot in the ledger.

Format 4, little-endian: the fixed fields, both credit registers, the redeemed and the voided tokens, then terms,
standing, known key cards, registers, sums of levies, and the tables of the tariff in force and of the pending tariff.
Formats 1 and 2 had tokens of one issuer alone, and format 3 had no names of registers. No meter in service has them,
and they are refused.
"""

import struct

from wattpurse.core.money import contract as contracts
from wattpurse.core.money.account import Account, CreditRegister
from wattpurse.core.money.known_cards import KnownCards
from wattpurse.core.money.levies import LevySums
from wattpurse.core.money.registers import Registers
from wattpurse.core.money.standing import Standing
from wattpurse.core.money.terms import Terms
from wattpurse.core.money.token_windows import TokenWindows
from wattpurse.core.money.voided_tokens import VoidedTokens
from wattpurse.core.tariffs.tariff import Tariff

_FORMAT = 4
_FIXED = "<BBIIIIIBQQQQ"
_CREDIT_REGISTER = "<qqqq"
_TABLES = "<HH"


def pack(account: Account) -> bytes:
    """Pack the whole state into bytes."""
    pending = account.pending_tariff.data if account.pending_tariff else b""
    return b"".join(
        (
            struct.pack(
                _FIXED,
                _FORMAT,
                account.contract.code,
                account.impulses,
                account.impulses_per_kwh_divisor,
                account.time_s,
                account.day,
                account.charged_day,
                account.rate,
                account.pulses_total,
                account.energy_remainder,
                account.charge_remainder,
                account.day_mwh,
            ),
            struct.pack(_CREDIT_REGISTER, *account.money.sums()),
            struct.pack(_CREDIT_REGISTER, *account.energy.sums()),
            account.tokens.pack(),
            account.voided.pack(),
            account.terms.pack(),
            account.standing.pack(),
            account.cards.pack(),
            account.registers.pack(),
            account.levies.pack(),
            struct.pack(_TABLES, len(account.tariff.data), len(pending)),
            account.tariff.data,
            pending,
        )
    )


def unpack(data: bytes) -> Account:
    """Return the account that `pack` packed. Raise ValueError for bytes that `pack` does not produce."""
    fixed, position = _unpack_fixed(data)
    credit_registers = []
    for _ in range(2):
        credit_registers.append(CreditRegister(*struct.unpack_from(_CREDIT_REGISTER, data, position)))
        position += struct.calcsize(_CREDIT_REGISTER)
    tokens, position = TokenWindows.unpack(data, position)
    voided, position = VoidedTokens.unpack(data, position)
    terms, position = Terms.unpack(data, position)
    standing, position = Standing.unpack(data, position)
    cards, position = KnownCards.unpack(data, position)
    registers, position = Registers.unpack(data, position)
    levies, position = LevySums.unpack(data, position)
    tariff_length, pending_length = struct.unpack_from(_TABLES, data, position)
    position += struct.calcsize(_TABLES)
    tariff_end = position + tariff_length
    account = Account(data[position:tariff_end], fixed[2], fixed[3], contracts.by_code(fixed[1]), fixed[4])
    if pending_length:
        account.pending_tariff = Tariff(data[tariff_end : tariff_end + pending_length])
    account.day, account.charged_day, account.rate, account.pulses_total = fixed[5:9]
    account.energy_remainder, account.charge_remainder, account.day_mwh = fixed[9:]
    account.money, account.energy = credit_registers
    account.tokens, account.voided = tokens, voided
    account.terms = terms
    account.standing = standing
    account.cards = cards
    account.registers = registers
    account.levies = levies
    if not account.is_plausible():
        raise ValueError("the account contradicts itself")
    account.note_next_change()
    account.begin_half_hour()
    return account


def _unpack_fixed(data: bytes) -> tuple:
    """Return `(the fixed fields, position behind them)`."""
    if data[:1] != bytes((_FORMAT,)):
        raise ValueError(f"account format {data[0] if data else 'none'} is not known")
    if len(data) < struct.calcsize(_FIXED) + 2 * struct.calcsize(_CREDIT_REGISTER):
        raise ValueError("the account ends early")
    return struct.unpack_from(_FIXED, data), struct.calcsize(_FIXED)
