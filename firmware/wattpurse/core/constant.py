"""Numbers that MicroPython's compiler puts in the place of their names.

    _MOST = const(10**15)
    TABLE = (("limit", 0, _MOST),)

A tuple of literals stays in flash, one with a name in it is built in memory at each start. MicroPython's compiler knows
the word `const` in an assignment in the same module, and then the name is a literal too. A name that begins with `_`
takes no memory at all, and other modules cannot see it.
"""


def const(value: int) -> int:
    """Return the value: CPython calls this."""
    return value
