// A fast Cortex-M0+: the registers and cycles of the core in rp2040js, executed in stretches.
//
// rp2040js tries some fifty patterns on every instruction and checks the clock after each. This core decodes an
// instruction by table once. It runs without a check of the clock until the next alarm is due or an instruction
// accesses more than memory. rp2040js executes the rare instructions. Encodings and flags are those of the ARMv6-M
// Architecture Reference Manual (section A6.7). Cycles are those of the Cortex-M0+ Technical Reference Manual (section
// 3.3) for memory without wait states, plus the bus cycles that rp2040js adds.
//
// The two cores differ where the original is wrong: carry after a shift by register of zero, overflow of ADCS and SBCS
// with the carry, BLX through LR, the cycle for LR in PUSH, SEV without an event, unaligned access, stores to the
// flash.

const RAM_START = 0x20000000;
const FLASH_START = 0x10000000;
const ROM_BYTES = 0x4000;

const instructions = [
  ["OTHER", () => true],
  ["LSL_IMM", (o) => o >> 11 === 0b00000],
  ["LSR_IMM", (o) => o >> 11 === 0b00001],
  ["ASR_IMM", (o) => o >> 11 === 0b00010],
  ["ADD_REG", (o) => o >> 9 === 0b0001100],
  ["SUB_REG", (o) => o >> 9 === 0b0001101],
  ["ADD_IMM3", (o) => o >> 9 === 0b0001110],
  ["SUB_IMM3", (o) => o >> 9 === 0b0001111],
  ["MOV_IMM", (o) => o >> 11 === 0b00100],
  ["CMP_IMM", (o) => o >> 11 === 0b00101],
  ["ADD_IMM8", (o) => o >> 11 === 0b00110],
  ["SUB_IMM8", (o) => o >> 11 === 0b00111],
  ["AND", (o) => o >> 6 === 0b0100000000],
  ["EOR", (o) => o >> 6 === 0b0100000001],
  ["LSL_REG", (o) => o >> 6 === 0b0100000010],
  ["LSR_REG", (o) => o >> 6 === 0b0100000011],
  ["ASR_REG", (o) => o >> 6 === 0b0100000100],
  ["ADC", (o) => o >> 6 === 0b0100000101],
  ["SBC", (o) => o >> 6 === 0b0100000110],
  ["ROR", (o) => o >> 6 === 0b0100000111],
  ["TST", (o) => o >> 6 === 0b0100001000],
  ["RSB", (o) => o >> 6 === 0b0100001001],
  ["CMP_REG", (o) => o >> 6 === 0b0100001010],
  ["CMN", (o) => o >> 6 === 0b0100001011],
  ["ORR", (o) => o >> 6 === 0b0100001100],
  ["MUL", (o) => o >> 6 === 0b0100001101],
  ["BIC", (o) => o >> 6 === 0b0100001110],
  ["MVN", (o) => o >> 6 === 0b0100001111],
  ["ADD_HIGH", (o) => o >> 8 === 0b01000100],
  ["CMP_HIGH", (o) => o >> 8 === 0b01000101],
  ["MOV_HIGH", (o) => o >> 8 === 0b01000110],
  ["BX", (o) => o >> 7 === 0b010001110 && (o & 7) === 0],
  ["BLX", (o) => o >> 7 === 0b010001111 && (o & 7) === 0],
  ["LDR_LITERAL", (o) => o >> 11 === 0b01001],
  ["STR_REG", (o) => o >> 9 === 0b0101000],
  ["STRH_REG", (o) => o >> 9 === 0b0101001],
  ["STRB_REG", (o) => o >> 9 === 0b0101010],
  ["LDRSB", (o) => o >> 9 === 0b0101011],
  ["LDR_REG", (o) => o >> 9 === 0b0101100],
  ["LDRH_REG", (o) => o >> 9 === 0b0101101],
  ["LDRB_REG", (o) => o >> 9 === 0b0101110],
  ["LDRSH", (o) => o >> 9 === 0b0101111],
  ["STR_IMM", (o) => o >> 11 === 0b01100],
  ["LDR_IMM", (o) => o >> 11 === 0b01101],
  ["STRB_IMM", (o) => o >> 11 === 0b01110],
  ["LDRB_IMM", (o) => o >> 11 === 0b01111],
  ["STRH_IMM", (o) => o >> 11 === 0b10000],
  ["LDRH_IMM", (o) => o >> 11 === 0b10001],
  ["STR_SP", (o) => o >> 11 === 0b10010],
  ["LDR_SP", (o) => o >> 11 === 0b10011],
  ["ADR", (o) => o >> 11 === 0b10100],
  ["ADD_SP_REG", (o) => o >> 11 === 0b10101],
  ["ADD_SP", (o) => o >> 7 === 0b101100000],
  ["SUB_SP", (o) => o >> 7 === 0b101100001],
  ["SXTH", (o) => o >> 6 === 0b1011001000],
  ["SXTB", (o) => o >> 6 === 0b1011001001],
  ["UXTH", (o) => o >> 6 === 0b1011001010],
  ["UXTB", (o) => o >> 6 === 0b1011001011],
  ["PUSH", (o) => o >> 9 === 0b1011010],
  ["POP", (o) => o >> 9 === 0b1011110],
  ["REV", (o) => o >> 6 === 0b1011101000],
  ["SEV", (o) => o === 0xbf40],
  ["NOP", (o) => o === 0xbf00],
  ["STM", (o) => o >> 11 === 0b11000],
  ["LDM", (o) => o >> 11 === 0b11001],
  ["B_COND", (o) => o >> 12 === 0b1101 && ((o >> 9) & 7) !== 7],
  ["B", (o) => o >> 11 === 0b11100],
  ["WIDE", (o) => o >> 11 === 0b11110],
];

/** The number of each 16-bit opcode's instruction in the list above. If several match, the last one counts. */
const decoded = new Uint8Array(0x10000);
instructions.forEach(([, matches], number) => {
  for (let opcode = 0; opcode < 0x10000; opcode++) if (matches(opcode)) decoded[opcode] = number;
});

/**
 * Return a function that executes instructions of `rp2040` until `budget` cycles are used, or until an instruction has
 * accessed more than memory. That function returns the cycles used. `fault(text)` is called for an access that the bus
 * refuses. While `flashPort.isMapped` is false, each fetch and read of flash is such an access.
 */
export function makeExecutor(rp2040, cycleNanosNow, fault, flashPort = { isMapped: true }) {
  const { core, clock } = rp2040;
  const regs = core.registers;
  const ram8 = rp2040.sram;
  const ram16 = new Uint16Array(ram8.buffer);
  const ram32 = new Uint32Array(ram8.buffer);
  const ramBytes = ram8.length;
  const flash8 = rp2040.flash;
  const flash16 = new Uint16Array(flash8.buffer);
  const flash32 = new Uint32Array(flash8.buffer);
  let flashBytes = flash8.length;
  const rom16 = new Uint16Array(rp2040.bootrom.buffer);
  let limit = 0;
  let startNanos = 0;
  let cycleNanos = 0;

  /** Set the clock and end the stretch, before an access to anything but RAM and flash. */
  function leave(used) {
    clock.nanosCounter = startNanos + used * cycleNanos;
    limit = 0;
  }

  function misaligned(address) {
    limit = 0;
    fault(`access to 0x${(address >>> 0).toString(16)} is not aligned`);
    return 0;
  }

  /** Report a read of flash that nothing answers. The real chip reads random values or hangs. */
  function unmapped(address) {
    limit = 0;
    fault(`read of flash at 0x${(address >>> 0).toString(16)}, which is not mapped`);
    return 0;
  }

  const isLost = (address) => flashBytes === 0 && address >>> 26 === FLASH_START >>> 26;

  function load32(address, used) {
    if (address & 3) return misaligned(address);
    const flashOffset = (address - FLASH_START) >>> 0;
    if (flashOffset < flashBytes) return flash32[flashOffset >>> 2];
    if (isLost(address)) return unmapped(address);
    leave(used);
    return rp2040.readUint32(address >>> 0);
  }

  function load16(address, used) {
    if (address & 1) return misaligned(address);
    const flashOffset = (address - FLASH_START) >>> 0;
    if (flashOffset < flashBytes) return flash16[flashOffset >>> 1];
    if (isLost(address)) return unmapped(address);
    leave(used);
    return rp2040.readUint16(address >>> 0);
  }

  function load8(address, used) {
    const flashOffset = (address - FLASH_START) >>> 0;
    if (flashOffset < flashBytes) return flash8[flashOffset];
    if (isLost(address)) return unmapped(address);
    leave(used);
    return rp2040.readUint8(address >>> 0);
  }

  /** Return true for a store that the bus refuses: a store to flash, or to an address that is not aligned. */
  function refused(address, alignment) {
    if (address & alignment) return misaligned(address), true;
    if (address >>> 26 !== FLASH_START >>> 26) return false;
    limit = 0;
    fault(`store to flash at 0x${(address >>> 0).toString(16)}`);
    return true;
  }

  function store32(address, value, used) {
    if (refused(address, 3)) return;
    leave(used);
    rp2040.writeUint32(address >>> 0, value);
  }

  function store16(address, value, used) {
    if (refused(address, 1)) return;
    leave(used);
    rp2040.writeUint16(address >>> 0, value & 0xffff);
  }

  function store8(address, value, used) {
    if (refused(address, 0)) return;
    leave(used);
    rp2040.writeUint8(address >>> 0, value & 0xff);
  }

  /** Return the cycles of one access beside the first of the instruction: single-cycle IO, slow peripherals, memory. */
  function accessCycles(address, writing) {
    const region = address >>> 28;
    return region === 0xd ? 0 : region === 4 ? (writing ? 4 : 3) : 1;
  }

  return function run(budget) {
    limit = budget;
    flashBytes = flashPort.isMapped ? flash8.length : 0;
    startNanos = clock.nanosCounter;
    cycleNanos = cycleNanosNow();
    let pc = regs[15] & ~1;
    let n = core.N ? -1 : 0;
    let z = core.Z ? 0 : 1;
    let c = core.C ? 1 : 0;
    let v = core.V ? 1 : 0;
    let used = 0;
    let rare = false;
    do {
      let opcode;
      let offset = (pc - FLASH_START) >>> 0;
      if (offset < flashBytes) opcode = flash16[offset >>> 1];
      else if ((offset = (pc - RAM_START) >>> 0) < ramBytes) opcode = ram16[offset >>> 1];
      else if (pc >>> 0 < ROM_BYTES) opcode = rom16[pc >>> 1];
      else {
        fault(`instruction fetch from 0x${(pc >>> 0).toString(16)}`);
        break;
      }
      const at = pc;
      pc += 2;
      switch (decoded[opcode]) {
        case 1: { // LSL_IMM
          const shift = (opcode >> 6) & 31;
          const input = regs[(opcode >> 3) & 7] | 0;
          if (shift) c = (input >>> (32 - shift)) & 1;
          regs[opcode & 7] = n = z = input << shift;
          used++;
          break;
        }
        case 2: { // LSR_IMM
          const shift = (opcode >> 6) & 31 || 32;
          const input = regs[(opcode >> 3) & 7] | 0;
          c = (input >>> (shift - 1)) & 1;
          regs[opcode & 7] = n = z = shift === 32 ? 0 : (input >>> shift) | 0;
          used++;
          break;
        }
        case 3: { // ASR_IMM
          const shift = (opcode >> 6) & 31 || 32;
          const input = regs[(opcode >> 3) & 7] | 0;
          c = (input >> (shift - 1)) & 1;
          regs[opcode & 7] = n = z = shift === 32 ? input >> 31 : input >> shift;
          used++;
          break;
        }
        case 4: { // ADD_REG
          const a = regs[(opcode >> 3) & 7] | 0;
          const b = regs[(opcode >> 6) & 7] | 0;
          const r = (a + b) | 0;
          c = r >>> 0 < a >>> 0 ? 1 : 0;
          v = ((a ^ r) & (b ^ r)) >>> 31;
          regs[opcode & 7] = n = z = r;
          used++;
          break;
        }
        case 5: { // SUB_REG
          const a = regs[(opcode >> 3) & 7] | 0;
          const b = regs[(opcode >> 6) & 7] | 0;
          const r = (a - b) | 0;
          c = a >>> 0 >= b >>> 0 ? 1 : 0;
          v = ((a ^ b) & (a ^ r)) >>> 31;
          regs[opcode & 7] = n = z = r;
          used++;
          break;
        }
        case 6: { // ADD_IMM3
          const a = regs[(opcode >> 3) & 7] | 0;
          const b = (opcode >> 6) & 7;
          const r = (a + b) | 0;
          c = r >>> 0 < a >>> 0 ? 1 : 0;
          v = (~a & r) >>> 31;
          regs[opcode & 7] = n = z = r;
          used++;
          break;
        }
        case 7: { // SUB_IMM3
          const a = regs[(opcode >> 3) & 7] | 0;
          const b = (opcode >> 6) & 7;
          const r = (a - b) | 0;
          c = a >>> 0 >= b ? 1 : 0;
          v = (a & ~r) >>> 31;
          regs[opcode & 7] = n = z = r;
          used++;
          break;
        }
        case 8: // MOV_IMM
          regs[(opcode >> 8) & 7] = n = z = opcode & 0xff;
          used++;
          break;
        case 9: { // CMP_IMM
          const a = regs[(opcode >> 8) & 7] | 0;
          const b = opcode & 0xff;
          const r = (a - b) | 0;
          c = a >>> 0 >= b ? 1 : 0;
          v = (a & ~r) >>> 31;
          n = z = r;
          used++;
          break;
        }
        case 10: { // ADD_IMM8
          const a = regs[(opcode >> 8) & 7] | 0;
          const r = (a + (opcode & 0xff)) | 0;
          c = r >>> 0 < a >>> 0 ? 1 : 0;
          v = (~a & r) >>> 31;
          regs[(opcode >> 8) & 7] = n = z = r;
          used++;
          break;
        }
        case 11: { // SUB_IMM8
          const a = regs[(opcode >> 8) & 7] | 0;
          const b = opcode & 0xff;
          const r = (a - b) | 0;
          c = a >>> 0 >= b ? 1 : 0;
          v = (a & ~r) >>> 31;
          regs[(opcode >> 8) & 7] = n = z = r;
          used++;
          break;
        }
        case 12: // AND
          regs[opcode & 7] = n = z = regs[opcode & 7] & regs[(opcode >> 3) & 7];
          used++;
          break;
        case 13: // EOR
          regs[opcode & 7] = n = z = regs[opcode & 7] ^ regs[(opcode >> 3) & 7];
          used++;
          break;
        case 14: { // LSL_REG
          const shift = regs[(opcode >> 3) & 7] & 0xff;
          let r = regs[opcode & 7] | 0;
          if (shift) {
            c = shift <= 32 ? (r >>> (32 - shift)) & 1 : 0;
            r = shift < 32 ? r << shift : 0;
          }
          regs[opcode & 7] = n = z = r;
          used++;
          break;
        }
        case 15: { // LSR_REG
          const shift = regs[(opcode >> 3) & 7] & 0xff;
          let r = regs[opcode & 7] | 0;
          if (shift) {
            c = shift <= 32 ? (r >>> (shift - 1)) & 1 : 0;
            r = shift < 32 ? (r >>> shift) | 0 : 0;
          }
          regs[opcode & 7] = n = z = r;
          used++;
          break;
        }
        case 16: { // ASR_REG
          const shift = Math.min(regs[(opcode >> 3) & 7] & 0xff, 32);
          let r = regs[opcode & 7] | 0;
          if (shift) {
            c = (r >> (shift - 1)) & 1;
            r = shift < 32 ? r >> shift : r >> 31;
          }
          regs[opcode & 7] = n = z = r;
          used++;
          break;
        }
        case 17: { // ADC
          const a = regs[opcode & 7] | 0;
          const b = regs[(opcode >> 3) & 7] | 0;
          const r = (a + b + c) | 0;
          c = (a >>> 0) + (b >>> 0) + c > 0xffffffff ? 1 : 0;
          v = ((a ^ r) & (b ^ r)) >>> 31;
          regs[opcode & 7] = n = z = r;
          used++;
          break;
        }
        case 18: { // SBC
          const a = regs[opcode & 7] | 0;
          const b = regs[(opcode >> 3) & 7] | 0;
          const r = (a - b - (1 - c)) | 0;
          c = a >>> 0 >= (b >>> 0) + (1 - c) ? 1 : 0;
          v = ((a ^ b) & (a ^ r)) >>> 31;
          regs[opcode & 7] = n = z = r;
          used++;
          break;
        }
        case 19: { // ROR
          const shift = regs[(opcode >> 3) & 7] & 0xff;
          let r = regs[opcode & 7] | 0;
          if (shift) {
            if (shift & 31) r = (r >>> (shift & 31)) | (r << (32 - (shift & 31)));
            c = r >>> 31;
          }
          regs[opcode & 7] = n = z = r;
          used++;
          break;
        }
        case 20: // TST
          n = z = regs[opcode & 7] & regs[(opcode >> 3) & 7];
          used++;
          break;
        case 21: { // RSB
          const b = regs[(opcode >> 3) & 7] | 0;
          const r = -b | 0;
          c = b === 0 ? 1 : 0;
          v = (b & r) >>> 31;
          regs[opcode & 7] = n = z = r;
          used++;
          break;
        }
        case 22: { // CMP_REG
          const a = regs[opcode & 7] | 0;
          const b = regs[(opcode >> 3) & 7] | 0;
          const r = (a - b) | 0;
          c = a >>> 0 >= b >>> 0 ? 1 : 0;
          v = ((a ^ b) & (a ^ r)) >>> 31;
          n = z = r;
          used++;
          break;
        }
        case 23: { // CMN
          const a = regs[opcode & 7] | 0;
          const b = regs[(opcode >> 3) & 7] | 0;
          const r = (a + b) | 0;
          c = r >>> 0 < a >>> 0 ? 1 : 0;
          v = ((a ^ r) & (b ^ r)) >>> 31;
          n = z = r;
          used++;
          break;
        }
        case 24: // ORR
          regs[opcode & 7] = n = z = regs[opcode & 7] | regs[(opcode >> 3) & 7];
          used++;
          break;
        case 25: // MUL
          regs[opcode & 7] = n = z = Math.imul(regs[opcode & 7], regs[(opcode >> 3) & 7]);
          used++;
          break;
        case 26: // BIC
          regs[opcode & 7] = n = z = regs[opcode & 7] & ~regs[(opcode >> 3) & 7];
          used++;
          break;
        case 27: // MVN
          regs[opcode & 7] = n = z = ~regs[(opcode >> 3) & 7];
          used++;
          break;
        case 28: { // ADD_HIGH
          const to = ((opcode >> 4) & 8) | (opcode & 7);
          const from = (opcode >> 3) & 15;
          const r = ((to === 15 ? pc + 2 : regs[to]) + (from === 15 ? pc + 2 : regs[from])) | 0;
          used++;
          if (to === 15) {
            pc = r & ~1;
            used++;
          } else regs[to] = to === 13 ? r & ~3 : r;
          break;
        }
        case 29: { // CMP_HIGH
          const a = regs[((opcode >> 4) & 8) | (opcode & 7)] | 0;
          const b = regs[(opcode >> 3) & 15] | 0;
          const r = (a - b) | 0;
          c = a >>> 0 >= b >>> 0 ? 1 : 0;
          v = ((a ^ b) & (a ^ r)) >>> 31;
          n = z = r;
          used++;
          break;
        }
        case 30: { // MOV_HIGH
          const to = ((opcode >> 4) & 8) | (opcode & 7);
          const from = (opcode >> 3) & 15;
          const r = from === 15 ? pc + 2 : regs[from];
          used++;
          if (to === 15) {
            pc = r & ~1;
            used++;
          } else regs[to] = to === 13 ? r & ~3 : r;
          break;
        }
        case 31: { // BX
          const target = regs[(opcode >> 3) & 15];
          if (target >>> 28 === 15) {
            rare = true;
            break;
          }
          pc = target & ~1;
          used += 2;
          break;
        }
        case 32: { // BLX
          const target = regs[(opcode >> 3) & 15];
          regs[14] = pc | 1;
          pc = target & ~1;
          used += 2;
          break;
        }
        case 33: { // LDR_LITERAL
          const address = ((pc + 2) & ~3) + ((opcode & 0xff) << 2);
          regs[(opcode >> 8) & 7] =
            (address - FLASH_START) >>> 0 < flashBytes
              ? flash32[((address - FLASH_START) >>> 0) >>> 2]
              : (address - RAM_START) >>> 0 < ramBytes
                ? ram32[((address - RAM_START) >>> 0) >>> 2]
                : load32(address, used);
          used += 2;
          break;
        }
        case 34: // STR_REG
        case 42: // STR_IMM
        case 48: { // STR_SP
          let address;
          let from = opcode & 7;
          if (opcode >> 12 === 5) address = (regs[(opcode >> 3) & 7] + regs[(opcode >> 6) & 7]) | 0;
          else if (opcode >> 12 === 6) address = (regs[(opcode >> 3) & 7] + (((opcode >> 6) & 31) << 2)) | 0;
          else {
            address = (regs[13] + ((opcode & 0xff) << 2)) | 0;
            from = (opcode >> 8) & 7;
          }
          const ramOffset = (address - RAM_START) >>> 0;
          if (ramOffset < ramBytes && (address & 3) === 0) {
            ram32[ramOffset >>> 2] = regs[from];
            used += 2;
          } else {
            store32(address, regs[from], used);
            used += 1 + accessCycles(address, true);
          }
          break;
        }
        case 35: // STRH_REG
        case 46: { // STRH_IMM
          const base = regs[(opcode >> 3) & 7];
          const address = (base + (opcode >> 12 === 5 ? regs[(opcode >> 6) & 7] : ((opcode >> 6) & 31) << 1)) | 0;
          const ramOffset = (address - RAM_START) >>> 0;
          if (ramOffset < ramBytes && (address & 1) === 0) {
            ram16[ramOffset >>> 1] = regs[opcode & 7];
            used += 2;
          } else {
            store16(address, regs[opcode & 7], used);
            used += 1 + accessCycles(address, true);
          }
          break;
        }
        case 36: // STRB_REG
        case 44: { // STRB_IMM
          const base = regs[(opcode >> 3) & 7];
          const address = (base + (opcode >> 12 === 5 ? regs[(opcode >> 6) & 7] : (opcode >> 6) & 31)) | 0;
          const ramOffset = (address - RAM_START) >>> 0;
          if (ramOffset < ramBytes) {
            ram8[ramOffset] = regs[opcode & 7];
            used += 2;
          } else {
            store8(address, regs[opcode & 7], used);
            used += 1 + accessCycles(address, true);
          }
          break;
        }
        case 38: // LDR_REG
        case 43: // LDR_IMM
        case 49: { // LDR_SP
          let address;
          let to = opcode & 7;
          if (opcode >> 12 === 5) address = (regs[(opcode >> 3) & 7] + regs[(opcode >> 6) & 7]) | 0;
          else if (opcode >> 12 === 6) address = (regs[(opcode >> 3) & 7] + (((opcode >> 6) & 31) << 2)) | 0;
          else {
            address = (regs[13] + ((opcode & 0xff) << 2)) | 0;
            to = (opcode >> 8) & 7;
          }
          const ramOffset = (address - RAM_START) >>> 0;
          if (ramOffset < ramBytes && (address & 3) === 0) {
            regs[to] = ram32[ramOffset >>> 2];
            used += 2;
          } else {
            regs[to] = load32(address, used);
            used += 1 + accessCycles(address, false);
          }
          break;
        }
        case 37: // LDRSB
        case 40: // LDRB_REG
        case 45: { // LDRB_IMM
          const base = regs[(opcode >> 3) & 7];
          const address = (base + (opcode >> 12 === 5 ? regs[(opcode >> 6) & 7] : (opcode >> 6) & 31)) | 0;
          const ramOffset = (address - RAM_START) >>> 0;
          let value;
          if (ramOffset < ramBytes) {
            value = ram8[ramOffset];
            used += 2;
          } else {
            value = load8(address, used);
            used += 1 + accessCycles(address, false);
          }
          regs[opcode & 7] = opcode >> 9 === 0b0101011 ? (value << 24) >> 24 : value;
          break;
        }
        case 39: // LDRH_REG
        case 41: // LDRSH
        case 47: { // LDRH_IMM
          const base = regs[(opcode >> 3) & 7];
          const address = (base + (opcode >> 12 === 5 ? regs[(opcode >> 6) & 7] : ((opcode >> 6) & 31) << 1)) | 0;
          const ramOffset = (address - RAM_START) >>> 0;
          let value;
          if (ramOffset < ramBytes && (address & 1) === 0) {
            value = ram16[ramOffset >>> 1];
            used += 2;
          } else {
            value = load16(address, used);
            used += 1 + accessCycles(address, false);
          }
          regs[opcode & 7] = opcode >> 9 === 0b0101111 ? (value << 16) >> 16 : value;
          break;
        }
        case 50: // ADR
          regs[(opcode >> 8) & 7] = ((pc + 2) & ~3) + ((opcode & 0xff) << 2);
          used++;
          break;
        case 51: // ADD_SP_REG
          regs[(opcode >> 8) & 7] = regs[13] + ((opcode & 0xff) << 2);
          used++;
          break;
        case 52: // ADD_SP
          regs[13] += (opcode & 0x7f) << 2;
          used++;
          break;
        case 53: // SUB_SP
          regs[13] -= (opcode & 0x7f) << 2;
          used++;
          break;
        case 54: // SXTH
          regs[opcode & 7] = (regs[(opcode >> 3) & 7] << 16) >> 16;
          used++;
          break;
        case 55: // SXTB
          regs[opcode & 7] = (regs[(opcode >> 3) & 7] << 24) >> 24;
          used++;
          break;
        case 56: // UXTH
          regs[opcode & 7] = regs[(opcode >> 3) & 7] & 0xffff;
          used++;
          break;
        case 57: // UXTB
          regs[opcode & 7] = regs[(opcode >> 3) & 7] & 0xff;
          used++;
          break;
        case 58: { // PUSH
          let address = regs[13] | 0;
          const first = used;
          used++;
          for (let i = 8; i >= 0; i--) {
            if (opcode & (1 << i)) {
              address = (address - 4) | 0;
              const ramOffset = (address - RAM_START) >>> 0;
              const value = regs[i === 8 ? 14 : i];
              if (ramOffset < ramBytes) ram32[ramOffset >>> 2] = value;
              else store32(address, value, first);
              used++;
            }
          }
          regs[13] = address;
          break;
        }
        case 59: { // POP
          let address = regs[13] | 0;
          if (opcode & 0x100) {
            let at = address;
            for (let i = 0; i < 8; i++) if (opcode & (1 << i)) at += 4;
            const ramOffset = (at - RAM_START) >>> 0;
            const target = ramOffset < ramBytes ? ram32[ramOffset >>> 2] : 0xffffffff;
            if (target >>> 28 === 15) {
              rare = true;
              break;
            }
            pc = target & ~1;
            used += 2;
          }
          const first = used;
          used++;
          for (let i = 0; i < 8; i++) {
            if (opcode & (1 << i)) {
              const ramOffset = (address - RAM_START) >>> 0;
              regs[i] = ramOffset < ramBytes ? ram32[ramOffset >>> 2] : load32(address, first);
              address = (address + 4) | 0;
              used++;
            }
          }
          regs[13] = opcode & 0x100 ? address + 4 : address;
          break;
        }
        case 60: { // REV
          const x = regs[(opcode >> 3) & 7];
          regs[opcode & 7] = (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);
          used++;
          break;
        }
        case 61: // SEV
          core.eventRegistered = true;
          used++;
          break;
        case 62: // NOP
          used++;
          break;
        case 63: { // STM
          const base = (opcode >> 8) & 7;
          let address = regs[base] | 0;
          const first = used;
          used++;
          for (let i = 0; i < 8; i++) {
            if (opcode & (1 << i)) {
              const ramOffset = (address - RAM_START) >>> 0;
              if (ramOffset < ramBytes && (address & 3) === 0) ram32[ramOffset >>> 2] = regs[i];
              else store32(address, regs[i], first);
              address = (address + 4) | 0;
              used++;
            }
          }
          regs[base] = address;
          break;
        }
        case 64: { // LDM
          const base = (opcode >> 8) & 7;
          let address = regs[base] | 0;
          const first = used;
          used++;
          for (let i = 0; i < 8; i++) {
            if (opcode & (1 << i)) {
              const ramOffset = (address - RAM_START) >>> 0;
              regs[i] =
                ramOffset < ramBytes && (address & 3) === 0 ? ram32[ramOffset >>> 2] : load32(address, first);
              address = (address + 4) | 0;
              used++;
            }
          }
          if (!(opcode & (1 << base))) regs[base] = address;
          break;
        }
        case 65: { // B_COND
          let taken;
          switch ((opcode >> 9) & 7) {
            case 0: taken = z === 0; break;
            case 1: taken = c === 1; break;
            case 2: taken = n < 0; break;
            case 3: taken = v === 1; break;
            case 4: taken = c === 1 && z !== 0; break;
            case 5: taken = n < 0 === (v === 1); break;
            default: taken = n < 0 === (v === 1) && z !== 0;
          }
          used++;
          if (taken !== ((opcode & 0x100) !== 0)) {
            pc += 2 + (((opcode & 0xff) << 24) >> 23);
            used++;
          }
          break;
        }
        case 66: // B
          pc += 2 + (((opcode & 0x7ff) << 21) >> 20);
          used += 2;
          break;
        case 67: { // WIDE: BL and the barriers
          offset = (pc - FLASH_START) >>> 0;
          const second = offset < flashBytes ? flash16[offset >>> 1] : ram16[((pc - RAM_START) >>> 0) >>> 1];
          if ((second & 0xd000) === 0xd000) {
            const sign = (opcode >> 10) & 1;
            const i1 = 1 ^ ((second >> 13) & 1) ^ sign;
            const i2 = 1 ^ ((second >> 11) & 1) ^ sign;
            const low = (i1 << 23) | (i2 << 22) | ((opcode & 0x3ff) << 12) | ((second & 0x7ff) << 1);
            pc += 2;
            regs[14] = pc | 1;
            pc = (pc + low - (sign << 24)) | 0;
            used += 3;
          } else if (opcode === 0xf3bf) {
            pc += 2;
            used += 3;
          } else rare = true;
          break;
        }
        default:
          rare = true;
      }
      if (rare) {
        pc = at;
        break;
      }
    } while (used < limit);

    regs[15] = pc;
    core.N = n < 0;
    core.Z = z === 0;
    core.C = c === 1;
    core.V = v === 1;
    if (rare) {
      clock.nanosCounter = startNanos + used * cycleNanos;
      used += core.executeInstruction();
    }
    return used;
  };
}
