"""The `aes` callable of this computer: MicroPython's own, or on CPython an adapter of the same shape."""

try:
    from cryptolib import aes
except ImportError:
    from boards.host.chips.aes_adapter import AesObject as aes

__all__ = ("aes",)
