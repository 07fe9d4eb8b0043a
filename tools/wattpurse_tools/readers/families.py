"""Families of PC/SC readers. They differ by the rows of FAMILIES and by no code.

PC/SC part 3 (supplement for contactless storage cards) names the commands: FF CA get UID, FF 82 load key, FF 86
authenticate, FF B0 read, FF D6 update. It leaves the places of keys and the exchange of raw frames to the makers (ACS
ACR122U API 2.04; Identiv uTrust 3700 F and 3720 F reference manuals, 6.2). The P1 of HID and the names of readers are
from excerpts of the makers' documents. No reader itself has confirmed a row.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Raw:
    """An exchange of raw frames: the head of its APDU, and the bytes before the frame and before the answer.

    The reader adds and checks CRC_A.
    """

    head: bytes
    before_frame: bytes
    before_answer: bytes


@dataclass(frozen=True)
class Family:
    """A family of readers, known by a part of the reader's name in small letters.

    `load_p1` is P1 of the command that loads a key. `places` are its P2 for keys A and B. `numbers` are the numbers by
    which the authentication names these two keys. `raw` is None for a reader that exchanges no raw frames.
    """

    name: str
    patterns: tuple[str, ...]
    load_p1: int = 0x00
    places: tuple[int, int] = (0x00, 0x01)
    numbers: tuple[int, int] = (0x00, 0x01)
    raw: Raw | None = None
    contact_slots: tuple[str, ...] = ()


_PN532 = Raw(bytes.fromhex("ff000000"), bytes.fromhex("d442"), bytes.fromhex("d54300"))
_IDENTIV = Raw(bytes.fromhex("ffef0000"), b"", b"")

FAMILIES = (
    Family("ACS ACR122U", ("acr122",), raw=_PN532),
    Family("ACS ACR1252U", ("acr1252", "acr1251", "acr1255"), contact_slots=("sam reader",)),
    Family(
        "Identiv",
        ("identiv", "identive", "utrust", "cloud 37", "cloud 47", "scl3711", "scl01", "scm microsystems"),
        places=(0x60, 0x61),
        numbers=(0x01, 0x01),
        raw=_IDENTIV,
        contact_slots=("contact reader", "sam slot"),
    ),
    Family("HID OMNIKEY", ("omnikey", "hid global"), load_p1=0x20, contact_slots=("smartcard reader",)),
)
OTHER = Family("PC/SC part 3", ())


def family_of(reader: str) -> Family:
    """Return the family of a reader by its name. A reader of no known family is taken to keep to PC/SC part 3."""
    small = reader.lower()
    return next((one for one in FAMILIES if any(part in small for part in one.patterns)), OTHER)


def is_contactless(reader: str) -> bool:
    """Return False for the slot of a reader that takes a card with contacts or a SAM."""
    return not any(part in reader.lower() for part in family_of(reader).contact_slots)
