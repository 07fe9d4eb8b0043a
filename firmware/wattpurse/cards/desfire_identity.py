"""The UID of a DESFire key card that shows a random one (UID of four bytes that begins with 08).

The keys of a card are derived from its UID, so one key has to work before it is known: `identify`, which all cards of a
site share. It opens GetCardUID (MF3ICD81 data sheet, section 8.4.11) and nothing else: no file gives it a right. An
opened meter has it, and learns the UIDs of the site's cards with it, which the debit key tells as well.
"""

from wattpurse.cards.desfire import AUTHENTICATION, StatusError
from wattpurse.cards.desfire_key_card import APPLICATION, IDENTIFY_KEY
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.seals import desfire_keys

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Sequence

    from wattpurse.cards.desfire import Desfire
    from wattpurse.hal import Aes

_GET_CARD_UID = b"\x51"
_UID_SIZE = 7


async def uid_of_card(card: "Desfire", aes: "Aes", site_keys: "Sequence[bytes]") -> bytes:
    """Return the real UID. Raise CardError: "unknown" if it is no key card, "refused" if none of the keys fits."""
    return await uid_with(card, [desfire_keys.identify_key(aes, site_key) for site_key in site_keys])


async def uid_with(card: "Desfire", identify_keys: "Sequence[bytes]") -> bytes:
    """Return the real UID with one of the keys `identify`. Raise as `uid_of_card`."""
    for key in identify_keys:
        try:
            await card.select_application(APPLICATION)
        except StatusError:
            raise CardError("unknown")
        try:
            await card.authenticate(IDENTIFY_KEY, key)
        except StatusError as error:
            if error.status != AUTHENTICATION:
                raise
        else:
            return await card.command(_GET_CARD_UID, _UID_SIZE)
    raise CardError("refused")
