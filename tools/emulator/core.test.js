// The fast core against the core of rp2040js, each instruction from random states: `node --test tools/emulator`.

import assert from "node:assert";
import { test } from "node:test";
import { RP2040 } from "rp2040js";
import { makeExecutor } from "./core.js";

const RAM_START = 0x20000000;
const CODE = RAM_START + 0x8000;
const ROUNDS = 300_000;

let state = 12345;
function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

const interesting = [0, 1, 2, 31, 32, 33, 255, 0x7fffffff, 0x80000000, 0xffffffff];
const words = () => (random() & 1 ? random() : interesting[random() % interesting.length]);
const pointers = () => RAM_START + 0x1000 + (random() & 0xffc);

function newChip() {
  const rp2040 = new RP2040();
  rp2040.logger = { debug() {}, info() {}, warn() {}, error() {} };
  return rp2040;
}

/** Instructions that use RAM alone and on which both cores agree. The faults of the original have tests below. */
function comparable(opcode) {
  const group = opcode >> 6;
  const shiftsByRegister = [0b0100000010, 0b0100000011, 0b0100000100, 0b0100000111].includes(group);
  const usesCarry = group === 0b0100000101 || group === 0b0100000110;
  const pushesOrPops = (opcode & 0xf600) === 0xb400;
  const callsThroughLinkOrCounter = opcode >> 8 === 0x47 && ((opcode >> 3) & 15) >= 14;
  const comparesCounter = opcode >> 8 === 0x45 && ((opcode >> 3) & 15) === 15;
  const storesMany = opcode >> 11 === 0b11000;
  const wideOrRare = opcode >> 11 > 0b11100 || opcode >> 9 === 0b1101111 || opcode >> 8 >= 0xbe && opcode >> 12 === 0xb;
  const excluded = [shiftsByRegister, usesCarry, pushesOrPops, callsThroughLinkOrCounter, comparesCounter, storesMany];
  return !wideOrRare && !excluded.includes(true);
}

function usesMemory(opcode) {
  return (opcode >> 12 >= 5 && opcode >> 12 <= 9) || opcode >> 12 === 12;
}

function prepare(chips, opcode) {
  const addressing = usesMemory(opcode);
  const byRegister = opcode >> 12 === 5;
  for (let i = 0; i < 15; i++) {
    let value = addressing ? pointers() : words();
    if (byRegister && i === ((opcode >> 6) & 7) && i !== ((opcode >> 3) & 7)) value = random() & 0xfc;
    if (i === 13) value = pointers();
    for (const { core } of chips) core.registers[i] = value;
  }
  if (byRegister && ((opcode >> 6) & 7) === ((opcode >> 3) & 7)) return false;
  const flags = random();
  for (const { core, sram } of chips) {
    core.registers[15] = CODE;
    core.APSR = flags;
    new DataView(sram.buffer).setUint16(CODE - RAM_START, opcode, true);
  }
  return true;
}

test("every common instruction leaves the same registers, flags and cycles", () => {
  const [original, fast] = [newChip(), newChip()];
  for (let i = 0; i < original.sram.length; i++) original.sram[i] = fast.sram[i] = random();
  const execute = makeExecutor(fast, () => 8, assert.fail);
  let compared = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const opcode = random() & 0xffff;
    if (!comparable(opcode) || !prepare([original, fast], opcode)) continue;
    const name = `opcode ${opcode.toString(16)} in round ${round}`;
    const before = [...original.core.registers].map((x) => x.toString(16)).join(" ");
    assert.equal(execute(1), original.core.executeInstruction(), `cycles of ${name} ${before}`);
    assert.deepEqual([...fast.core.registers], [...original.core.registers], `registers of ${name} ${before}`);
    assert.equal(fast.core.APSR, original.core.APSR, `flags of ${name} ${before}`);
    compared++;
  }
  assert.deepEqual(fast.sram, original.sram);
  assert.ok(compared > ROUNDS / 2, `${compared} compared`);
});

function run(opcode, registers, carry) {
  const chip = newChip();
  const execute = makeExecutor(chip, () => 8, assert.fail);
  Object.entries(registers).forEach(([index, value]) => (chip.core.registers[index] = value));
  chip.core.registers[15] = CODE;
  chip.core.C = carry;
  new DataView(chip.sram.buffer).setUint16(CODE - RAM_START, opcode, true);
  const cycles = execute(1);
  return { chip, core: chip.core, r0: chip.core.registers[0], cycles };
}

function resultAndCarry(opcode, r0, r1, carry) {
  const result = run(opcode, { 0: r0, 1: r1 }, carry);
  return [result.r0, result.core.C];
}

test("a shift by register of zero keeps the carry, by 32 and more shifts everything out", () => {
  const [lsl, lsr, asr, ror] = [0x4088, 0x40c8, 0x4108, 0x41c8];
  for (const opcode of [lsl, lsr, asr, ror]) {
    for (const carry of [false, true]) {
      assert.deepEqual(resultAndCarry(opcode, 0x80000001, 0x100, carry), [0x80000001, carry]);
    }
  }
  assert.deepEqual(resultAndCarry(lsl, 1, 32, false), [0, true]);
  assert.deepEqual(resultAndCarry(lsr, 1 << 31, 33, true), [0, false]);
  assert.deepEqual(resultAndCarry(asr, 1 << 31, 99, false), [0xffffffff, true]);
  assert.deepEqual(resultAndCarry(ror, 0x80000001, 33, false), [0xc0000000, true]);
  assert.deepEqual(resultAndCarry(ror, 0x80000001, 32, false), [0x80000001, true]);
});

test("the carry that is added can overflow", () => {
  const adc = 0x4148;
  assert.deepEqual(resultAndCarry(adc, 0xffffffff, 0, true), [0, true]);
  const { r0, core } = run(adc, { 0: 0x7fffffff, 1: 0 }, true);
  assert.deepEqual([r0, core.C, core.V], [0x80000000, false, true]);
});

test("subtract with carry borrows across the whole word", () => {
  const sbc = 0x4188;
  const { r0, core } = run(sbc, { 0: 5, 1: 0xffffffff }, false);
  assert.deepEqual([r0, core.C, core.V], [5, false, false]);
  const overflowing = run(sbc, { 0: 0x80000000, 1: 1 }, true);
  assert.deepEqual([overflowing.r0, overflowing.core.C, overflowing.core.V], [0x7fffffff, true, true]);
});

test("push and pop move what the list says and take a cycle for each", () => {
  const stack = RAM_START + 0x2000;
  const pushed = run(0xb503, { 0: 10, 1: 11, 13: stack, 14: 12 }, false);
  const view = new DataView(pushed.chip.sram.buffer);
  const saved = [0, 4, 8].map((at) => view.getUint32(0x2000 - 12 + at, true));
  assert.deepEqual([saved, pushed.cycles, pushed.core.registers[13]], [[10, 11, 12], 4, stack - 12]);
  const popped = run(0xbc03, { 13: stack }, false);
  assert.deepEqual([popped.cycles, popped.core.registers[13]], [3, stack + 8]);
});
