"""The keys of DESFire cards, see the tree in `keys`. A meter imports this module when it meets the first such card."""

from wattpurse.core.seals.cmac import diversify

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Aes

_DEBIT = b"desfire debit"
_CREDIT = b"desfire credit"
_MASTER = b"desfire master"
_IDENTIFY = b"desfire identify"


def debit_key(aes: "Aes", site_key: bytes, card_uid: bytes) -> bytes:
    """Return the key with which a meter deducts from one DESFire card."""
    return diversify(aes, site_key, _DEBIT + card_uid)


def identify_key(aes: "Aes", site_key: bytes) -> bytes:
    """Return the key that all DESFire cards of a site share: it tells the UID of a card that shows a random one."""
    return diversify(aes, site_key, _IDENTIFY)


def credit_key(aes: "Aes", vending_key: bytes, card_uid: bytes) -> bytes:
    """Return the key with which the office loads one DESFire card."""
    return diversify(aes, vending_key, _CREDIT + card_uid)


def master_key(aes: "Aes", vending_key: bytes, card_uid: bytes) -> bytes:
    """Return the key that changes the keys and files of one DESFire card."""
    return diversify(aes, vending_key, _MASTER + card_uid)
