"""The code that opens a tenant's page: on the receipt, random, easy to type, of 118 bits.

A tenancy has one code. It shows the balance, the use and the tokens of that tenancy, and no name.
"""

import secrets

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_LENGTH = 24
_GROUP = 4


def new_page_code() -> str:
    """Return a new code."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


def as_printed(code: str) -> str:
    """Return a code in groups, as paper shows it."""
    return "-".join(code[begin : begin + _GROUP] for begin in range(0, len(code), _GROUP))


def as_kept(typed: str) -> str:
    """Return the code that a person typed, with or without its dashes and spaces, in letters of any size."""
    return "".join(letter for letter in typed.lower() if letter.isalnum())[: 2 * _LENGTH]
