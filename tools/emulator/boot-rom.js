// The boot ROM of the RP2040, in JavaScript.
//
// The mask ROM cannot be shipped here, so each of its functions is two instructions, `BKPT n; BX LR`. The
// breakpoint stops the core while JavaScript does the work. Firmware finds functions by the documented way: through the
// well-known words at 0x10 to 0x18 and the lookup function (RP2040 data sheet, section 2.8.3).
// The times of the flash are in flash.js and those of the floating point in soft-float.js. The estimates of all other
// times are below.

import { singleRoutines, doubleRoutines } from "./soft-float.js";

const FUNCTIONS_ADDRESS = 0x0200;
const FUNCTION_TABLE_ADDRESS = 0x0100;
const DATA_TABLE_ADDRESS = 0x0180;
const SINGLE_TABLE_ADDRESS = 0x0c00;
const DOUBLE_TABLE_ADDRESS = 0x0d00;
const ROM_VERSION = 3;
const BKPT = 0xbe00;
const BX_LR = 0x4770;

const SECOND_STAGE_ADDRESS = 0x20041f00;
const SECOND_STAGE_BYTES = 256;
const RAM_START = 0x20000000;
const XIP_START = 0x10000000;
const BIT_CYCLES = 20;

/** From reset to the second stage: oscillator, flash power-up, 256 bytes read and checked. An estimate. */
export const START_UP_NANOS = 5_000_000;

const code = (text) => text.charCodeAt(0) | (text.charCodeAt(1) << 8);

export class BootRom {
  constructor(machine) {
    this.machine = machine;
    this.handlers = [];
    this.functions = new Map();
    this.data = new Map([
      [code("SF"), SINGLE_TABLE_ADDRESS],
      [code("SD"), DOUBLE_TABLE_ADDRESS],
    ]);
    this.image = new DataView(new ArrayBuffer(16 * 1024));
    this.writeImage();
  }

  writeImage() {
    const { image } = this;
    image.setUint8(0x10, "M".charCodeAt(0));
    image.setUint8(0x11, "u".charCodeAt(0));
    image.setUint8(0x12, 0x01);
    image.setUint8(0x13, ROM_VERSION);
    image.setUint16(0x14, FUNCTION_TABLE_ADDRESS, true);
    image.setUint16(0x16, DATA_TABLE_ADDRESS, true);
    image.setUint16(0x18, this.add((r) => this.lookUp(r)) | 1, true);
    for (const [name, routine] of Object.entries(this.namedRoutines())) {
      this.functions.set(code(name), this.add(routine));
    }
    this.writeFloatTable(SINGLE_TABLE_ADDRESS, singleRoutines);
    this.writeFloatTable(DOUBLE_TABLE_ADDRESS, doubleRoutines);
  }

  /** Put the two instructions of a function into the ROM. Return its address. */
  add(routine) {
    const number = this.handlers.push(routine) - 1;
    const address = FUNCTIONS_ADDRESS + number * 4;
    this.image.setUint16(address, BKPT | number, true);
    this.image.setUint16(address + 2, BX_LR, true);
    return address;
  }

  writeFloatTable(address, routines) {
    this.image.setUint8(address - 2, routines.length);
    routines.forEach(([name, cycles, routine], index) => {
      const handler = routine
        ? (registers) => {
            routine(registers);
            return cycles;
          }
        : () => this.machine.lockUp(`boot ROM floating point: ${name}`);
      this.image.setUint32(address + index * 4, this.add(handler) | 1, true);
    });
  }

  lookUp(registers) {
    const found = registers[0] === DATA_TABLE_ADDRESS ? this.data : this.functions;
    const address = found.get(registers[1] & 0xffff) ?? 0;
    registers[0] = found === this.functions && address ? address | 1 : address;
    return 40;
  }

  namedRoutines() {
    const { machine } = this;
    const flash = (operate) => (registers) => {
      if (!this.isCalledFromMemory()) return machine.lockUp("flash changed by code that runs out of flash");
      operate(registers);
      return 100;
    };
    const change = (operate) =>
      flash((registers) => {
        if (!machine.flashPort.takesCommands) return machine.lockUp("flash changed while it is mapped into memory");
        operate(registers);
      });
    return {
      P3: bits((word) => popCount(word)),
      R3: bits((word) => reverse(word)),
      L3: bits((word) => Math.clz32(word)),
      T3: bits((word) => (word ? 31 - Math.clz32(word & -word) : 32)),
      MS: (r) => this.fill(r),
      S4: (r) => this.fill(r),
      MC: (r) => this.copy(r),
      C4: (r) => this.copy(r),
      IF: flash(() => machine.flashPort.connect()),
      EX: flash(() => machine.flashPort.exitMapping()),
      FC: () => {
        machine.flashPort.flush();
        return 20;
      },
      CX: flash(() => machine.flashPort.enterSerialMapping()),
      RE: change((r) => machine.flash.eraseRange(r[0], r[1], r[2])),
      RP: change((r) => this.programRange(r[0], r[1], r[2])),
      UB: () => machine.lockUp("the boot ROM waits for a program over USB"),
    };
  }

  /** Run the function of breakpoint `number` at `address`. Return false for a breakpoint outside the ROM. */
  call(number, address, registers) {
    if (address !== FUNCTIONS_ADDRESS + number * 4 || number >= this.handlers.length) return false;
    this.machine.chargeCycles(this.handlers[number](registers) ?? 0);
    return true;
  }

  fill(registers) {
    const [destination, value, count] = registers;
    const { rp2040 } = this.machine;
    const start = destination - RAM_START;
    if (start >= 0 && start + count <= rp2040.sram.length) {
      rp2040.sram.fill(value & 0xff, start, start + count);
    } else {
      for (let i = 0; i < count; i++) rp2040.writeUint8(destination + i, value & 0xff);
    }
    return 20 + count;
  }

  copy(registers) {
    const [destination, source, count] = registers;
    const { rp2040 } = this.machine;
    const start = destination - RAM_START;
    const bytes = start >= 0 && start + count <= rp2040.sram.length ? this.memory(source, count) : null;
    if (bytes) {
      rp2040.sram.set(bytes, start);
    } else {
      for (let i = 0; i < count; i++) rp2040.writeUint8(destination + i, rp2040.readUint8(source + i));
    }
    return 20 + Math.ceil(count * 1.25);
  }

  /** Return true if the caller runs from RAM: a flash that is busy or out of its reading mode gives no instructions. */
  isCalledFromMemory() {
    const { rp2040 } = this.machine;
    const offset = rp2040.core.LR - RAM_START;
    return offset >= 0 && offset < rp2040.sram.length;
  }

  /** Return RAM or flash as an array of bytes, or null for any other address. */
  memory(address, count) {
    const { rp2040 } = this.machine;
    for (const [start, bytes] of [[RAM_START, rp2040.sram], [XIP_START, rp2040.flash]]) {
      const offset = address - start;
      if (offset >= 0 && offset + count <= bytes.length) return bytes.subarray(offset, offset + count);
    }
    return null;
  }

  programRange(offset, source, count) {
    // The flash cannot be read during a program: the real chip reads random values or hangs.
    const ramOffset = source - RAM_START;
    const { rp2040, flash } = this.machine;
    if (ramOffset < 0 || ramOffset + count > rp2040.sram.length) {
      return this.machine.lockUp(`flash programmed from 0x${source.toString(16)}, which is not RAM`);
    }
    flash.programRange(offset, rp2040.sram.slice(ramOffset, ramOffset + count));
  }

  /** Start as the ROM does after a reset: check the second stage in flash, copy it to RAM and go there. */
  start() {
    const { rp2040, flash } = this.machine;
    const secondStage = flash.bytes.subarray(0, SECOND_STAGE_BYTES);
    const view = new DataView(secondStage.buffer, secondStage.byteOffset, SECOND_STAGE_BYTES);
    if (crc32(secondStage.subarray(0, 252)) !== view.getUint32(252, true)) {
      this.machine.lockUp("no valid second stage in flash: the boot ROM waits for a program over USB");
      return;
    }
    this.machine.flashPort.prepareSecondStage();
    rp2040.sram.set(secondStage, SECOND_STAGE_ADDRESS - RAM_START);
    rp2040.core.LR = 0;
    rp2040.core.SP = SECOND_STAGE_ADDRESS;
    rp2040.core.PC = SECOND_STAGE_ADDRESS;
  }
}

const bits = (compute) => (registers) => {
  registers[0] = compute(registers[0]);
  return BIT_CYCLES;
};

function popCount(word) {
  let count = 0;
  for (let rest = word; rest; rest &= rest - 1) count++;
  return count;
}

function reverse(word) {
  let reversed = 0;
  for (let i = 0; i < 32; i++) reversed = (reversed << 1) | ((word >>> i) & 1);
  return reversed;
}

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let i = 0; i < 8; i++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}
