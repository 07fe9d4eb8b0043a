// The floating-point routines of the boot ROM, in the order of its tables (RP2040 data sheet, section 2.8.3.2).
//
// Each entry is [name, cycles, routine]. Cycles are the averages in that section. A routine takes the registers R0 to
// R3 and leaves its result there. As in the ROM, a number too small for a normalised result becomes zero, and a
// not-a-number counts as infinity. JavaScript computes in double precision. A single-precision result is rounded once
// more, which is exact for the four operations and the square root.

const scratch = new DataView(new ArrayBuffer(8));
const SMALLEST_SINGLE = 2 ** -126;
const SMALLEST_DOUBLE = 2 ** -1022;

const single = {
  words: 1,
  load(registers, first) {
    scratch.setUint32(0, registers[first], true);
    return normal(scratch.getFloat32(0, true), SMALLEST_SINGLE);
  },
  store(registers, value) {
    scratch.setFloat32(0, normal(Math.fround(value), SMALLEST_SINGLE), true);
    registers[0] = scratch.getUint32(0, true);
  },
};

const double = {
  words: 2,
  load(registers, first) {
    scratch.setUint32(0, registers[first], true);
    scratch.setUint32(4, registers[first + 1], true);
    return normal(scratch.getFloat64(0, true), SMALLEST_DOUBLE);
  },
  store(registers, value) {
    scratch.setFloat64(0, normal(value, SMALLEST_DOUBLE), true);
    registers[0] = scratch.getUint32(0, true);
    registers[1] = scratch.getUint32(4, true);
  },
};

function normal(value, smallest) {
  if (Number.isNaN(value)) return Infinity;
  return Math.abs(value) < smallest ? value * 0 : value;
}

function loadInteger64(registers, signed) {
  scratch.setUint32(0, registers[0], true);
  scratch.setUint32(4, registers[1], true);
  return Number(signed ? scratch.getBigInt64(0, true) : scratch.getBigUint64(0, true));
}

function storeInteger32(registers, value, signed) {
  const [lowest, highest] = signed ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
  registers[0] = Math.min(Math.max(Math.floor(value), lowest), highest);
}

function storeInteger64(registers, value, signed) {
  const [lowest, highest] = signed ? [-(2n ** 63n), 2n ** 63n - 1n] : [0n, 2n ** 64n - 1n];
  let integer = Number.isFinite(value) ? BigInt(Math.floor(value)) : value > 0 ? highest : lowest;
  if (integer < lowest) integer = lowest;
  if (integer > highest) integer = highest;
  scratch.setBigUint64(0, BigInt.asUintN(64, integer), true);
  registers[0] = scratch.getUint32(0, true);
  registers[1] = scratch.getUint32(4, true);
}

function table(format, other, cycles) {
  const { load, store, words } = format;
  const one = (compute) => (r) => store(r, compute(load(r, 0)));
  const two = (compute) => (r) => store(r, compute(load(r, 0), load(r, words)));
  const exponent = (r) => r[words] | 0;
  return [
    ["add", cycles.add, two((x, y) => x + y)],
    ["subtract", cycles.subtract, two((x, y) => x - y)],
    ["multiply", cycles.multiply, two((x, y) => x * y)],
    ["divide", cycles.divide, two((x, y) => x / y)],
    ["compare (not in use)", 0, null],
    ["compare flags (not in use)", 0, null],
    ["square root", cycles.squareRoot, one((x) => Math.sqrt(Math.max(x, 0)))],
    ["to integer", cycles.convert, (r) => storeInteger32(r, load(r, 0), true)],
    ["to fixed point", cycles.convert, (r) => storeInteger32(r, load(r, 0) * 2 ** exponent(r), true)],
    ["to unsigned", cycles.convert, (r) => storeInteger32(r, load(r, 0), false)],
    ["to unsigned fixed point", cycles.convert, (r) => storeInteger32(r, load(r, 0) * 2 ** exponent(r), false)],
    ["from integer", cycles.convert, (r) => store(r, r[0] | 0)],
    ["from fixed point", cycles.convert, (r) => store(r, (r[0] | 0) * 2 ** -(r[1] | 0))],
    ["from unsigned", cycles.convert, (r) => store(r, r[0])],
    ["from unsigned fixed point", cycles.convert, (r) => store(r, r[0] * 2 ** -(r[1] | 0))],
    ["cosine", cycles.cosine, one(Math.cos)],
    ["sine", cycles.sine, one(Math.sin)],
    ["tangent", cycles.tangent, one(Math.tan)],
    ["sine and cosine (not in use)", 0, null],
    ["exponential", cycles.exponential, one(Math.exp)],
    ["logarithm", cycles.logarithm, one((x) => (x > 0 ? Math.log(x) : -Infinity))],
    ["compare", cycles.compare, (r) => (r[0] = Math.sign(load(r, 0) - load(r, words)) | 0)],
    ["arc tangent", cycles.arcTangent, two(Math.atan2)],
    ["from 64-bit integer", cycles.convert, (r) => store(r, loadInteger64(r, true))],
    ["from 64-bit fixed point", cycles.convert, (r) => store(r, loadInteger64(r, true) * 2 ** -(r[2] | 0))],
    ["from 64-bit unsigned", cycles.convert, (r) => store(r, loadInteger64(r, false))],
    ["from 64-bit unsigned fixed point", cycles.convert, (r) => store(r, loadInteger64(r, false) * 2 ** -(r[2] | 0))],
    ["to 64-bit integer", cycles.convert, (r) => storeInteger64(r, load(r, 0), true)],
    ["to 64-bit fixed point", cycles.convert, (r) => storeInteger64(r, load(r, 0) * 2 ** exponent(r), true)],
    ["to 64-bit unsigned", cycles.convert, (r) => storeInteger64(r, load(r, 0), false)],
    ["to 64-bit unsigned fixed point", cycles.convert, (r) => storeInteger64(r, load(r, 0) * 2 ** exponent(r), false)],
    ["to the other precision", cycles.convert, (r) => other.store(r, load(r, 0))],
  ];
}

export const singleRoutines = table(single, double, {
  add: 71, subtract: 74, multiply: 69, divide: 71, squareRoot: 63, convert: 40, compare: 40,
  cosine: 603, sine: 593, tangent: 669, exponential: 592, logarithm: 690, arcTangent: 599,
});

export const doubleRoutines = table(double, single, {
  add: 91, subtract: 95, multiply: 155, divide: 183, squareRoot: 169, convert: 75, compare: 60,
  cosine: 1617, sine: 1618, tangent: 1891, exponential: 804, logarithm: 428, arcTangent: 2168,
});
