"""The JEDEC identification of the flash chip that an RP2040 runs from.

The chip answers a serial command. While it is asked, the flash cannot be read by address, so the code that asks runs
from RAM with interrupts off. It follows the boot ROM's own way to program the flash: connect, end the mapping, operate,
flush the cache. Then the second stage of the boot, which was copied from the first page of flash, maps the flash again
as quickly as at the start.

Functions of the boot ROM: RP2040 data sheet, 2.8.3.1; serial port of the flash: 4.10; override of a pin: 2.19.6.2.
"""

# Instructions of MicroPython's assembler are written as calls, registers and labels as names. `str` is one of them.
# pyright: reportUndefinedVariable=false, reportArgumentType=false

from array import array

import micropython
import uctypes
from machine import disable_irq, enable_irq, mem16

_ROM_TABLE = 0x14
_ROM_LOOKUP = 0x18
_XIP = 0x10000000
_SECOND_STAGE_BYTES = 256
_RESIDENT_BYTES = 256
_SERIAL_PORT = 0x18000000
_SELECT_CONTROL = 0x4001800C
_THUMB = 1


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


# The words at r0, by their offset in bytes.
#  0 connect  4 end the mapping  8 flush the cache: the boot ROM's functions  12 the second stage in RAM
# 16 serial port  20 control of the select wire  24 room for the code in RAM
# The instructions from RESIDENT to COPY are copied into that room and run there. They name no address of their own.
@micropython.asm_thumb
def _identify(r0):  # noqa: ANN001, ANN202
    mov(r7, r0)
    mov(r1, pc)  # the address of the instruction after the next one
    b(COPY)
    label(RESIDENT)
    push({r4, lr})
    ldr(r4, [r7, 0])
    bl(CALL)
    ldr(r4, [r7, 4])
    bl(CALL)
    ldr(r4, [r7, 20])
    ldr(r0, [r4, 0])
    mov(r1, 3)
    lsl(r1, r1, 8)
    bic(r0, r1)
    mov(r1, 2)
    lsl(r1, r1, 8)
    orr(r0, r1)
    str(r0, [r4, 0])  # the chip is selected
    ldr(r6, [r7, 16])
    mov(r0, 0x9F)
    str(r0, [r6, 0x60])
    mov(r0, 0)
    str(r0, [r6, 0x60])
    str(r0, [r6, 0x60])
    str(r0, [r6, 0x60])
    mov(r5, 0)
    mov(r3, 4)
    mov(r2, 8)
    label(RECEIVE)
    ldr(r0, [r6, 0x28])
    tst(r0, r2)
    beq(RECEIVE)
    ldr(r0, [r6, 0x60])
    lsl(r5, r5, 8)  # the frame that answers the command leaves the word at its top
    orr(r5, r0)
    sub(r3, 1)
    bne(RECEIVE)
    ldr(r0, [r4, 0])
    mov(r1, 3)
    lsl(r1, r1, 8)
    orr(r0, r1)
    str(r0, [r4, 0])  # the chip is released
    ldr(r4, [r7, 8])
    bl(CALL)
    ldr(r4, [r7, 12])
    bl(CALL)
    pop({r4, pc})
    label(CALL)
    bx(r4)
    label(COPY)
    mov(r3, pc)
    ldr(r2, [r7, 24])
    label(HALFWORD)
    ldrh(r0, [r1, 0])
    strh(r0, [r2, 0])
    add(r1, 2)
    add(r2, 2)
    cmp(r1, r3)
    bne(HALFWORD)
    ldr(r4, [r7, 24])
    add(r4, 1)
    bl(RUN)
    b(END)
    label(RUN)
    bx(r4)
    label(END)
    mov(r0, r5)


def read_identification() -> int:
    """Return the three bytes with which the chip answers the command 9Fh, as one number."""
    second_stage = bytearray(uctypes.bytearray_at(_XIP, _SECOND_STAGE_BYTES))
    resident = bytearray(_RESIDENT_BYTES)
    words = array(
        "I",
        [_rom_function(name) for name in ("IF", "EX", "FC")]
        + [uctypes.addressof(second_stage) | _THUMB, _SERIAL_PORT, _SELECT_CONTROL, uctypes.addressof(resident)],
    )
    interrupts = disable_irq()
    answer = _identify(words)
    enable_irq(interrupts)
    return answer & 0xFFFFFF


def _rom_function(name: str) -> int:
    return _call(mem16[_ROM_LOOKUP], mem16[_ROM_TABLE], ord(name[0]) | ord(name[1]) << 8)
