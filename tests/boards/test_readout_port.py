"""The readout head's line on `machine.UART`: its format, its speed, and that no call waits for the line."""

import unittest

from tests.boards import chip_fakes


class Uart:
    """`machine.UART` as strict as the chips: it blocks, here fails, where a port would wait."""

    def __init__(self, number, **settings):
        self.number = number
        self.settings = {}
        self.sending = b""
        self.received = b""
        self.init(**settings)
        if settings["timeout"] != 0:
            raise AssertionError("a read would wait")

    def init(self, **settings):
        if self.sending:
            raise AssertionError("a new speed amid a character")
        known = ("baudrate", "bits", "parity", "stop", "tx", "rx", "txbuf", "rxbuf", "timeout")
        for name in settings:
            if name not in known:
                raise TypeError(name)
        self.settings.update(settings)
        self.received = b""

    def any(self):
        return len(self.received)

    def readinto(self, buffer):
        if not self.received:
            return None
        count = min(len(buffer), len(self.received))
        buffer[:count] = self.received[:count]
        self.received = self.received[count:]
        return count

    def write(self, data):
        if len(self.sending) + len(data) > self.settings["txbuf"]:
            raise AssertionError("the write would wait for the line")
        self.sending += bytes(data)
        return len(data)

    def txdone(self):
        return not self.sending


def build_port():
    chip_fakes.install("machine", UART=Uart)
    from boards.micropython import readout_port

    readout_port.UART = Uart
    return readout_port.UartReadoutPort(0, "send", "receive")


class TestUartReadoutPort(unittest.TestCase):
    def setUp(self):
        self.port = build_port()
        self.uart = self.port._uart

    def test_the_line_begins_at_300_baud_with_seven_bits_and_even_parity(self):
        settings = self.uart.settings
        self.assertEqual([settings[name] for name in ("baudrate", "bits", "parity", "stop")], [300, 7, 0, 1])
        self.assertEqual((settings["tx"], settings["rx"]), ("send", "receive"))

    def test_another_speed_keeps_the_format(self):
        self.port.set_baud(9_600)
        settings = self.uart.settings
        self.assertEqual([settings[name] for name in ("baudrate", "bits", "parity", "stop")], [9_600, 7, 0, 1])

    def test_a_read_takes_what_has_arrived_and_waits_for_nothing(self):
        buffer = bytearray(4)
        self.assertEqual(self.port.read(buffer), 0)
        self.uart.received = b"/?!\r\n"
        self.assertEqual((self.port.read(buffer), bytes(buffer)), (4, b"/?!\r"))
        self.assertEqual((self.port.read(buffer), bytes(buffer[:1])), (1, b"\n"))

    def test_a_whole_piece_fits_behind_the_one_before(self):
        self.port.write(bytes(32))
        self.port.write(bytes(32))
        self.assertFalse(self.port.is_sent())
        self.uart.sending = b""
        self.assertTrue(self.port.is_sent())


if __name__ == "__main__":
    unittest.main()
