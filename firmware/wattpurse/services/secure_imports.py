"""The import of the code for key cards on DESFire, module by module.

An import takes milliseconds. Between two of them the other tasks of the meter work.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.records.settings import Settings
    from wattpurse.hal import Board
    from wattpurse.services.key_slot import KeySlot
    from wattpurse.services.secure_cards import SecureCards

# In the order in which they import each other.
_MODULES = (
    "wattpurse.cards.iso_dep",
    "wattpurse.core.money.key_card",
    "wattpurse.core.seals.desfire_keys",
    "wattpurse.cards.desfire_session",
    "wattpurse.cards.desfire",
    "wattpurse.cards.desfire_key_card",
)


async def import_secure_cards(board: "Board", key_slot: "KeySlot", settings: "Settings") -> "SecureCards":
    """Return the way from the reader of `board` to `key_slot`."""
    for name in _MODULES:
        __import__(name)
        await board.clock.sleep_ms(0)
    from wattpurse.services.secure_cards import SecureCards

    await board.clock.sleep_ms(0)
    return SecureCards(board, key_slot, settings)
