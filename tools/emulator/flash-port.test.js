// The serial port of the flash and the chip behind it: `node --test tools/emulator`.

import assert from "node:assert";
import { test } from "node:test";
import { RP2040 } from "rp2040js";
import { makeExecutor } from "./core.js";
import { FlashPort } from "./flash-port.js";

const STATUS = 0x28;
const DATA = 0x60;
const ENABLE = 0x08;
const DIVIDER = 0x14;
const CONTROL = 0x00;
const FORMAT = 0xf4;
const SELECT = 0x0c;
const FORCED_LOW = 2 << 8;
const FORCED_HIGH = 3 << 8;
const BUSY = 1;
const RECEIVED_ANY = 8;
const FRAME_NANOS = (8 * 6 * 1e9) / 125e6;
const NOTHING = 0xa5;

/** A port after "connect" and "exit", before a chip whose undefined answers are all `NOTHING`. */
function portForCommands() {
  const machine = {
    nanos: 0,
    fault: null,
    flash: { bytes: new Uint8Array(4096).fill(0xff) },
    random: () => NOTHING,
    lockUp: (why) => (machine.fault ??= why),
  };
  const port = new FlashPort(machine, { clkSys: 125e6, logger: { warn() {} } });
  port.connect();
  port.exitMapping();
  return { machine, port, wires: port.wires };
}

function exchange({ machine, port }, ...bytes) {
  for (const byte of bytes) port.writeUint32(DATA, byte);
  machine.nanos += bytes.length * FRAME_NANOS;
  return bytes.map(() => port.readUint32(DATA));
}

/** The steps of the second stage of the boot that map the flash over four wires. */
function mapAsSecondStage({ machine, port }) {
  port.flush();
  port.writeUint32(ENABLE, 0);
  port.writeUint32(DIVIDER, 2);
  port.writeUint32(CONTROL, (2 << 21) | (31 << 16) | (3 << 8));
  port.writeUint32(FORMAT, (8 << 2) | (4 << 11) | (2 << 8) | 1);
  port.writeUint32(ENABLE, 1);
  port.writeUint32(DATA, 0xeb);
  port.writeUint32(DATA, 0xa0);
  machine.nanos += 1000;
  port.readUint32(STATUS);
  port.writeUint32(ENABLE, 0);
  port.writeUint32(FORMAT, ((0xa0 << 24) | (8 << 2) | (4 << 11) | 2) >>> 0);
  port.writeUint32(ENABLE, 1);
}

test("a selected chip names itself: Winbond, W25Q16JV", () => {
  const board = portForCommands();
  board.wires.writeUint32(SELECT, FORCED_LOW);
  assert.deepStrictEqual(exchange(board, 0x9f, 0, 0, 0).slice(1), [0xef, 0x40, 0x15]);
  assert.strictEqual(board.machine.fault, null);
});

test("a chip that is not selected hears nothing and says nothing", () => {
  const board = portForCommands();
  board.wires.writeUint32(SELECT, FORCED_HIGH);
  assert.deepStrictEqual(exchange(board, 0x9f, 0, 0, 0), [NOTHING, NOTHING, NOTHING, NOTHING]);
  board.wires.writeUint32(SELECT, FORCED_LOW);
  assert.deepStrictEqual(exchange(board, 0x05, 0).slice(1), [0]);
});

test("a command ends when the chip is released", () => {
  const board = portForCommands();
  board.wires.writeUint32(SELECT, FORCED_LOW);
  exchange(board, 0x9f, 0);
  board.wires.writeUint32(SELECT, FORCED_HIGH);
  board.wires.writeUint32(SELECT, FORCED_LOW);
  assert.deepStrictEqual(exchange(board, 0x35, 0).slice(1), [0x02]);
});

test("bytes that are not on the wire in time find the chip released", () => {
  const { machine, port, wires } = portForCommands();
  wires.writeUint32(SELECT, FORCED_LOW);
  for (const byte of [0x9f, 0, 0, 0]) port.writeUint32(DATA, byte);
  machine.nanos += 2 * FRAME_NANOS;
  wires.writeUint32(SELECT, FORCED_HIGH);
  machine.nanos += 2 * FRAME_NANOS;
  assert.deepStrictEqual([1, 2, 3, 4].map(() => port.readUint32(DATA)), [NOTHING, 0xef, NOTHING, NOTHING]);
});

test("a port that is left alone releases the chip when it has nothing to send", () => {
  const board = portForCommands();
  board.port.flush();
  assert.deepStrictEqual(exchange(board, 0x9f, 0, 0, 0).slice(1), [0xef, 0x40, 0x15]);
  exchange(board, 0x9f);
  board.machine.nanos += 1;
  assert.deepStrictEqual(exchange(board, 0x35, 0).slice(1), [0x02]);
});

test("a frame takes its time, and is received at its end", () => {
  const { machine, port, wires } = portForCommands();
  wires.writeUint32(SELECT, FORCED_LOW);
  port.writeUint32(DATA, 0x9f);
  machine.nanos += FRAME_NANOS - 1;
  assert.strictEqual(port.readUint32(STATUS) & (BUSY | RECEIVED_ANY), BUSY);
  machine.nanos += 1;
  assert.strictEqual(port.readUint32(STATUS) & (BUSY | RECEIVED_ANY), RECEIVED_ANY);
});

test("more frames than the port has room for are lost", () => {
  const { machine, port, wires } = portForCommands();
  wires.writeUint32(SELECT, FORCED_LOW);
  for (let i = 0; i < 20; i++) port.writeUint32(DATA, 0x05);
  machine.nanos += 20 * FRAME_NANOS;
  let received = 0;
  while (port.readUint32(STATUS) & RECEIVED_ANY) received += port.readUint32(DATA) >= 0 ? 1 : 0;
  assert.strictEqual(received, 16);
});

test("a disabled port sends nothing, and an enabled one keeps its configuration", () => {
  const { machine, port, wires } = portForCommands();
  wires.writeUint32(SELECT, FORCED_LOW);
  port.writeUint32(DIVIDER, 2);
  assert.strictEqual(port.readUint32(DIVIDER), 6);
  port.writeUint32(ENABLE, 0);
  port.writeUint32(DATA, 0x9f);
  machine.nanos += FRAME_NANOS;
  assert.strictEqual(port.readUint32(STATUS) & (BUSY | RECEIVED_ANY), 0);
});

test("the second stage maps the flash, and a chip in its continuous mode takes no serial command", () => {
  const board = portForCommands();
  assert.ok(!board.port.isMapped);
  mapAsSecondStage(board);
  assert.ok(board.port.isMapped);
  board.port.connect();
  board.wires.writeUint32(SELECT, FORCED_LOW);
  assert.deepStrictEqual(exchange(board, 0x9f, 0, 0, 0).slice(1), [NOTHING, NOTHING, NOTHING]);
  board.port.exitMapping();
  board.wires.writeUint32(SELECT, FORCED_LOW);
  assert.deepStrictEqual(exchange(board, 0x9f, 0, 0, 0).slice(1), [0xef, 0x40, 0x15]);
});

test("flash is not mapped while its select wire is forced", () => {
  const board = portForCommands();
  board.port.enterSerialMapping();
  assert.ok(!board.port.isMapped, "the end of the mapping leaves the wire forced");
  board.port.flush();
  assert.ok(board.port.isMapped);
  board.wires.writeUint32(SELECT, FORCED_HIGH);
  assert.ok(!board.port.isMapped);
});

test("serial reads of a chip in its continuous mode are no mapping", () => {
  const board = portForCommands();
  mapAsSecondStage(board);
  board.port.enterSerialMapping();
  assert.ok(!board.port.isMapped);
});

test("a command that is not modelled locks the chip up", () => {
  const board = portForCommands();
  board.wires.writeUint32(SELECT, FORCED_LOW);
  exchange(board, 0xc7, 0);
  assert.match(board.machine.fault, /0xc7/);
});

test("the core can neither run from nor read flash that is not mapped", () => {
  const LDR_R0_FROM_R1 = 0x6808;
  const rp2040 = new RP2040();
  rp2040.flash16[0x80] = LDR_R0_FROM_R1;
  new Uint16Array(rp2040.sram.buffer)[0] = LDR_R0_FROM_R1;
  for (const [counter, address] of [[0x10000100, 0x20000100], [0x20000000, 0x10000100], [0x20000000, 0x13000100]]) {
    for (const isMapped of [true, false]) {
      const faults = [];
      const execute = makeExecutor(rp2040, () => 8, (text) => faults.push(text), { isMapped });
      rp2040.core.registers[1] = address;
      rp2040.core.PC = counter;
      execute(1);
      assert.strictEqual(faults.length, isMapped ? 0 : 1, `${counter.toString(16)} ${address.toString(16)}`);
    }
  }
});
