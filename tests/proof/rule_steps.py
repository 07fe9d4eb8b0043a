"""Steps of a ledger's history that concern the rules of money: terms, standing, refunds, clearing, dispensing, debts.

Each step gets the history, enters itself in its book, and returns a function that does the same to the meter.
"""

from tests.proof.page import ENERGY, TERMS
from wattpurse.core.money import credit_rules, ledger_records

_TERM_CHOICES = {
    "emergency_microunits": (0, 5_000_000),
    "emergency_mwh": (0, 3_000_000),
    "debt_share_percent": (0, 30, 100),
    "debt_weekly_microunits": (0, 1, 7_000_003),
    "debt_floor_microunits": (0, 2_000_000),
    "debt_cap_microunits": (0, 3_000_000),
    "standing_charge_while_off": (0, 1),
    "tax_permyriad": (0, 700, 1_900, 10_000),
}
_STANDING_CHOICES = {
    "emergency_money": (1,),
    "emergency_energy": (1,),
    "cut_off": (0, 1),
    "unconfirmed": (0, 1),
    "tripped": (0, 1),
    "ordered_open": (0, 1),
    "shortage_level": (0, 9),
    "debt_microunits": (0, 1, 90_000_000),
    "tenant": (0, 2**24 - 1),
}
_CARDS = (0, 1, 2**32 - 1)
_REASONS = (7, 6, 13)  # outdated, not supported, another tenant
_UNTIL = ("term_until_s", "permit_until_s")


def begin_with(random, page, account):
    """Put some rules in force from the start, and a debt, for most meters: the lives are short."""
    if random.random() < 0.3:
        return
    for name, choices in _TERM_CHOICES.items():
        page.terms[name] = random.choice(choices)
        account.terms.set(name, page.terms[name])
    page.standing["debt_microunits"] = random.choice((0, 500_000, 90_000_000))
    page.standing["emergency_money"] = page.standing["emergency_energy"] = random.randrange(2)
    page.settle()
    for name in ("debt_microunits", "emergency_money", "emergency_energy"):
        account.standing.set(name, page.standing[name])


def _set_term(history):
    name = history.random.choice(tuple(TERMS))
    value = history.random.choice(_TERM_CHOICES.get(name, (0, history.random.randrange(10**9))))
    return _set_number(history, ledger_records.TERMS, name, value)


def _set_standing(history):
    name = history.random.choice(tuple(_STANDING_CHOICES) + _UNTIL)
    value = history.random.choice(_STANDING_CHOICES.get(name, (0, history.now_s + history.random.randrange(10**6))))
    return _set_number(history, ledger_records.STANDING, name, value)


def _set_number(history, holder, name, value):
    """Set a number by a token, or by the meter itself."""
    number = history.fresh_number() if history.random.random() < 0.6 else ledger_records.NO_TOKEN

    def on_page(page):
        (page.terms if holder == ledger_records.TERMS else page.standing)[name] = value
        if number != ledger_records.NO_TOKEN:
            page.use(number)

    history.book.record(on_page)
    return lambda: history.ledger.set_number(holder, name, value, history.now_s, number, 1)


def _delay_the_end(history):
    """Let friendly hours begin that delay the end of supply, or let them end."""
    since_s = history.now_s - history.random.randrange(10**6)
    until_s = history.random.choice((0, since_s + history.random.randrange(2 * 10**6)))
    numbers = {"friendly_since_s": since_s, "friendly_until_s": until_s}

    def on_account(account):
        for name, value in numbers.items():
            account.standing.set(name, value)

    return history.change(lambda page: page.standing.update(numbers), on_account)


def _take_back(history):
    unit, amount = history.random.randrange(2), history.random.choice((0, 1, history.random.randrange(10**8)))
    number, card = history.fresh_number(), history.random.choice(_CARDS)
    return history.change(
        lambda page: page.take_back(number, card, unit, amount),
        lambda account: credit_rules.take_back(account, number, card, unit, amount),
        number,
    )


def _clear(history):
    """Clear the meter, with another tenant or without."""
    number, tenant = history.fresh_number(), history.random.choice((None, history.random.randrange(10**6)))
    card = history.random.choice(_CARDS)

    def on_page(page):
        page.clear(number, card)
        page.standing["tenant"] = page.standing["tenant"] if tenant is None else tenant

    def on_account(account):
        credit_rules.clear(account, number, card)
        if tenant is not None:
            account.standing.set("tenant", tenant)

    return history.change(on_page, on_account, number)


def _dispense(history):
    energy_mwh, until_s = history.random.randrange(1, 10**8), history.now_s + history.random.randrange(10**6)
    daily_mwh = history.random.choice((0, 5_000_000))

    def on_page(page):
        page.terms["daily_limit_mwh"] = daily_mwh
        page.standing["dispenser_until_s"] = until_s
        page.credit(ENERGY, energy_mwh)

    def on_account(account):
        account.terms.set("daily_limit_mwh", daily_mwh)
        account.standing.set("dispenser_until_s", until_s)
        credit_rules.take_credit(account, ENERGY, energy_mwh)

    return history.change(on_page, on_account)


def _buy_time(history):
    number, duration_s, now_s = history.fresh_number(), history.random.randrange(1, 10**7), history.now_s
    history.book.record_token(number, lambda page: page.buy_time(now_s, duration_s))
    return lambda: history.ledger.buy_time(number, duration_s, 1, now_s)


def _change_debt(history):
    number = history.fresh_number()
    amount = history.random.choice((1, -1, -(10**12), history.random.randrange(10**8)))
    history.book.record_token(number, lambda page: page.change_debt(amount))
    return lambda: history.ledger.change_debt(number, amount, 1, history.now_s)


def _void(history):
    number, reason = history.fresh_number(), history.random.choice(_REASONS)
    history.book.record(lambda page: page.void(number, reason))
    return lambda: history.ledger.redeem(number, 4, 1, history.now_s, reason)


def _revoke(history):
    """Revoke an issuer, now and then: most lives need several of them."""
    issuer = history.random.choice(history.issuers)
    if issuer == 0 or history.random.random() < 0.6:
        return _void(history)
    number = history.fresh_number()
    while number >> 28 == issuer:
        number = history.fresh_number()
    return history.change(
        lambda page: page.revoke(issuer),
        lambda account: account.tokens.revoke(issuer),
        number,
    )


STEPS = (
    *[_set_term] * 3,
    *[_set_standing] * 3,
    _delay_the_end,
    _take_back,
    _clear,
    _dispense,
    _buy_time,
    _change_debt,
    _void,
    _revoke,
)
