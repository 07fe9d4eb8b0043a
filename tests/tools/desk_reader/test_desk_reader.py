"""The desk reader on a serial port: cards by the station's code, and a remedy for each trouble."""

import errno
import os
from contextlib import nullcontext

import pytest
import serial

from boards.host.cards.classic import TRANSPORT_KEY, ClassicCard
from boards.host.cards.iso_dep import IsoDepCard
from tests.tools.desk_reader.port_bench import DeskReaderOnPort
from wattpurse.cards import purse
from wattpurse.cards.classic import ClassicKeys
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.memory import open_card
from wattpurse.core.messages import reader_frames as frames
from wattpurse_tools.blocking import run_driver
from wattpurse_tools.readers import desk_reader
from wattpurse_tools.readers.desk_reader import DeskReaderTrouble, driver_of
from wattpurse_tools.station.card_reader import CardReader
from wattpurse_tools.station.reader_cards import ReaderAntenna, ReaderCard

UID = b"\x11\x22\x33\x44"
KEYS = ClassicKeys(TRANSPORT_KEY, TRANSPORT_KEY, write_with_b=False)
CONTENT = bytes(range(96))


@pytest.fixture
def desk():
    with DeskReaderOnPort() as desk:
        yield desk


def words_of(step):
    with pytest.raises(DeskReaderTrouble) as caught:
        run_driver(step)
    return str(caught.value)


async def write_and_read(driver):
    await driver.start()
    identity = await driver.find_card()
    memory = await open_card(driver, identity, lambda uid: KEYS)
    await memory.write(0, CONTENT)
    buffer = bytearray(len(CONTENT))
    await memory.read(0, buffer)
    return identity.uid, bytes(buffer)


def test_a_card_is_written_and_read_through_the_port(desk):
    card = ClassicCard(UID)
    desk.model.field.insert(card)
    driver = driver_of(desk.path)
    assert run_driver(write_and_read(driver)) == (UID, CONTENT)
    assert bytes(card.memory[64:112] + card.memory[128:176]) == CONTENT
    driver.close()


def test_a_card_of_iso_14443_4_answers_apdus(desk):
    card = IsoDepCard(b"\x04\x55\x66\x77\x88\x99\xaa", lambda command: command + b"\x90\x00")
    desk.model.field.insert(card)
    driver = driver_of(desk.path)
    assert run_driver(driver.find_card()).sak == 0x20
    assert driver.transceive(b"\x90\x60\x00\x00\x00") == b"\x90\x60\x00\x00\x00\x90\x00"
    assert driver.transceive(bytes(200)) == bytes(200) + b"\x90\x00"
    desk.model.field.remove(card)
    with pytest.raises(CardError, match="silent"):
        driver.transceive(b"\x90\x60\x00\x00\x00")
    driver.close()


def test_the_next_program_gets_the_reader_when_the_first_has_closed_it(desk):
    desk.model.field.insert(ClassicCard(UID))
    for _ in range(3):
        driver = driver_of(desk.path)
        assert run_driver(write_and_read(driver))[0] == UID
        driver.close()


def test_a_second_program_is_told_that_the_port_is_busy(desk):
    first, second = driver_of(desk.path), driver_of(desk.path)
    run_driver(first.start())
    assert "another program holds" in words_of(second.start())
    first.close()
    run_driver(second.start())
    second.close()


def test_another_card_than_the_expected_one_is_refused(desk):
    desk.model.field.insert(ClassicCard(UID))
    station = CardReader(None, ReaderAntenna(driver_of(desk.path), nullcontext()))
    with pytest.raises(OSError, match="another card"):
        station.work(ReaderCard("classic-1k", b"\x99\x99\x99\x99"), purse.read_orders)


def test_a_port_that_does_not_exist_names_the_way_to_find_it():
    assert "ls /dev/ttyACM*" in words_of(driver_of("/dev/no-such-port").start())


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (serial.SerialException(errno.EACCES, "Permission denied"), "adduser $USER dialout"),
        (serial.SerialException(errno.EBUSY, "Device or resource busy"), "another program holds"),
        (serial.SerialException(errno.EIO, "Input/output error"), "cannot be opened"),
        (serial.SerialException("no number"), "cannot be opened: no number"),
    ],
)
def test_a_port_that_cannot_be_opened_names_the_remedy(monkeypatch, error, remedy):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(desk_reader, "SerialPort", refuse)
    assert remedy in words_of(driver_of("/dev/ttyACM7").start())


def test_a_port_with_another_device_names_the_image(desk):
    desk.is_deaf = True
    assert "make deploy BOARD=desk-reader" in words_of(driver_of(desk.path).start())


def test_another_reader_board_is_named():
    with DeskReaderOnPort(frames.ROOM_READER) as other:
        assert "no desk reader but another" in words_of(driver_of(other.path).start())


def test_a_reader_without_its_chip_names_the_wires(desk):
    desk.model.faults.spi_dead = 0xFF
    assert "docs/desk-reader.md" in words_of(driver_of(desk.path).start())


def test_a_cable_that_is_pulled_out_is_told(desk):
    driver = driver_of(desk.path)
    run_driver(driver.start())
    desk.pull_out()
    assert "was unplugged" in words_of(driver.find_card())
    driver.close()
    assert "there is no port" in words_of(driver.find_card())
    assert "closed" in words_of(driver.power_up())


class Port:
    def __init__(self, device, vid=0x2E8A, pid=0x0005):
        self.device, self.vid, self.pid = device, vid, pid


def test_the_only_reader_needs_no_name(monkeypatch):
    found = [Port("/dev/ttyACM1"), Port("/dev/ttyS0", None, None)]
    monkeypatch.setattr(desk_reader.list_ports, "comports", lambda: found)
    assert driver_of("").name == "/dev/ttyACM1"
    found.append(Port("/dev/ttyACM0"))
    with pytest.raises(DeskReaderTrouble, match="serial:/dev/ttyACM0, serial:/dev/ttyACM1"):
        driver_of("")
    found.clear()
    with pytest.raises(DeskReaderTrouble, match="plug it in"):
        driver_of("")


def test_the_answer_of_a_board_is_found_behind_the_text_of_a_prompt(desk):
    driver = driver_of(desk.path)
    run_driver(driver.start())  # opening a port drops the bytes in it
    os.write(desk._board_end, b"MicroPython v1.25.0\r\nType help() for more information.\r\n>>> m\x10")
    run_driver(driver.start())
    assert driver.link.errors > 0
    driver.close()
