"""The vault itself: it holds the keys, and makes everything that needs them, for the operators of its policy.

The permission check comes first in each call: session, right, form, limits, second person. Then the change is written
to the counters and to the log, and is on the disk. Something is sealed and returned after that. A process that
is killed at any moment has therefore used a number at most in vain.
"""

from wattpurse_tools.vault.card_calls import CardCalls
from wattpurse_tools.vault.desfire_calls import DesfireCalls
from wattpurse_tools.vault.dispenser_calls import DispenserCalls
from wattpurse_tools.vault.key_calls import KeyCalls
from wattpurse_tools.vault.people_calls import PeopleCalls
from wattpurse_tools.vault.token_calls import TokenCalls


class Vault(PeopleCalls, TokenCalls, CardCalls, DesfireCalls, KeyCalls, DispenserCalls):
    """The vault in a folder, locked until `close`. See `interface.Keys` for its calls; threads may share it.

    Use `open` to make one.
    """
