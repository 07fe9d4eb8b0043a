// The UART by the RP2040 data sheet, without a program: `node --test tools/emulator`.

import assert from "node:assert";
import { test } from "node:test";
import { RP2040 } from "rp2040js";
import { Uarts } from "./uart.js";

const DATA = 0x00;
const ERRORS = 0x04;
const FLAGS = 0x18;
const DIVIDER = 0x24;
const FRACTION = 0x28;
const LINE_CONTROL = 0x2c;
const CONTROL = 0x30;
const LEVELS = 0x34;
const MASK = 0x38;
const RAW_STATUS = 0x3c;
const MASKED_STATUS = 0x40;
const CLEAR = 0x44;

const EIGHT_BITS_IN_FIFOS = 0x70;
const ENABLED = 0x301;
const LOOPED_BACK = 0x80;
const BUSY = 1 << 3;
const RX_EMPTY = 1 << 4;
const TX_FULL = 1 << 5;
const TX_EMPTY = 1 << 7;
const RX = 1 << 4;
const TX = 1 << 5;
const TIME_OUT = 1 << 6;
const OVERRUN = 1 << 10;
const BLOCK = 0x40034000;
const SET = 0x2000;
const FUNCTION_UART = 2;
const BYTE_NANOS = (10 * 16 * (67 + 52 / 64) * 1e9) / 125e6;

/** A UART of 115,200 baud at GPIO 0 and 1, whose interrupts begin at an eighth, and the bytes that it has sent. */
function uartAtPins({ lineControl = EIGHT_BITS_IN_FIFOS, levels = 0, control = ENABLED } = {}) {
  const rp2040 = new RP2040();
  rp2040.logger = { debug() {}, info() {}, warn: assert.fail, error: assert.fail };
  const sent = [];
  const uarts = new Uarts((index, byte) => sent.push({ index, byte, nanos: rp2040.clock.nanos }));
  uarts.attach(0, 0, 1);
  uarts.connect(rp2040);
  for (const pin of [0, 1]) rp2040.gpio[pin].ctrl = FUNCTION_UART;
  const write = (offset, value) => rp2040.writeUint32(BLOCK + offset, value);
  const read = (offset) => rp2040.readUint32(BLOCK + offset);
  write(DIVIDER, 67);
  write(FRACTION, 52);
  write(LINE_CONTROL, lineControl);
  write(LEVELS, levels);
  write(CONTROL, control);
  const pass = (bytes) => rp2040.clock.tick(bytes * BYTE_NANOS + 1);
  return { rp2040, uarts, sent, write, read, pass };
}

test("each byte takes ten bits on the wire", () => {
  const { sent, write, pass } = uartAtPins();
  for (const byte of [0x41, 0x42, 0x43]) write(DATA, byte);
  pass(2.9);
  assert.deepEqual(sent.map(({ byte }) => byte), [0x41, 0x42]);
  pass(0.2);
  assert.deepEqual(sent.map(({ byte }) => byte), [0x41, 0x42, 0x43]);
  assert.ok(Math.abs(sent[2].nanos - 3 * 86_805.6) < 100);
});

test("the flags tell a full FIFO, an empty one and a byte on the wire", () => {
  const { write, read, pass } = uartAtPins();
  assert.equal(read(FLAGS), TX_EMPTY | RX_EMPTY);
  write(DATA, 1);
  assert.equal(read(FLAGS), TX_EMPTY | RX_EMPTY | BUSY, "the first byte is in the shift register");
  for (let i = 0; i < 32; i++) write(DATA, i);
  assert.equal(read(FLAGS), TX_FULL | RX_EMPTY | BUSY);
  write(DATA, 99);
  pass(33);
  assert.equal(read(FLAGS), TX_EMPTY | RX_EMPTY);
});

test("an idle transmitter asks for nothing, and one that empties to its level asks once", () => {
  const { write, read, pass } = uartAtPins();
  write(MASK, TX);
  assert.equal(read(RAW_STATUS), 0);
  for (let i = 0; i < 9; i++) write(DATA, i);
  pass(3.5);
  assert.equal(read(MASKED_STATUS), 0, "five bytes wait");
  pass(1);
  assert.equal(read(MASKED_STATUS), TX, "four bytes wait");
  write(CLEAR, TX);
  pass(20);
  assert.equal(read(RAW_STATUS), 0);
});

test("bytes beyond the level withdraw the request for bytes", () => {
  const { write, read, pass } = uartAtPins();
  for (let i = 0; i < 6; i++) write(DATA, i);
  pass(1.5);
  assert.equal(read(RAW_STATUS), TX);
  write(DATA, 6);
  assert.equal(read(RAW_STATUS), 0);
});

test("a FIFO that fills to its level asks to be read, until it is read below", () => {
  const { uarts, read, pass } = uartAtPins({ levels: 0b011_000 });
  uarts.send(0, Buffer.alloc(30, 7));
  pass(23.5);
  assert.equal(read(RAW_STATUS), 0);
  pass(1);
  assert.equal(read(RAW_STATUS), RX);
  assert.equal(read(DATA), 7);
  assert.equal(read(RAW_STATUS), 0);
});

test("bytes that wait below the level are told after 32 silent bits", () => {
  const { rp2040, uarts, read, write, pass } = uartAtPins();
  write(MASK, TIME_OUT);
  uarts.send(0, Buffer.from("ok"));
  pass(2 + 3.1);
  assert.equal(read(MASKED_STATUS), 0);
  pass(0.2);
  assert.equal(read(MASKED_STATUS), TIME_OUT);
  assert.ok(rp2040.core.pendingInterrupts & (1 << 20), "UART0 is interrupt 20");
  assert.equal(read(DATA), "o".charCodeAt(0));
  assert.equal(read(MASKED_STATUS), TIME_OUT, "a byte still waits");
  assert.equal(read(DATA), "k".charCodeAt(0));
  assert.equal(read(MASKED_STATUS), 0);
});

test("a full FIFO loses what comes, and the next byte in it tells so", () => {
  const { uarts, read, write, pass } = uartAtPins();
  uarts.send(0, Buffer.from([...Array(33).keys()]));
  pass(33.5);
  assert.ok(read(RAW_STATUS) & OVERRUN);
  for (let i = 0; i < 32; i++) assert.equal(read(DATA), i);
  assert.ok(read(FLAGS) & RX_EMPTY);
  uarts.send(0, Buffer.from([200]));
  pass(1.5);
  assert.equal(read(DATA), 200 | (1 << 11));
  assert.equal(read(ERRORS), 1 << 3);
  write(ERRORS, 0);
  assert.equal(read(ERRORS), 0);
});

test("a mask hides an interrupt, and the bit that is cleared alone goes", () => {
  const { rp2040, uarts, read, write, pass } = uartAtPins();
  uarts.send(0, Buffer.alloc(5));
  pass(10);
  assert.equal(read(RAW_STATUS), RX | TIME_OUT);
  assert.equal(read(MASKED_STATUS), 0);
  assert.equal(rp2040.core.pendingInterrupts & (1 << 20), 0);
  rp2040.writeUint32(BLOCK + SET + MASK, RX);
  assert.equal(read(MASKED_STATUS), RX);
  write(CLEAR, RX);
  assert.equal(read(RAW_STATUS), TIME_OUT);
});

test("without FIFOs one byte has room", () => {
  const { uarts, read, write, pass } = uartAtPins({ lineControl: 0x60 });
  write(DATA, 1);
  write(DATA, 2);
  assert.ok(read(FLAGS) & TX_FULL);
  pass(1.5);
  assert.equal(read(RAW_STATUS), TX);
  uarts.send(0, Buffer.from([3]));
  pass(1);
  assert.ok(read(RAW_STATUS) & RX);
});

test("a pin without the function of the UART carries nothing", () => {
  const { rp2040, uarts, sent, read, write, pass } = uartAtPins();
  for (const pin of [0, 1]) rp2040.gpio[pin].ctrl = 5;
  write(DATA, 1);
  uarts.send(0, Buffer.from([2]));
  pass(2);
  assert.deepEqual(sent, []);
  assert.ok(read(FLAGS) & RX_EMPTY);
});

test("a loop inside the chip brings back each byte", () => {
  const { sent, read, write, pass } = uartAtPins({ control: ENABLED | LOOPED_BACK });
  write(DATA, 0x5a);
  pass(1);
  assert.equal(read(DATA), 0x5a);
  assert.deepEqual(sent, []);
});

test("the reset controller empties the UART", () => {
  const { rp2040, read, write } = uartAtPins();
  for (let i = 0; i < 5; i++) write(DATA, i);
  rp2040.writeUint32(0x4000c000 + SET, 1 << 22);
  assert.equal(read(FLAGS), TX_EMPTY | RX_EMPTY);
  assert.equal(read(DIVIDER), 0);
  assert.equal(read(CONTROL), 0x300);
});
