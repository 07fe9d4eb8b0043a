"""The reader's field: the cards in it, the frames they receive, and their answers, which collide."""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from boards.host.cards.iso14443a import Card
    from boards.host.protocols import EventClock


class Reception:
    """An answer at the antenna: `value` (first bit lowest) of `bits` bits, `delay_us` after the usual 91 us.

    `collision` is the first bit in which cards differed, or None. `parity_error` is True after damage on the way.
    `begun` is True once the reader has received the first bits from `sender`.
    """

    def __init__(self, value: int, bits: int, delay_us: int, collision: int | None, sender: "Card") -> None:
        self.value = value
        self.bits = bits
        self.delay_us = delay_us
        self.collision = collision
        self.sender = sender
        self.parity_error = False
        self.begun = False

    def break_off(self) -> None:
        """Drop the second half, as a card does that is lifted while it answers."""
        self.bits //= 2
        self.value &= (1 << self.bits) - 1
        self.parity_error = True


class Field:
    """Cards near one antenna. Frames of the reader are counted in `frames`, and faults are planned by that count."""

    def __init__(self, clock: "EventClock") -> None:
        self._clock = clock
        self.cards: list[Card] = []
        self.on = False
        self.frames = 0
        self._plan: dict[int, list] = {}

    def insert(self, card: "Card") -> None:
        """Bring a card into the field."""
        self.cards.append(card)
        if self.on:
            card.power_on(self._clock.now_us)

    def remove(self, card: "Card") -> None:
        """Take a card away. A write under way is torn."""
        if card in self.cards:
            self.cards.remove(card)
            card.power_off(self._clock.now_us)

    def switch(self, on: bool) -> None:
        """Switch the reader's carrier on or off."""
        if on == self.on:
            return
        self.on = on
        for card in self.cards:
            if on:
                card.power_on(self._clock.now_us)
            else:
                card.power_off(self._clock.now_us)

    def plan(self, frame: int, fault: "Callable[[Field], dict | None]") -> None:
        """Call `fault(field)` at the `frame`-th frame from now (1: the next).

        It may return a dictionary: "to_card" or "from_card" with bits to invert, "unheard" to lose the frame,
        "silence" to lose the answer, "late_us" to delay it, "after" with a function to call once the cards have
        received the frame.
        """
        self._plan.setdefault(self.frames + frame, []).append(fault)

    def transmit(self, data: bytes, bits: int, session: object) -> Reception | None:
        """Give the cards a frame that ends now, and return their answers merged, or None."""
        self.frames += 1
        damage: dict = {}
        for fault in self._plan.pop(self.frames, ()):
            damage.update(fault(self) or {})
        sent, intact = _flip(data, damage.get("to_card", ()))
        answers = []
        for card in list(self.cards) if self.on and "unheard" not in damage else ():
            answer = card.receive(self._clock.now_us, sent, bits, intact, session)
            if answer is not None:
                answers.append((card, answer))
        if "after" in damage:
            damage["after"](self)
        if not answers or "silence" in damage:
            return None
        reception = _merge(answers)
        reception.delay_us += damage.get("late_us", 0)
        _damage(reception, damage.get("from_card", ()))
        return reception


def _merge(answers: list) -> "Reception":
    """Merge answers: differing bits are ones. A card that ends early differs from one that goes on."""
    sender, (data, bits, delay_us) = answers[0]
    value = int.from_bytes(data, "little") & ((1 << bits) - 1)
    merged = Reception(value, bits, delay_us, None, sender)
    differ = 0
    for _, (data, bits, _) in answers[1:]:
        other = int.from_bytes(data, "little") & ((1 << bits) - 1)
        differ |= merged.value ^ other
        if bits != merged.bits:
            differ |= 1 << min(bits, merged.bits)
            merged.bits = max(bits, merged.bits)
        merged.value |= other
    if differ:
        position = 0
        while not differ >> position & 1:
            position += 1
        merged.collision = position
    return merged


def _damage(reception: "Reception", positions: tuple | list) -> None:
    for position in positions:
        if position < reception.bits:
            reception.value ^= 1 << position
    whole_bytes = reception.bits - reception.bits % 8  # only these have a parity bit
    reception.parity_error = _odd_in_some_byte([position for position in positions if position < whole_bytes])


def _flip(data: bytes, positions: tuple | list) -> tuple:
    if not positions:
        return data, True
    changed = bytearray(data)
    inside = [position for position in positions if position < len(data) * 8]
    for position in inside:
        changed[position // 8] ^= 1 << position % 8
    return bytes(changed), not _odd_in_some_byte(inside)


def _odd_in_some_byte(positions: tuple | list) -> bool:
    """Return True if a byte has an odd number of flipped bits, which its parity bit detects."""
    counts = {}
    for position in positions:
        counts[position // 8] = counts.get(position // 8, 0) + 1
    return any(count % 2 for count in counts.values())
