"""A payment from a key card on DESFire, in the slot of a meter that meters 100 A.

desfire_debit_ratio: from REQA to the answer to the commit, in a look in which the card pays: selection, RATS,
authentication, reading, debit, statement, commit. It is compared with the time on the air, of AES and of flash (the
meter notes the payment first). The time of AES is the number of keys set and blocks done for such a payment, counted on
this computer, times the times of both on the chip. The card itself takes no time for its commands.
desfire_ev2_debit_ratio: the same with a card of EV2, with which the meter speaks the messaging of EV2.
desfire_heap_bytes: `gc.mem_free()` three seconds after a start without a card, less the same after some payments.
desfire_loop_block_max_ms: the longest step of any task, as `loop` measures it, from the first look at the card, which
imports the code for such cards and opens the register of key cards, through payments every half second. Collections of
garbage are in it. A second run reports the steps without them beside the figure.
"""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from boards.host.cards.desfire_chip import EV1, DesfireChip
from boards.host.cards.desfire_ev2 import EV2
from boards.host.chips.aes import aes
from boards.host.chips.random_bits import RandomBits
from wattpurse.cards.desfire import Desfire
from wattpurse.cards.desfire_ev2 import DesfireEv2
from wattpurse.cards.desfire_key_card import DesfireKeyCard
from wattpurse.core.money.key_card import NO_ALLOWANCE, CardContent
from wattpurse.core.seals import desfire_keys
from wattpurse_tools.bench.loop import METER, STEPS, step_lines
from wattpurse_tools.bench.meter import AMPS_100_W, METER_NUMBER, PIN, SITE_KEY, BenchMeter, Measured, Workshop
from wattpurse_tools.bench.tap import Breakdown, Tap, TapObserver, median
from wattpurse_tools.vault import desfire_cards

if TYPE_CHECKING:
    from wattpurse.hal import AesCipher

Result = TypeVar("Result")

_UID = b"\x04\x57\x50\x31\x32\x33\x35"
_VENDING_KEY = b"vending key 0001"
_PRICE = 3_000_000  # a step is due every half second at 100 A
_LOADED = 50_000_000
_PAYMENTS_S = 5
_MEASURED_S = 20  # some payments meet a step of another task, and their median must not depend on chance
_BOOT_S = 3
_COMMIT = 0xC7
_BLOCK = 16
_GUARD_US = 604

_AES = """
import time
from cryptolib import aes
def microseconds(step):
    begun_us = time.ticks_us()
    for _ in range(100):
        step()
    return time.ticks_diff(time.ticks_us(), begun_us)
key, data = bytes(16), bytes(1600)
cipher = aes(key, 2, key)
empty = microseconds(lambda: None)
setting = (microseconds(lambda: aes(key, 2, key)) - empty) / 100
block = (microseconds(lambda: cipher.encrypt(data)) - empty) / 10_000
time.sleep(1_000)
"""

_HEAP = f"""{METER}
found = []
async def main():
    asyncio.create_task(Meter(build_board()).run())
    for pause_s in ({_BOOT_S}, {_BOOT_S + _PAYMENTS_S}):
        await asyncio.sleep_ms(pause_s * 1000)
        gc.collect()
        found.append(gc.mem_free())
    await asyncio.sleep_ms(1_000_000)
asyncio.run(main())
"""


class AesWork(NamedTuple):
    """The number of keys set, and of blocks done."""

    keys: int
    blocks: int


def payments(workshop: Workshop) -> Measured:
    """Measure desfire_debit_ms and desfire_debit_ratio."""
    return _payments(workshop, "desfire", EV1)


def payments_ev2(workshop: Workshop) -> Measured:
    """Measure desfire_ev2_debit_ms and desfire_ev2_debit_ratio."""
    return _payments(workshop, "desfire_ev2", EV2)


def _payments(workshop: Workshop, name: str, hardware_version: int) -> Measured:
    work = _aes_work(hardware_version)
    with workshop.meter(name.replace("_", " ")) as meter:
        _begin(meter)
        observer = TapObserver(meter)
        meter.insert(_new_card(hardware_version))
        meter.run_for(_MEASURED_S)
        observer.end()
        paid = [_payment(tap) for tap in observer.taps() if _commit_of(tap) is not None]
        meter.begin_probe(_AES)
        meter.run_for(3)
        setting_us, block_us = meter.end_probe("(setting, block)")
    if not paid:
        raise ValueError("the card has not paid")
    whole = median(paid)
    aes_ms = (work.keys * setting_us + work.blocks * block_us) / 1000
    floor_ms = whole.radio_ms + whole.flash_ms + aes_ms
    version = "EV1" if hardware_version == EV1 else "EV2"
    notes = [f"A payment from a key card on DESFire {version}, the median of {len(paid)}, from REQA to its commit:"]
    notes += whole.lines()
    notes.append(
        f"{aes_ms:8.2f} ms of that AES: {work.keys} keys of {setting_us:.0f} us, {work.blocks} blocks of"
        f" {block_us:.0f} us"
    )
    return {f"{name}_debit_ms": whole.total_ms, f"{name}_debit_ratio": whole.total_ms / floor_ms}, notes


def heap(workshop: Workshop) -> Measured:
    """Measure desfire_heap_bytes."""
    with workshop.meter("desfire heap") as meter:
        _begin(meter)
        meter.begin_probe(_HEAP)
        meter.run_for(_BOOT_S + 1)
        meter.insert(_new_card())
        meter.run_for(_BOOT_S + _PAYMENTS_S)
        before, after = meter.end_probe("found")
    return {"desfire_heap_bytes": before - after}, []


def steps(workshop: Workshop) -> Measured:
    """Measure desfire_loop_block_max_ms."""
    longest_us, collection_us = _steps_of_payments(workshop, True)
    without_us, _ = _steps_of_payments(workshop, False)
    notes = ["Longest step while a DESFire card is met and pays, without erases, with and without collections:"]
    notes += step_lines(longest_us, without_us, collection_us)
    return {"desfire_loop_block_max_ms": max(longest_us.values()) / 1000}, notes


def _steps_of_payments(workshop: Workshop, collects_in_steps: bool) -> tuple[dict[str, int], int]:
    """Return the longest step of each task and the longest collection begun by the meter itself, in microseconds."""
    with workshop.meter("desfire steps") as meter:
        _begin(meter)
        meter.begin_probe(f"COLLECTS_IN_STEPS = {collects_in_steps}\n{STEPS}")
        meter.run_for(_BOOT_S + 1)
        meter.insert(_new_card())
        meter.run_for(2 * _PAYMENTS_S)
        return meter.end_probe("(longest, collections_us[0])")


def _begin(meter: BenchMeter) -> None:
    meter.start()
    meter.type_line("login " + PIN)
    meter.type_line("contract set key-card")
    meter.source.set_load_w(AMPS_100_W)


def _payment(tap: Tap) -> Breakdown:
    """Return the time from the request to the answer to the commit."""
    return tap.part(0, _commit_of(tap) or 0, _GUARD_US)


def _commit_of(tap: Tap) -> int | None:
    for place, frame in enumerate(tap.frames):
        if len(frame.data) > 1 and frame.data[0] & 0xFE == 0x02 and frame.data[1] == _COMMIT:
            return place
    return None


class _Direct:
    """A transport straight to the model of a card."""

    def __init__(self, chip: DesfireChip) -> None:
        self._chip = chip

    async def transceive(self, command: bytes, meanwhile: Callable[[], object] | None = None) -> bytes:
        """Return the card's answer."""
        if meanwhile is not None:
            meanwhile()
        return self._chip.application(command)


class _CountingAes:
    """`cryptolib.aes`, with a count of its work."""

    def __init__(self) -> None:
        self.keys = 0
        self.blocks = 0

    def __call__(self, key: bytes, mode: int, *iv: bytes) -> "_CountingCipher":
        """Return a cipher that is counted."""
        self.keys += 1
        return _CountingCipher(self, aes(key, mode, *iv))


class _CountingCipher:
    def __init__(self, counts: _CountingAes, cipher: "AesCipher") -> None:
        self._counts = counts
        self._cipher = cipher

    def encrypt(self, data: bytes) -> bytes:
        """Encrypt, and count the blocks."""
        self._counts.blocks += len(data) // _BLOCK
        return self._cipher.encrypt(data)

    def decrypt(self, data: bytes) -> bytes:
        """Decrypt, and count the blocks."""
        self._counts.blocks += len(data) // _BLOCK
        return self._cipher.decrypt(data)


def _new_card(hardware_version: int = EV1) -> DesfireChip:
    """Return a key card with money on it, made as the vault makes it."""
    bits = RandomBits(1)
    chip = DesfireChip(_UID, b"", lambda count: bytes([bits(8) for _ in range(count)]), hardware_version)
    own = desfire_cards.CardKeys(
        1,
        desfire_keys.master_key(aes, _VENDING_KEY, _UID),
        desfire_keys.debit_key(aes, SITE_KEY, _UID),
        desfire_keys.credit_key(aes, _VENDING_KEY, _UID),
        desfire_keys.identify_key(aes, SITE_KEY),
    )
    card = DesfireEv2(_Direct(chip), aes, lambda count: bytes([bits(8) for _ in range(count)]))
    content = CardContent(1, _LOADED, 0, _PRICE, (0, NO_ALLOWANCE, 0, 0), 0)
    _finish(desfire_cards.make_card(card, own, content, is_new=True))
    return chip


def _aes_work(hardware_version: int) -> AesWork:
    """Return the work of one payment, from the derivation of the card's key to the proof of the commit."""
    counts = _CountingAes()
    commands = Desfire if hardware_version == EV1 else DesfireEv2
    card = DesfireKeyCard(commands(_Direct(_new_card(hardware_version)), counts, bytes), counts, _UID)
    content = _finish(card.read_content((SITE_KEY,)))
    content.spent += 10_000
    content.version += 1
    _finish(card.deduct(content, METER_NUMBER))
    return AesWork(counts.keys, counts.blocks)


def _finish(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("a card in memory does not wait")
