"""A bank card or a phone: selected as any type A card, but it speaks ISO/IEC 14443-4 and has no memory for a purse.

Only the answer to RATS is modelled. The card takes any other command for an error.
"""

from boards.host.cards import iso14443a

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import Answer


_RATS = 0xE0
_ANSWER_TO_SELECT = b"\x05\x78\x80\x70\x02"
_SAK_ISO14443_4 = 0x20
_RANDOM_UID = 0x08


class ForeignCard(iso14443a.Card):
    """A card with the UID `uid`, as banks issue them."""

    def __init__(self, uid: bytes, seed: int = 1) -> None:
        super().__init__("foreign", uid, b"\x04\x00", _SAK_ISO14443_4, bytearray(), seed)

    def command(self, data: bytes) -> "Answer":
        if data[0] == _RATS and len(data) == 2:
            return self.answer(_ANSWER_TO_SELECT)
        return self.fall_back()


class Phone(ForeignCard):
    """A phone that emulates a card: whenever the field comes, it draws a UID by chance. `seed` decides all of them."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__(bytes((_RANDOM_UID, 1, 2, 3)), seed)

    def power_on(self, now_us: int) -> None:
        self.rename(bytes((_RANDOM_UID, self.draw(), self.draw(), self.draw())))
        super().power_on(now_us)
