"""The `aes` callable of this computer: on CPython an adapter in the shape of MicroPython's, else MicroPython's own."""

try:
    from boards.host.chips.aes_adapter import AesObject as aes
except ImportError:
    from cryptolib import aes

__all__ = ("aes",)
