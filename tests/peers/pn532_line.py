"""A PN532 on a serial line with one card of ISO/IEC 14443-4, as far as libnfc's driver `pn532_uart` needs it.

Frames and commands are those of NXP's PN532 user manual (UM0701-02), sections 6.2.1 and 7.
"""

import os
import pty
import threading
import tty

_PREAMBLE = b"\x00\x00\xff"
_ACK = b"\x00\x00\xff\x00\xff\x00"
_TO_CHIP, _TO_HOST = 0xD4, 0xD5
_ATS = bytes.fromhex("067577810280")


class Pn532Line:
    """A pseudo terminal with a PN532 behind it. `path` is the terminal for the driver.

    `application(command)` is the card's. `commands` counts the commands that reached it.
    """

    def __init__(self, uid, application):
        self._uid = uid
        self._application = application
        self._registers = {}
        self.commands = 0
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._server = threading.Thread(target=self._serve, daemon=True)
        self._server.start()

    def close(self):
        """Hang up, and wait until the server has seen it.

        The number of a closed file goes to the next one that is opened. A server that still ran would take the commands
        for the next line, and answer with its own card.
        """
        os.close(self._slave)
        self._server.join(10)
        assert not self._server.is_alive(), "somebody still has the line open"
        os.close(self._master)

    def _serve(self):
        buffer = b""
        while True:
            try:
                buffer += os.read(self._master, 512)
            except OSError:
                return
            buffer = self._take_frames(buffer)

    def _take_frames(self, buffer):
        """Answer all whole frames, and return the rest."""
        while True:
            start = buffer.find(_PREAMBLE)
            if start < 0 or len(buffer) < start + 6:
                return buffer
            frame = buffer[start + 3 :]
            length = frame[0]
            if length == 0:  # an ACK
                buffer = frame[3:]
                continue
            if len(frame) < length + 4:
                return buffer
            body = frame[2 : 2 + length]
            assert (frame[0] + frame[1]) & 0xFF == 0
            assert sum(frame[2 : 3 + length]) & 0xFF == 0
            assert body[0] == _TO_CHIP
            buffer = frame[length + 4 :]
            os.write(self._master, _ACK)
            answer = bytes((_TO_HOST, body[1] + 1)) + self._answer(body[1], body[2:])
            checks = bytes((len(answer), -len(answer) & 0xFF)), bytes((-sum(answer) & 0xFF, 0))
            os.write(self._master, _PREAMBLE + checks[0] + answer + checks[1])

    def _answer(self, code, data):
        if code == 0x00:  # Diagnose: the line
            return data
        if code == 0x02:  # GetFirmwareVersion
            return b"\x32\x01\x06\x07"
        if code == 0x06:  # ReadRegister
            return bytes([self._registers.get(data[n : n + 2], 0) for n in range(0, len(data), 2)])
        if code == 0x08:  # WriteRegister
            self._registers.update({data[n : n + 2]: data[n + 2] for n in range(0, len(data), 3)})
            return b""
        if code == 0x4A:  # InListPassiveTarget
            if data[1] != 0:
                return b"\x00"
            return b"\x01\x01\x03\x44\x20" + bytes((len(self._uid),)) + self._uid + _ATS
        if code == 0x40:  # InDataExchange
            self.commands += 1
            return b"\x00" + self._application(data[1:])
        if code in (0x12, 0x14, 0x32):  # SetParameters, SAMConfiguration, RFConfiguration
            return b""
        if code in (0x16, 0x44, 0x4E, 0x52, 0x54):  # PowerDown, InDeselect, InPSL, InRelease, InSelect
            return b"\x00"
        raise AssertionError(f"the PN532 of the tests has no command {code:02x}")
