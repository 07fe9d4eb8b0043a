"""Program that writes a new image into the flash of an RP2040 while MicroPython runs from that flash.

`wattpurse deploy` sends this file with a call at its end. First the image is staged in flash that neither the running
MicroPython nor the meter's ring uses, and is read back. Then code in RAM moves it to the start of the flash, with
interrupts off, because the move overwrites the running MicroPython. The boot ROM starts an image that has a valid
second stage in its first page; otherwise it waits for an image over USB. The first page is made invalid first and
written last: a power cut during the move leaves a board that asks for an image, and never runs part of one. Each sector
is read back, and is written again until it is right. If it never is, the watchdog resets the chip.

Functions of the boot ROM: RP2040 data sheet, 2.8.3.1.3; watchdog: 4.7.6; blocks that a reset covers: 2.13.4.
"""

import hashlib
import time
from array import array
from binascii import a2b_base64, hexlify

import micropython
import uctypes
from machine import mem16

XIP = 0x10000000
SECTOR = 4096

_ROM_TABLE = 0x14
_ROM_LOOKUP = 0x18
_BLOCK = 65536
_WATCHDOG_LOAD = 0x40058004
_WATCHDOG_LONGEST = 0xFFFFFF
_WATCHDOG_SET_CONTROL = 0x4005A000
_TRIGGER = 1 << 31
_RESET_SELECT = 0x40010008
_ALL_BUT_OSCILLATORS = 0x1FFFC
_PAGE = 256
# Time for mpremote to close the port. It could not close the port of a board that no longer answers.
_FAREWELL_MS = 2_000


# MicroPython's assembler takes bare register names as parameters, without annotations.
@micropython.asm_thumb
def _call(r0, r1, r2):  # noqa: ANN001, ANN202 MicroPython's assembler takes no annotations
    mov(r3, r0)
    mov(r0, r1)
    mov(r1, r2)
    bl(CALL)
    b(END)
    label(CALL)
    bx(r3)
    label(END)


# The words at r0 of _write_sectors, by their offset in bytes.
#  0 connect  4 exit XIP  8 erase  12 program  16 flush cache  20 enter XIP: the boot ROM's functions
# 24 buffer  28 source  32 target in flash  36 offset of the last sector  40 bytes of a sector  44 bytes of a block
# 48 watchdog's load register  52 its longest time  56 whether page 0 goes first and the board is reset in the end
# 60 reset select register  64 blocks to reset  68 watchdog's control register, to set bits in  72 trigger
# 76 bytes of a page  80 bytes of the others of a sector  84 a page of zeros  88 where flash is read
@micropython.asm_thumb
def _write_sectors(r0):  # noqa: ANN001, ANN202
    cpsid(i)
    mov(r7, r0)
    mov(r5, 0)  # offset of the sector at hand
    mov(r6, 0)  # 0: the first page is only made invalid and erased
    ldr(r0, [r7, 56])
    cmp(r0, 0)
    bne(SECTOR_AT_HAND)
    b(LAST)
    label(SECTOR_AT_HAND)
    ldr(r0, [r7, 28])
    add(r0, r0, r5)
    ldr(r1, [r7, 24])
    ldr(r2, [r7, 40])
    label(COPY)
    ldr(r3, [r0, 0])
    str(r3, [r1, 0])
    add(r0, 4)
    add(r1, 4)
    sub(r2, 4)
    bne(COPY)
    ldr(r4, [r7, 0])
    bl(CALL)
    ldr(r4, [r7, 4])
    bl(CALL)
    cmp(r6, 0)
    bne(ERASE)
    ldr(r0, [r7, 32])
    ldr(r1, [r7, 84])
    ldr(r2, [r7, 76])
    ldr(r4, [r7, 12])
    bl(CALL)
    label(ERASE)
    ldr(r0, [r7, 32])
    add(r0, r0, r5)
    ldr(r1, [r7, 40])
    ldr(r2, [r7, 44])
    mov(r3, 0xD8)
    ldr(r4, [r7, 8])
    bl(CALL)
    cmp(r6, 0)
    beq(READABLE)
    ldr(r3, [r7, 76])
    ldr(r0, [r7, 32])
    add(r0, r0, r5)
    add(r0, r0, r3)
    ldr(r1, [r7, 24])
    add(r1, r1, r3)
    ldr(r2, [r7, 80])
    ldr(r4, [r7, 12])
    bl(CALL)
    ldr(r0, [r7, 32])
    add(r0, r0, r5)
    ldr(r1, [r7, 24])
    ldr(r2, [r7, 76])
    ldr(r4, [r7, 12])
    bl(CALL)
    label(READABLE)
    ldr(r4, [r7, 16])
    bl(CALL)
    ldr(r4, [r7, 20])
    bl(CALL)
    cmp(r6, 0)
    beq(RIGHT)
    ldr(r0, [r7, 88])
    ldr(r1, [r7, 32])
    add(r0, r0, r1)
    add(r0, r0, r5)
    ldr(r1, [r7, 24])
    ldr(r2, [r7, 40])
    label(COMPARE)
    ldr(r3, [r0, 0])
    ldr(r4, [r1, 0])
    cmp(r3, r4)
    beq(SAME)
    b(SECTOR_AT_HAND)
    label(SAME)
    add(r0, 4)
    add(r1, 4)
    sub(r2, 4)
    bne(COMPARE)
    label(RIGHT)
    ldr(r0, [r7, 48])
    ldr(r1, [r7, 52])
    str(r1, [r0, 0])
    cmp(r6, 0)
    beq(LAST)
    cmp(r5, 0)
    beq(WRITTEN)
    ldr(r0, [r7, 40])
    sub(r5, r5, r0)
    b(SECTOR_AT_HAND)
    label(LAST)
    mov(r6, 1)
    ldr(r5, [r7, 36])
    b(SECTOR_AT_HAND)
    label(CALL)
    bx(r4)
    label(WRITTEN)
    ldr(r0, [r7, 56])
    cmp(r0, 0)
    beq(END)
    ldr(r0, [r7, 60])
    ldr(r1, [r7, 64])
    str(r1, [r0, 0])
    ldr(r0, [r7, 68])
    ldr(r1, [r7, 72])
    str(r1, [r0, 0])
    label(FOREVER)
    b(FOREVER)
    label(END)
    cpsie(i)


def digest(offset: int, length: int) -> str:
    """Return the SHA-256 of `length` bytes of flash, in hex."""
    sha = hashlib.sha256()
    for start in range(offset, offset + length, SECTOR):
        sha.update(_in_flash(start, min(SECTOR, offset + length - start)))
    return hexlify(sha.digest()).decode()


def stage(offset: int, base64: str) -> None:
    """Write whole sectors, given as text, into flash from `offset` on."""
    content = a2b_base64(base64)
    for start in range(0, len(content), SECTOR):
        _write(uctypes.addressof(content) + start, offset + start, SECTOR, False)


def move_in(offset: int, length: int, expected_digest: str) -> None:
    """Make the staged bytes at `offset` the board's image and start it. Does not return.

    Raises ValueError if their SHA-256 is not the expected one.
    """
    if digest(offset, length) != expected_digest:
        raise ValueError("the staged image differs from the sent one; deploy again")
    time.sleep_ms(_FAREWELL_MS)
    _write(XIP + offset, 0, (length + SECTOR - 1) // SECTOR * SECTOR, True)


def _in_flash(offset: int, length: int) -> bytearray:
    return uctypes.bytearray_at(XIP + offset, length)


def _write(source: int, target: int, length: int, is_image: bool) -> None:
    buffer, zeros = bytearray(SECTOR), bytes(_PAGE)
    words = array(
        "I",
        [_rom_function(name) for name in ("IF", "EX", "RE", "RP", "FC", "CX")]
        + [uctypes.addressof(buffer), source, target, length - SECTOR, SECTOR, _BLOCK]
        + [_WATCHDOG_LOAD, _WATCHDOG_LONGEST, int(is_image)]
        + [_RESET_SELECT, _ALL_BUT_OSCILLATORS, _WATCHDOG_SET_CONTROL, _TRIGGER]
        + [_PAGE, SECTOR - _PAGE, uctypes.addressof(zeros), XIP],
    )
    _write_sectors(words)


def _rom_function(name: str) -> int:
    return _call(mem16[_ROM_LOOKUP], mem16[_ROM_TABLE], ord(name[0]) | ord(name[1]) << 8)
