"""Text as 7-segment shapes: bit 0 is segment a (top), b, c, d, e, f clockwise, bit 6 g (middle), bit 7 the point.

Most letters exist in the one case that can be drawn, some in both (C c, H h, I i, L l, O o, U u). A character without a
shape shows as the low bar, so that it is seen to be missing.
"""

POSITIONS = 6
POINT = 0x80

_UNKNOWN = 0x08
_DASH = 0x40
_CHARACTERS = "0123456789 -_=AbCcdEFGHhIiJLlnOoPqrStUuYZ"
_SHAPES = (
    b"\x3f\x06\x5b\x4f\x66\x6d\x7d\x07\x7f\x6f"
    b"\x00\x40\x08\x48"
    b"\x77\x7c\x39\x58\x5e\x79\x71\x3d\x76\x74\x30\x10\x1e\x38\x30\x54\x3f\x5c\x73\x67\x50\x6d\x78\x3e\x1c\x6e\x5b"
)


def shape(character: str) -> int:
    """Return the segments of one character, of its other case if this case has no shape, or the low bar."""
    for candidate in (character, character.lower(), character.upper()):
        index = _CHARACTERS.find(candidate)
        if index >= 0:
            return _SHAPES[index]
    return _UNKNOWN


def render(text: str) -> bytearray:
    """Return six positions with the text at the right. A point or comma is lit in the position before it.

    Text too long loses decimals and then trailing letters, from the right and without rounding. If digits of a whole
    number would be lost, all six positions show dashes: a number cut short would be read as another number.
    """
    characters, points = _fold_points(text)
    excess = len(characters) - POSITIONS
    if excess > 0 and _cuts_whole_digits(characters, points):
        return bytearray([_DASH] * POSITIONS)
    segments = bytearray(POSITIONS)
    start = max(0, -excess)
    for index in range(min(len(characters), POSITIONS)):
        segments[start + index] = shape(characters[index])
        if points[index] and not (excess > 0 and index == POSITIONS - 1):
            segments[start + index] |= POINT
    return segments


def _fold_points(text: str) -> tuple:
    """Return the characters that take a position, and for each whether a point follows. A point alone gets a blank."""
    characters = []
    points = []
    for character in text:
        if character not in ".,":
            characters.append(character)
            points.append(False)
        elif points and not points[-1]:
            points[-1] = True
        else:
            characters.append(" ")
            points.append(True)
    return characters, points


def _cuts_whole_digits(characters: list, points: list) -> bool:
    """Return True if a digit beyond the last position belongs to a whole number.

    It does if no point stands before it in its number.
    """
    is_decimal = False
    for index, character in enumerate(characters):
        if character in "0123456789":
            if index >= POSITIONS and not is_decimal:
                return True
            is_decimal = is_decimal or points[index]
        else:
            is_decimal = points[index]
    return False
