"""Names of MicroPython's viper for CPython, so that the kernel of `ct_kernel` runs there from the same source.

A pointer of viper is the buffer itself, and integers have any size. MicroPython never imports this module.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable


class micropython:  # noqa: N801 the name of MicroPython's module
    """Stands for the module `micropython`."""

    @staticmethod
    def viper(function: "Callable") -> "Callable":
        """Return the function unchanged."""
        return function


def ptr8(buffer: "memoryview") -> "memoryview":
    """Return the buffer."""
    return buffer


def ptr16(buffer: "memoryview") -> "memoryview":
    """Return the buffer."""
    return buffer


def ptr32(buffer: "memoryview") -> "memoryview":
    """Return the buffer."""
    return buffer
