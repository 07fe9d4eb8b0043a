"""A port whose other end the test holds: phones that connect, talk, fall silent and leave."""

from wattpurse.core.messages import frames

STEP_MS = 10


class Phone:
    """A phone that connects. It says `words`: bytes, a pause in milliseconds, or a function that returns bytes.

    Behind its last word it leaves, unless it `stays`. A phone that is `deaf` takes no answer.
    """

    def __init__(self, *words, stays=False, deaf=False):
        self.words = list(words)
        self.stays = stays
        self.deaf = deaf
        self.heard = bytearray()
        self.was_sent_away = False

    def answers(self):
        """Return `(kind, sequence, offset, payload)` of all frames that it got."""
        reader, found = frames.FrameReader(), []
        for byte in bytes(self.heard):
            reader.feed(bytes((byte,)))
            one = reader.take()
            if one is not None:
                found.append((one.kind, one.sequence, one.offset, one.payload))
        return found


class ScriptedPort:
    """The port. `phones` connect one after the other; `advertised` has the advertisements of the meter."""

    def __init__(self, clock):
        self.phones = []
        self.advertised = []
        self.stops = 0
        self._clock = clock
        self._phone = None

    @property
    def is_free(self):
        """True if no phone is connected and none waits."""
        return not self.phones and self._phone is None

    async def advertise(self, data, scan_response, timeout_ms):
        """Give the next phone its connection."""
        if self._phone is not None:
            raise RuntimeError("advertises while a phone is connected")
        self.advertised.append((data, scan_response))
        if not self.phones:
            await self._clock.sleep_ms(timeout_ms)
            return False
        await self._clock.sleep_ms(STEP_MS)
        self._phone = self.phones.pop(0)
        return True

    async def read(self, timeout_ms):
        """Return the next word."""
        phone = self._phone
        while phone.words and isinstance(phone.words[0], int) and phone.words[0] > 0:
            waited_ms = min(timeout_ms, phone.words[0])
            phone.words[0] -= waited_ms
            await self._clock.sleep_ms(waited_ms)
            if phone.words[0] == 0:
                phone.words.pop(0)
            return b""
        if not phone.words and phone.stays:
            await self._clock.sleep_ms(timeout_ms)
            return b""
        if not phone.words:
            raise OSError("the connection is lost")
        await self._clock.sleep_ms(STEP_MS)
        word = phone.words.pop(0)
        return word() if callable(word) else word

    async def write(self, data, timeout_ms):
        """Give the phone an answer."""
        if self._phone.deaf:
            await self._clock.sleep_ms(timeout_ms)
            raise OSError("the peer takes nothing")
        await self._clock.sleep_ms(STEP_MS)
        self._phone.heard += data

    async def disconnect(self):
        """End the connection."""
        if self._phone is not None:
            self._phone.was_sent_away = bool(self._phone.words) or self._phone.stays
        self._phone = None

    async def stop(self):
        """Turn the radio off."""
        self.stops += 1
        self._phone = None
