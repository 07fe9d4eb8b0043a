// The serial port of the flash (SSI, RP2040 data sheet 4.10), the wire that selects the chip (2.19.6.2), and the serial
// commands of the chip, a W25Q16JV (its data sheet, 8.2).
//
// The flash can be read by address only while port and chip agree on a mode: see `isMapped`. A frame that was
// written into the port takes its time on the wire. It reaches the chip at its end, and only if the chip is selected
// then. Unless software forces the wire, the port selects the chip at its first frame and releases it when it has
// nothing left to send.
//
// A use that is not modelled here locks the chip up. It never answers something that a real one may not answer.

import { BasePeripheral } from "rp2040js";

export const IDENTIFICATION = [0xef, 0x40, 0x15];
const UNIQUE_ID = [0xe6, 0x62, 0x48, 0x10, 0x93, 0x5b, 0x2c, 0x27];
const READ_IDENTIFICATION = 0x9f;
const READ_UNIQUE_ID = 0x4b;
const UNIQUE_ID_DUMMIES = 4;
const READ_STATUS = 0x05;
const READ_STATUS_2 = 0x35;
const READ_STATUS_3 = 0x15;
const READ_DATA = 0x03;
const FAST_READ_QUAD = 0xeb;
// The chip of a Pico has the ending IQ: its bit QE is set in the factory and cannot be cleared.
const STATUS = { [READ_STATUS]: 0x00, [READ_STATUS_2]: 0x02, [READ_STATUS_3]: 0x60 };

const CTRLR0 = 0x00;
const CTRLR1 = 0x04;
const SSIENR = 0x08;
const SER = 0x10;
const BAUDR = 0x14;
const TXFTLR = 0x18;
const RXFTLR = 0x1c;
const TXFLR = 0x20;
const RXFLR = 0x24;
const SR = 0x28;
const IDR = 0x58;
const VERSION = 0x5c;
const DR0 = 0x60;
const RX_SAMPLE_DLY = 0xf0;
const SPI_CTRLR0 = 0xf4;
const TXD_DRIVE_EDGE = 0xf8;

const FIFO_FRAMES = 16;
const BUSY = 1 << 0;
const SEND_NOT_FULL = 1 << 1;
const SEND_EMPTY = 1 << 2;
const RECEIVED_ANY = 1 << 3;
const RECEIVED_FULL = 1 << 4;

const SEND_AND_RECEIVE = 0;
const READ_AFTER_COMMAND = 3;
const SERIAL = 0;
const QUAD = 2;
const SERIAL_FRAMES = 7 << 16;
const MAPPED_FRAMES = (31 << 16) | (READ_AFTER_COMMAND << 8);
const INSTRUCTION_OF_8 = 2 << 8;
const ADDRESS_OF_24 = 6 << 2;
const QUAD_ADDRESS_NIBBLES = 8;
const QUAD_WAIT_CYCLES = 4;
const ROM_DIVIDER = 6;

const SELECT_CONTROL = 0x0c;
const CONTROL_LAST = 0x2c;
const OVERRIDE_SHIFT = 8;
const NORMAL = 0;
const LOW = 2;
const HIGH = 3;
const FUNCTION_NONE = 0x1f;

/** The mode bits M5 and M4 are 1 and 0: the chip expects no instruction before its next address. */
const isContinuous = (mode) => (mode & 0x30) === 0x20;

/** The chip at the far end of the wires. */
class SerialChip {
  constructor(machine) {
    this.machine = machine;
    /** True while the chip takes an address with mode bits, and no instruction. */
    this.continuous = false;
    this.bytes = 0;
    this.command = 0;
  }

  select() {
    this.bytes = 0;
  }

  /** Shift one byte in. Return the byte that the chip shifts out meanwhile. */
  exchange(byte) {
    const place = this.bytes++;
    if (this.continuous) return this.undefinedByte();
    if (place === 0) {
      this.command = byte;
      return this.undefinedByte();
    }
    if (this.command in STATUS) return STATUS[this.command];
    if (this.command === READ_IDENTIFICATION) return IDENTIFICATION[place - 1] ?? this.undefinedByte();
    if (this.command === READ_UNIQUE_ID) return UNIQUE_ID[place - 1 - UNIQUE_ID_DUMMIES] ?? this.undefinedByte();
    this.machine.lockUp(`flash command 0x${this.command.toString(16)}, which is not modelled`);
    return 0;
  }

  /** Read four bytes over four wires, after `instruction` and an address with mode bits. */
  readQuad(instruction, address) {
    if (this.continuous || instruction !== FAST_READ_QUAD) return null;
    this.continuous = isContinuous(address & 0xff);
    const { bytes } = this.machine.flash;
    return [0, 1, 2, 3].reduce((word, i) => (word << 8) | bytes[((address >>> 8) + i) % bytes.length], 0) >>> 0;
  }

  undefinedByte() {
    return this.machine.random() & 0xff;
  }
}

export class FlashPort extends BasePeripheral {
  constructor(machine, rp2040) {
    super(rp2040, "SSI");
    this.machine = machine;
    this.chip = new SerialChip(machine);
    this.registers = new Map([CTRLR0, CTRLR1, SSIENR, SER, BAUDR, TXFTLR, RXFTLR, SPI_CTRLR0].map((at) => [at, 0]));
    this.registers.set(RX_SAMPLE_DLY, 0).set(TXD_DRIVE_EDGE, 0);
    /** Frames on their way: { value, start, end, isFirst }, in ns. */
    this.sending = [];
    this.received = [];
    /** Frames that wait for the rest of an instruction and its address. */
    this.opening = [];
    this.endNanos = 0;
    this.wires = new SelectWire(this);
  }

  get enabled() {
    return this.registers.get(SSIENR) === 1 && this.registers.get(SER) === 1;
  }

  field(register, shift, bits) {
    return (this.registers.get(register) >>> shift) & ((1 << bits) - 1);
  }

  /**
   * True while a read of an address in flash reaches the chip: the port translates it into what the chip expects, a
   * serial read command, or an address alone in the continuous quad mode. Nothing else may hold the chip's select wire.
   */
  get isMapped() {
    if (!this.enabled || !this.wires.isFree || this.field(CTRLR0, 8, 2) !== READ_AFTER_COMMAND) return false;
    const isSerial = this.field(CTRLR0, 21, 2) === SERIAL;
    const instruction = this.registers.get(SPI_CTRLR0) & (0x3 << 8);
    const [nibbles, wait, command] = [
      this.field(SPI_CTRLR0, 2, 4),
      this.field(SPI_CTRLR0, 11, 5),
      this.field(SPI_CTRLR0, 24, 8),
    ];
    if (isSerial) {
      return !this.chip.continuous && instruction === INSTRUCTION_OF_8 && nibbles === 6 && command === READ_DATA;
    }
    const isQuad = this.field(CTRLR0, 21, 2) === QUAD && instruction === 0;
    const asChip = nibbles === QUAD_ADDRESS_NIBBLES && wait === QUAD_WAIT_CYCLES && isContinuous(command);
    return isQuad && asChip && this.chip.continuous;
  }

  /** True while the chip takes serial commands from the port, as the boot ROM's erase and program send them. */
  get takesCommands() {
    return this.enabled && this.field(CTRLR0, 8, 2) === SEND_AND_RECEIVE && !this.chip.continuous;
  }

  /** Connect the wires, as the boot ROM does: no pin is forced. */
  connect() {
    this.settle();
    this.wires.connect();
    this.configureSerially();
  }

  /** End the continuous mode of the chip. The select wire stays forced, and commands can be sent. */
  exitMapping() {
    this.settle();
    this.configureSerially();
    this.chip.continuous = false;
    this.wires.force(HIGH);
  }

  /** Leave port and wire as the boot ROM does when it has read the second stage: commands can be sent. */
  prepareSecondStage() {
    this.connect();
    this.exitMapping();
    this.flush();
  }

  /** Return the wire to the port. The flush of the cache itself changes nothing here. */
  flush() {
    this.wires.force(NORMAL);
  }

  /** Map the flash by serial read commands. */
  enterSerialMapping() {
    this.configure(MAPPED_FRAMES, (READ_DATA << 24) | INSTRUCTION_OF_8 | ADDRESS_OF_24);
  }

  configureSerially() {
    this.configure(SERIAL_FRAMES, 0);
    this.registers.set(BAUDR, ROM_DIVIDER);
  }

  configure(control, format) {
    this.clear();
    this.registers.set(CTRLR0, control).set(CTRLR1, 0).set(SPI_CTRLR0, format).set(SER, 1).set(SSIENR, 1);
  }

  clear() {
    this.sending = [];
    this.received = [];
    this.opening = [];
    this.endNanos = 0;
  }

  /** Bring the frames that have ended by now to the chip. */
  settle() {
    const now = this.machine.nanos;
    while (this.sending.length && this.sending[0].end <= now) {
      const frame = this.sending.shift();
      const reply = this.deliver(frame);
      if (reply !== null && this.received.length < FIFO_FRAMES) this.received.push(reply);
    }
  }

  /** Return the frame that is received for a sent one, or null. */
  deliver(frame) {
    if (frame.isFirst && this.wires.isFree) this.chip.select();
    if (!this.wires.selects) return this.machine.random() & 0xff;
    if (frame.instruction === undefined) return this.chip.exchange(frame.value);
    const word = this.chip.readQuad(frame.instruction, frame.value);
    if (word === null) this.machine.lockUp("flash read over four wires that the chip does not expect");
    return word;
  }

  readUint32(offset) {
    this.settle();
    switch (offset) {
      case SR:
        return this.status();
      case TXFLR:
        return this.waiting();
      case RXFLR:
        return this.received.length;
      case DR0:
        return this.received.shift() ?? 0;
      case IDR:
        return 0x51535049;
      case VERSION:
        return 0x3430312a;
    }
    return this.registers.get(offset) ?? super.readUint32(offset);
  }

  waiting() {
    const now = this.machine.nanos;
    return this.opening.length + this.sending.filter(({ start }) => start > now).length;
  }

  status() {
    const waiting = this.waiting();
    const { received } = this;
    return (
      (this.sending.length ? BUSY : 0) |
      (waiting < FIFO_FRAMES ? SEND_NOT_FULL : 0) |
      (waiting ? 0 : SEND_EMPTY) |
      (received.length ? RECEIVED_ANY : 0) |
      (received.length === FIFO_FRAMES ? RECEIVED_FULL : 0)
    );
  }

  writeUint32(offset, value) {
    this.settle();
    if (offset === DR0) return this.send(value);
    if (!this.registers.has(offset)) return super.writeUint32(offset, value);
    if (offset === SSIENR) {
      if (!(value & 1)) this.clear();
      this.registers.set(SSIENR, value & 1);
      return;
    }
    // The port refuses a change of its configuration while it is enabled.
    if (this.registers.get(SSIENR) && offset !== TXFTLR && offset !== RXFTLR) return;
    this.registers.set(offset, value >>> 0);
  }

  send(value) {
    if (!this.enabled || this.waiting() >= FIFO_FRAMES) return;
    const mode = this.field(CTRLR0, 8, 2);
    const format = this.field(CTRLR0, 21, 2);
    const bits = this.field(CTRLR0, 16, 5) + 1;
    if (mode === SEND_AND_RECEIVE && format === SERIAL && bits === 8) return this.start({ value: value & 0xff }, 8);
    if (mode !== READ_AFTER_COMMAND || format !== QUAD || bits !== 32) {
      return this.machine.lockUp("flash port in a mode that is not modelled");
    }
    this.opening.push(value >>> 0);
    if (this.opening.length < 2) return;
    const [instruction, address] = this.opening.splice(0);
    this.start({ instruction: instruction & 0xff, value: address }, 8 + QUAD_ADDRESS_NIBBLES + QUAD_WAIT_CYCLES + 8);
  }

  start(frame, clocks) {
    const now = this.machine.nanos;
    const isFirst = this.endNanos <= now;
    const start = isFirst ? now : this.endNanos;
    this.endNanos = start + (clocks * this.registers.get(BAUDR) * 1e9) / this.rp2040.clkSys;
    this.sending.push({ ...frame, start, end: this.endNanos, isFirst });
  }
}

/** The control registers of the pins at the flash (IO_QSPI), of which the one of the select wire has an effect. */
class SelectWire extends BasePeripheral {
  constructor(port) {
    super(port.rp2040, "IO_QSPI");
    this.port = port;
    this.controls = new Map();
    for (let at = 4; at <= CONTROL_LAST; at += 8) this.controls.set(at, FUNCTION_NONE);
  }

  get override() {
    return (this.controls.get(SELECT_CONTROL) >>> OVERRIDE_SHIFT) & 3;
  }

  get isConnected() {
    return (this.controls.get(SELECT_CONTROL) & FUNCTION_NONE) === 0;
  }

  /** True while the port itself selects the chip and releases it. */
  get isFree() {
    return this.isConnected && this.override === NORMAL;
  }

  /** True while a frame reaches the chip. */
  get selects() {
    return this.isFree || (this.isConnected && this.override === LOW);
  }

  connect() {
    for (const at of this.controls.keys()) this.controls.set(at, 0);
  }

  force(override) {
    const others = this.controls.get(SELECT_CONTROL) & ~(3 << OVERRIDE_SHIFT);
    this.control(SELECT_CONTROL, others | (override << OVERRIDE_SHIFT));
  }

  control(at, value) {
    this.port.settle();
    const wasLow = this.isConnected && this.override === LOW;
    this.controls.set(at, value >>> 0);
    if (this.isConnected && this.override === LOW && !wasLow) this.port.chip.select();
  }

  readUint32(offset) {
    return this.controls.get(offset) ?? super.readUint32(offset);
  }

  writeUint32(offset, value) {
    if (this.controls.has(offset)) this.control(offset, value);
    else super.writeUint32(offset, value);
  }
}
