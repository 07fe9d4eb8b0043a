"""The `aes` callable of this computer: MicroPython's own, or on CPython an adapter with the same interface."""

try:
    from cryptolib import aes  # pyright: ignore[reportMissingImports]
except ImportError:
    from boards.host.chips.aes_adapter import AesObject as aes

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Aes

    aes: Aes

__all__ = ("aes",)
