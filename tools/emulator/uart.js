// The UART of the RP2040: an Arm PL011 with FIFOs of 32 bytes (RP2040 data sheet, section 4.2).
//
// Each byte takes its time on the wire, in both directions. The interrupts follow transitions, as the data sheet says:
// TX when the FIFO empties down to its level, RX when the FIFO fills up to its level, the receive time-out when bytes
// wait and the line is silent for 32 bits. A byte reaches the part only if the transmit pin has the function of the
// UART, and comes in only if the receive pin has it. Breaks, parity and flow control are not modelled, nor is DMA.

import { BasePeripheral } from "rp2040js";

const FIFO_DEPTH = 32;
const TIME_OUT_BITS = 32;
const FUNCTION_UART = 2;

const DATA = 0x00;
const ERRORS = 0x04;
const FLAGS = 0x18;
const DIVIDER = 0x24;
const DIVIDER_FRACTION = 0x28;
const LINE_CONTROL = 0x2c;
const CONTROL = 0x30;
const LEVELS = 0x34;
const MASK = 0x38;
const RAW_STATUS = 0x3c;
const MASKED_STATUS = 0x40;
const CLEAR = 0x44;
const DMA_CONTROL = 0x48;
const IDENTIFICATION = 0xfe0;
const IDENTITY = [0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1];

const TX_EMPTY = 1 << 7;
const RX_FULL = 1 << 6;
const TX_FULL = 1 << 5;
const RX_EMPTY = 1 << 4;
const BUSY = 1 << 3;

const FIFOS_ENABLED = 1 << 4;
const TWO_STOPS = 1 << 3;
const PARITY = 1 << 1;

const ENABLED = 1 << 0;
const LOOPED_BACK = 1 << 7;
const TX_ENABLED = 1 << 8;
const RX_ENABLED = 1 << 9;

const RX = 1 << 4;
const TX = 1 << 5;
const TIME_OUT = 1 << 6;
const OVERRUN = 1 << 10;
const ALL_INTERRUPTS = 0x7ff;

const OVERRUN_IN_DATA = 1 << 11;
const OVERRUN_IN_ERRORS = 1 << 3;

/** Bytes in a FIFO at each setting of UARTIFLS: an eighth, a quarter, a half, three quarters, seven eighths. */
const LEVEL_BYTES = [4, 8, 16, 24, 28];

/** Time of a byte to a chip that has set no rate yet, which hears none: 10 bits at 115,200 baud. */
const UNSET_BYTE_NANOS = 86_806;

const BLOCKS = [0x40034, 0x40038];
const RESETS = 0x4000c;
const RESET_BIT = 22;

export class Uart extends BasePeripheral {
  constructor(rp2040, index) {
    super(rp2040, `UART${index}`);
    this.interrupt = rp2040.uart[index].irq;
    /** Pins of the part at the line, or null without one. `onByte(byte)` is called at the end of its stop bit. */
    this.pins = null;
    this.onByte = () => {};
    /** Bytes on the way to the chip. */
    this.arriving = [];
    this.sent = rp2040.clock.createAlarm(() => this.endSending());
    this.arrival = rp2040.clock.createAlarm(() => this.endArriving());
    this.silence = rp2040.clock.createAlarm(() => this.raise(TIME_OUT));
    this.reset();
  }

  /** Take the state that the reset controller gives the block. */
  reset() {
    this.divider = 0;
    this.fraction = 0;
    this.lineControl = 0;
    this.control = RX_ENABLED | TX_ENABLED;
    this.levels = 0x12;
    this.mask = 0;
    this.status = 0;
    this.dmaControl = 0;
    this.errors = 0;
    this.hasOverrun = false;
    this.outgoing = [];
    this.incoming = [];
    this.shifting = null;
    for (const alarm of [this.sent, this.silence]) alarm.cancel();
    this.update();
  }

  get depth() {
    return this.lineControl & FIFOS_ENABLED ? FIFO_DEPTH : 1;
  }

  /** Bytes in the transmit FIFO at and below which it asks for more. */
  get txLevel() {
    return this.depth === 1 ? 0 : LEVEL_BYTES[Math.min(this.levels & 7, LEVEL_BYTES.length - 1)];
  }

  /** Bytes in the receive FIFO at which it asks to be read. */
  get rxLevel() {
    return this.depth === 1 ? 1 : LEVEL_BYTES[Math.min((this.levels >>> 3) & 7, LEVEL_BYTES.length - 1)];
  }

  get bitNanos() {
    return (16 * (this.divider + this.fraction / 64) * 1e9) / this.rp2040.clkPeri;
  }

  get byteNanos() {
    const dataBits = 5 + ((this.lineControl >>> 5) & 3);
    const stopBits = this.lineControl & TWO_STOPS ? 2 : 1;
    return (1 + dataBits + (this.lineControl & PARITY ? 1 : 0) + stopBits) * this.bitNanos;
  }

  allows(direction) {
    return (this.control & ENABLED) !== 0 && (this.control & direction) !== 0 && this.bitNanos > 0;
  }

  hasPin(pin) {
    return this.pins !== null && this.rp2040.gpio[pin].functionSelect === FUNCTION_UART;
  }

  // The chip's end

  readUint32(offset) {
    switch (offset) {
      case DATA:
        return this.take();
      case ERRORS:
        return this.errors;
      case FLAGS:
        return this.flags();
      case DIVIDER:
        return this.divider;
      case DIVIDER_FRACTION:
        return this.fraction;
      case LINE_CONTROL:
        return this.lineControl;
      case CONTROL:
        return this.control;
      case LEVELS:
        return this.levels;
      case MASK:
        return this.mask;
      case RAW_STATUS:
        return this.status;
      case MASKED_STATUS:
        return this.status & this.mask;
      case CLEAR:
        return 0;
      case DMA_CONTROL:
        return this.dmaControl;
    }
    if (offset >= IDENTIFICATION) return IDENTITY[(offset - IDENTIFICATION) / 4];
    return super.readUint32(offset);
  }

  writeUint32(offset, value) {
    switch (offset) {
      case DATA:
        return this.put(value & 0xff);
      case ERRORS:
        this.errors = 0;
        return;
      case DIVIDER:
        this.divider = value & 0xffff;
        return;
      case DIVIDER_FRACTION:
        this.fraction = value & 0x3f;
        return;
      case LINE_CONTROL:
        this.lineControl = value & 0xff;
        return;
      case CONTROL:
        this.control = value;
        this.sendNext();
        return;
      case LEVELS:
        this.levels = value & 0x3f;
        return;
      case MASK:
        this.mask = value & ALL_INTERRUPTS;
        return this.update();
      case CLEAR:
        this.status &= ~this.rawWriteValue;
        return this.update();
      case DMA_CONTROL:
        this.dmaControl = value;
        return;
    }
    super.writeUint32(offset, value);
  }

  flags() {
    const { outgoing, incoming, depth } = this;
    return (
      (outgoing.length === 0 ? TX_EMPTY : 0) |
      (outgoing.length >= depth ? TX_FULL : 0) |
      (incoming.length === 0 ? RX_EMPTY : 0) |
      (incoming.length >= depth ? RX_FULL : 0) |
      (outgoing.length || this.shifting !== null ? BUSY : 0)
    );
  }

  put(byte) {
    if (this.outgoing.length < this.depth) this.outgoing.push(byte);
    if (this.outgoing.length > this.txLevel) this.lower(TX);
    this.sendNext();
  }

  take() {
    const entry = this.incoming.shift() ?? 0;
    this.errors = entry >>> 8;
    if (this.incoming.length < this.rxLevel) this.lower(RX);
    if (!this.incoming.length) {
      this.silence.cancel();
      this.lower(TIME_OUT);
    }
    return entry;
  }

  raise(interrupts) {
    this.status |= interrupts;
    this.update();
  }

  lower(interrupts) {
    this.status &= ~interrupts;
    this.update();
  }

  update() {
    this.rp2040.setInterrupt(this.interrupt, (this.status & this.mask) !== 0);
  }

  // The wire

  sendNext() {
    if (this.shifting !== null || !this.outgoing.length || !this.allows(TX_ENABLED)) return;
    const before = this.outgoing.length;
    this.shifting = this.outgoing.shift();
    this.sent.schedule(this.byteNanos);
    if (before > this.txLevel && this.outgoing.length <= this.txLevel) this.raise(TX);
  }

  endSending() {
    const byte = this.shifting;
    this.shifting = null;
    if (this.control & LOOPED_BACK) this.receive(byte);
    else if (this.hasPin(this.pins?.tx)) this.onByte(byte);
    this.sendNext();
  }

  /** Send bytes to the chip, behind those that are on their way. */
  send(bytes) {
    this.arriving.push(...bytes);
    if (!this.arrival.scheduled) this.scheduleArrival();
  }

  scheduleArrival() {
    if (this.arriving.length) this.arrival.schedule(this.byteNanos || UNSET_BYTE_NANOS);
  }

  endArriving() {
    this.arrival.scheduled = false;
    const byte = this.arriving.shift();
    if (this.hasPin(this.pins?.rx)) this.receive(byte);
    this.scheduleArrival();
  }

  /** Take a whole byte from the wire: a full FIFO loses it, and the next byte tells so. */
  receive(byte) {
    if (!this.allows(RX_ENABLED)) return;
    if (this.incoming.length >= this.depth) {
      this.hasOverrun = true;
      this.errors |= OVERRUN_IN_ERRORS;
      this.raise(OVERRUN);
    } else {
      this.incoming.push(byte | (this.hasOverrun ? OVERRUN_IN_DATA : 0));
      this.hasOverrun = false;
      if (this.incoming.length === this.rxLevel) this.raise(RX);
    }
    this.silence.schedule(TIME_OUT_BITS * this.bitNanos);
  }
}

/** The UARTs of the chip, and the parts at their pins. */
export class Uarts {
  /** `onByte(index, byte)` is called for each byte from the chip to a part. */
  constructor(onByte) {
    this.onByte = onByte;
    this.pins = BLOCKS.map(() => null);
    this.uarts = [];
  }

  connect(rp2040) {
    const before = this.uarts;
    this.uarts = BLOCKS.map((block, index) => {
      const uart = new Uart(rp2040, index);
      uart.pins = this.pins[index];
      uart.onByte = (byte) => this.onByte(index, byte);
      rp2040.peripherals[block] = uart;
      if (before.length) uart.send(before[index].arriving);
      return uart;
    });
    this.followResets(rp2040.peripherals[RESETS]);
  }

  disconnect() {
    this.uarts = [];
  }

  /** Put a part at the line: the GPIO numbers of the chip's transmit and receive pins. */
  attach(index, tx, rx) {
    this.pins[index] = { tx, rx };
    if (this.uarts.length) this.uarts[index].pins = this.pins[index];
  }

  /** Send bytes of the part. Without supply nobody hears them. */
  send(index, bytes) {
    this.uarts[index]?.send(bytes);
  }

  followResets(resets) {
    const writeUint32 = resets.writeUint32;
    const { uarts } = this;
    resets.writeUint32 = function (offset, value) {
      writeUint32.call(this, offset, value);
      if (offset !== 0) return;
      uarts.forEach((uart, index) => value & (1 << (RESET_BIT + index)) && uart.reset());
    };
  }
}
