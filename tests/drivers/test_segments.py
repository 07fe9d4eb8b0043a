"""7-segment shapes against drawings of them, and the shapes of text that does not fit."""

import unittest

from wattpurse.drivers.segments import POINT, render, shape

# Three lines of text for each row of characters, three columns and a space for each character.
DRAWINGS = (
    (
        "0123456789",
        " _       _   _       _   _   _   _   _ ",
        "| |   |  _|  _| |_| |_  |_    | |_| |_|",
        "|_|   | |_   _|   |  _| |_|   | |_|  _|",
    ),
    (
        " -_=AbCcdE",
        "                 _       _           _ ",
        "     _       _  |_| |_  |    _   _| |_ ",
        "         _   _  | | |_| |_  |_  |_| |_ ",
    ),
    (
        "FGHhIiJLln",
        " _   _                                 ",
        "|_  |   |_| |_  |         | |   |    _ ",
        "|   |_| | | | | |   |   |_| |_  |   | |",
    ),
    (
        "OoPqrStUuY",
        " _       _   _       _                 ",
        "| |  _  |_| |_|  _  |_  |_  | |     |_|",
        "|_| |_| |     | |    _| |_  |_| |_|  _|",
    ),
)


def read_drawing(top, middle, bottom, column):
    """Return the segments drawn at a column, by the place of each stroke."""
    strokes = (
        (top, 1), (middle, 2), (bottom, 2), (bottom, 1), (bottom, 0), (middle, 0), (middle, 1),
    )  # fmt: skip
    segments = 0
    for bit, (line, offset) in enumerate(strokes):
        if line[column + offset] != " ":
            segments |= 1 << bit
    return segments


class TestShapes(unittest.TestCase):
    def test_shapes_are_as_drawn(self):
        for characters, top, middle, bottom in DRAWINGS:
            for index, character in enumerate(characters):
                with self.subTest(character=character):
                    self.assertEqual(shape(character), read_drawing(top, middle, bottom, 4 * index))

    def test_digits_differ_from_each_other(self):
        self.assertEqual(len({shape(digit) for digit in "0123456789"}), 10)

    def test_a_letter_of_one_case_stands_for_the_other(self):
        self.assertEqual(shape("B"), shape("b"))
        self.assertEqual(shape("e"), shape("E"))
        self.assertEqual(shape("z"), shape("2"))

    def test_what_has_no_shape_is_the_low_bar(self):
        for character in "KMWX?\u20ac":
            self.assertEqual(shape(character), shape("_"))


class TestRender(unittest.TestCase):
    def _shapes(self, text, point_after=None):
        segments = bytearray([shape(character) for character in text])
        if point_after is not None:
            segments[point_after] |= POINT
        return segments

    def test_text_stands_at_the_right(self):
        self.assertEqual(render("42"), self._shapes("    42"))
        self.assertEqual(render(""), bytearray(6))
        self.assertEqual(render("rAtE 2"), self._shapes("rAtE 2"))
        self.assertEqual(render("Err   "), self._shapes("Err   "))

    def test_a_point_takes_no_position(self):
        self.assertEqual(render("1234.56"), self._shapes("123456", 3))
        self.assertEqual(render("-12,50"), self._shapes(" -1250", 3))
        self.assertEqual(render("5."), self._shapes("     5", 5))

    def test_a_point_without_a_character_before_it_gets_a_blank(self):
        self.assertEqual(render(".5"), self._shapes("     5", 4))
        self.assertEqual(render("1.."), self._shapes("    1 ", 4)[:5] + bytearray([POINT]))

    def test_decimals_are_dropped_without_rounding(self):
        self.assertEqual(render("12345.678"), self._shapes("123456", 4))
        self.assertEqual(render("123456.99"), self._shapes("123456"))
        self.assertEqual(render("-12345.99"), self._shapes("-12345"))
        self.assertEqual(render("C 123.456"), self._shapes("C 1234", 4))

    def test_letters_are_dropped_from_the_right(self):
        self.assertEqual(render("rEFUSEd"), self._shapes("rEFUSE"))
        self.assertEqual(render("123456 h"), self._shapes("123456"))

    def test_a_whole_number_is_never_cut(self):
        for text in ("1234567", "-123456", "1234567.89", "Cr 12345", "0.5 1234", "1.2.3 456"):
            with self.subTest(text=text):
                self.assertEqual(render(text), self._shapes("------"))


if __name__ == "__main__":
    unittest.main()
