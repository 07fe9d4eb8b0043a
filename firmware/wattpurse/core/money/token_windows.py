"""The numbers of tokens, their issuers, and the record of the numbers that a meter has redeemed.

    token number u32: issuer u4 (the upper bits), count u28

Each issuer counts the tokens that it seals for one meter from 1 up, so that several vending points sell offline without
a common counter. Issuer 0 is the office. In text a token number is its count, with the issuer before it unless that is
the office: "17", "2/17".

A meter remembers one by one the newest count of each issuer and the WINDOW - 1 counts below it. Older counts count as
used. It has room for the windows of WINDOWS issuers, the office among them. A revoked issuer stays revoked, and its
window makes room for another one.
"""

import struct

OFFICE = 0
ISSUERS = 16
WINDOW = 64
WINDOWS = 6
COUNT_LIMIT = (1 << 28) - 1

_COUNT_BITS = 28
_ALL_USED = (1 << WINDOW) - 1
_HEAD = "<HB"  # revoked issuers as bits, number of windows
_WINDOW = "<BIQ"  # issuer, newest count, one bit for it and each count below it


def number_of(issuer: int, count: int) -> int:
    """Return the token number of an issuer's count. Raise ValueError if one of the two is out of range."""
    if not 0 <= issuer < ISSUERS:
        raise ValueError(f"an issuer has a number from 0 to {ISSUERS - 1}")
    if not 0 <= count <= COUNT_LIMIT:
        raise ValueError(f"an issuer counts its tokens from 1 to {COUNT_LIMIT}")
    return issuer << _COUNT_BITS | count


def issuer_of(number: int) -> int:
    """Return the issuer of a token number."""
    return number >> _COUNT_BITS


def count_of(number: int) -> int:
    """Return the issuer's count in a token number."""
    return number & COUNT_LIMIT


def number_text(number: int) -> str:
    """Return a token number as text."""
    issuer = issuer_of(number)
    return f"{issuer}/{count_of(number)}" if issuer else str(number)


def parse_number(text: str) -> int:
    """Return the token number that `number_text` wrote. Raise ValueError for other text."""
    issuer, slash, count = text.partition("/")
    if not slash:
        issuer, count = "0", text
    if not (issuer.isdigit() and count.isdigit()):
        raise ValueError(f"{text}: write a token number as 17, or as 2/17 for token 17 of issuer 2")
    return number_of(int(issuer), int(count))


class TokenWindows:
    """The redeemed token numbers of one meter, and its revoked issuers."""

    def __init__(self) -> None:
        self._windows = {}
        self._revoked = 0

    def top(self, issuer: int = OFFICE) -> int:
        """Return the newest count of an issuer that was redeemed, or 0."""
        return self._windows[issuer][0] if issuer in self._windows else 0

    def window(self, issuer: int = OFFICE) -> int:
        """Return the bits of an issuer's window: bit 0 is `top`, bit 1 the count below it."""
        return self._windows[issuer][1] if issuer in self._windows else 0

    def issuers(self) -> list:
        """Return the issuers that have a window, in the order of their numbers."""
        return sorted(self._windows)

    @property
    def revoked(self) -> int:
        """The revoked issuers as bits."""
        return self._revoked

    def is_revoked(self, issuer: int) -> bool:
        """Return True if the issuer was revoked."""
        return bool(self._revoked >> issuer & 1)

    def admits(self, issuer: int) -> bool:
        """Return True if tokens of the issuer are redeemed here: it is not revoked, and there is room for its window.

        One place is kept for the office.
        """
        if issuer == OFFICE or issuer in self._windows:
            return True
        others = len(self._windows) - (OFFICE in self._windows)
        return not self.is_revoked(issuer) and others < WINDOWS - 1

    def revoke(self, issuer: int) -> None:
        """Refuse all tokens of an issuer from now on. Raise ValueError for the office, and for no issuer."""
        if not OFFICE < issuer < ISSUERS:
            raise ValueError(f"an issuer from 1 to {ISSUERS - 1} can be revoked")
        self._revoked |= 1 << issuer
        self._windows.pop(issuer, None)

    def is_used(self, number: int) -> bool:
        """Return True if the token was redeemed, or is too old to know."""
        issuer = issuer_of(number)
        behind = self.top(issuer) - count_of(number)
        if behind < 0:
            return False
        return behind >= WINDOW or bool(self.window(issuer) >> behind & 1)

    def remembers(self, number: int) -> bool:
        """Return True if the token was redeemed for certain: it is used, and not merely too old to know."""
        behind = self.top(issuer_of(number)) - count_of(number)
        return self.is_used(number) and behind < WINDOW

    def mark(self, number: int) -> None:
        """Note a token as redeemed. Raise ValueError if it already is, or if its issuer is not admitted."""
        if self.is_used(number):
            raise ValueError("token is used")
        issuer = issuer_of(number)
        if not self.admits(issuer):
            raise ValueError(f"issuer {issuer} is revoked, or there is no room for its window")
        top, window = self.top(issuer), self.window(issuer)
        ahead = count_of(number) - top
        if ahead > 0:
            top += ahead
            window = (window << min(ahead, WINDOW) | 1) & _ALL_USED
        else:
            window |= 1 << -ahead
        self._windows[issuer] = (top, window)

    def start_after(self, number: int) -> None:
        """Count the number and all lower ones of its issuer as redeemed. Raise ValueError if there is no room."""
        if not self.admits(issuer_of(number)):
            raise ValueError(f"a meter has room for the tokens of {WINDOWS} issuers")
        if count_of(number):
            self._windows[issuer_of(number)] = (count_of(number), _ALL_USED)

    def pack(self) -> bytes:
        """Pack the windows into bytes."""
        parts = [struct.pack(_HEAD, self._revoked, len(self._windows))]
        for issuer in self.issuers():
            parts.append(struct.pack(_WINDOW, issuer, *self._windows[issuer]))
        return b"".join(parts)

    @classmethod
    def unpack(cls, data: bytes, position: int) -> tuple:
        """Return `(windows, position behind them)` of the bytes at `position`. Raise ValueError for other bytes."""
        windows = cls()
        head_size, size = struct.calcsize(_HEAD), struct.calcsize(_WINDOW)
        if position + head_size > len(data):
            raise ValueError("the token windows end early")
        windows._revoked, count = struct.unpack_from(_HEAD, data, position)
        position += head_size
        if count > WINDOWS or windows._revoked & 1 or position + count * size > len(data):
            raise ValueError("the token windows contradict themselves or end early")
        for _ in range(count):
            issuer, top, window = struct.unpack_from(_WINDOW, data, position)
            if issuer >= ISSUERS or top > COUNT_LIMIT or not windows.admits(issuer):
                raise ValueError("the token windows name an issuer or a count that cannot be")
            windows._windows[issuer] = (top, window)
            position += size
        return windows, position
