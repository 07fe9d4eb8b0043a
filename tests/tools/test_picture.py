"""The picture in the README shows the simulated meter: the digits of its display, its switch and its card."""

import dataclasses
import os
import xml.etree.ElementTree as ElementTree

import pytest

from tests.house.places import ROOT
from wattpurse.drivers.segments import render
from wattpurse_tools import picture

SVG = "{http://www.w3.org/2000/svg}"
FACE = picture.Face(
    segments=render("E 30"),
    meter_number=7,
    mains_on=True,
    contact_closed=False,
    power_w=0,
    card="",
    card_kind="",
)


def lit_segments(document: str) -> bytes:
    """Return one byte per digit of the picture, as the display has them."""
    digits = ElementTree.fromstring(document).iterfind(f".//{SVG}g[@class='digit']")
    return bytes(sum((shape.get("class") == "lit") << bit for bit, shape in enumerate(digit)) for digit in digits)


def words(document: str) -> list[str]:
    """Return the words in the picture."""
    return [text.text for text in ElementTree.fromstring(document).iter(f"{SVG}text")]


@pytest.mark.parametrize("text", ["C 12.34", "PrESS", "8.8.8.8.8.8.", ""])
def test_the_digits_are_the_segments_of_the_display(text):
    segments = bytes(render(text))
    assert lit_segments(picture.draw(dataclasses.replace(FACE, segments=segments))) == segments


def test_an_open_switch_and_an_empty_reader_are_seen():
    document = picture.draw(FACE)
    assert "load switch open" in words(document)
    assert 'class="card"' not in document
    closed = picture.draw(dataclasses.replace(FACE, contact_closed=True, card="anna", card_kind="ntag215"))
    assert "load switch closed" in words(closed)
    assert "anna" in words(closed)
    assert 'class="card"' in closed


def test_the_committed_picture_is_the_one_that_make_picture_draws(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", os.environ["PATH"])  # `main` changes it
    target = tmp_path / "meter.svg"
    assert picture.main([str(target)]) == 0
    assert lit_segments(target.read_text()) == bytes(render("C 12.34"))
    assert target.read_text() == (ROOT / "docs/meter.svg").read_text()
