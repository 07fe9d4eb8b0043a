"""The settings of the way to the broker: the choice of the link, and the facts that modem and Wi-Fi need.

    "modem" = version u8 (1), then APN, number to dial, user, password, with a zero byte between two of them
    "wifi"  = version u8 (1), then name, password, likewise

All texts are UTF-8. The setting "link" chooses one of the two; both stay in the meter.
"""

NONE = 0
MODEM = 1
WIFI = 2

# The number that makes a modem connect PPP to the APN of its first context (3GPP TS 27.007, 10.2.1.1).
USUAL_NUMBER = "*99#"

_VERSION = 1
_LONGEST_APN = 63
_LONGEST_NUMBER = 20
_LONGEST_LOGIN = 48
_LONGEST_NAME = 32
_SHORTEST_WIFI_PASSWORD = 8
_LONGEST_WIFI_PASSWORD = 63
_APN_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
_NUMBER_CHARACTERS = "0123456789*#+"


class ModemSettings:
    """The APN of a modem's SIM, the number that it dials, and user and password, which may be empty."""

    def __init__(self, apn: str, number: str = USUAL_NUMBER, user: str = "", password: str = "") -> None:
        _check_length(apn, "the APN", 1, _LONGEST_APN)
        _check_characters(apn, "the APN", _APN_CHARACTERS)
        _check_length(number, "the number", 1, _LONGEST_NUMBER)
        _check_characters(number, "the number", _NUMBER_CHARACTERS)
        _check_length(user, "the user", 0, _LONGEST_LOGIN)
        _check_length(password, "the password", 0, _LONGEST_LOGIN)
        self.apn = apn
        self.number = number
        self.user = user
        self.password = password

    def pack(self) -> bytes:
        """Return the content of the setting "modem"."""
        return _pack(self.apn, self.number, self.user, self.password)


class WifiSettings:
    """The name of a Wi-Fi network, and its password, which is empty for an open one."""

    def __init__(self, name: str, password: str = "") -> None:
        _check_length(name, "the name of a Wi-Fi network", 1, _LONGEST_NAME)
        if password:
            _check_length(password, "the password of a Wi-Fi network", _SHORTEST_WIFI_PASSWORD, _LONGEST_WIFI_PASSWORD)
        self.name = name
        self.password = password

    def pack(self) -> bytes:
        """Return the content of the setting "wifi"."""
        return _pack(self.name, self.password)


def unpack_modem(data: bytes) -> ModemSettings:
    """Return the settings of a modem. Raise ValueError for another version or damaged data."""
    return ModemSettings(*_unpack(data, 4))


def unpack_wifi(data: bytes) -> WifiSettings:
    """Return the settings of Wi-Fi. Raise ValueError for another version or damaged data."""
    return WifiSettings(*_unpack(data, 2))


def _pack(*texts: str) -> bytes:
    return bytes((_VERSION,)) + "\0".join(texts).encode()


def _unpack(data: bytes, count: int) -> list:
    if data[:1] != bytes((_VERSION,)):
        raise ValueError("the settings of the network are of another version")
    texts = bytes(data[1:]).decode().split("\0")
    if len(texts) != count:
        raise ValueError("the settings of the network are damaged")
    return texts


def _check_length(text: str, name: str, shortest: int, longest: int) -> None:
    if not shortest <= len(text.encode()) <= longest:
        raise ValueError(f"{name} has {shortest} to {longest} characters")
    if "\0" in text:
        raise ValueError(f"{name} has a zero byte")


def _check_characters(text: str, name: str, allowed: str) -> None:
    for character in text:
        if character not in allowed:
            raise ValueError(f"{name} has the character '{character}', which is not allowed in it")
