"""The keys of dispensing units and their system cards, see the tree in `keys`. No meter has this module."""

from wattpurse.core.seals.cmac import Derivation, diversify
from wattpurse.core.seals.sealing import KeyPair

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Aes

_DISPENSER = b"dispenser"
_SYSTEM_ENCRYPTION = b"system card enc."
_SYSTEM_AUTHENTICATION = b"system card auth."
_SALES_ENCRYPTION = b"system sales enc."
_SALES_AUTHENTICATION = b"system sales auth."


def dispenser_key(aes: "Aes", vending_key: bytes, issuer: int) -> bytes:
    """Return the key that the office shares with the dispensing unit of one issuer."""
    return diversify(aes, vending_key, _DISPENSER + bytes((issuer,)))


def system_card_keys(aes: "Aes", key_of_dispenser: bytes, card_uid: bytes) -> KeyPair:
    """Return the keys of the office's record on one system card of a dispensing unit."""
    unit = Derivation(aes, key_of_dispenser)
    return KeyPair(unit.key(_SYSTEM_ENCRYPTION + card_uid), unit.key(_SYSTEM_AUTHENTICATION + card_uid))


def system_sales_keys(aes: "Aes", key_of_dispenser: bytes, card_uid: bytes) -> KeyPair:
    """Return the keys of the sales that a dispensing unit writes on one system card."""
    unit = Derivation(aes, key_of_dispenser)
    return KeyPair(unit.key(_SALES_ENCRYPTION + card_uid), unit.key(_SALES_AUTHENTICATION + card_uid))
