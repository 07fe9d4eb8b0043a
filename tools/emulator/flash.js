// The NOR flash of the board, a W25Q16JV: 2 MiB that persist over resets, power cuts and the emulator itself.
//
// A program only clears bits; an erase sets a whole sector to 0xFF. Both take the time of the data sheet (section 9.6,
// typical values) and are written to the file at once. If power fails within an operation, its finished part stays.

import fs from "node:fs";

export const FLASH_BYTES = 2 * 1024 * 1024;
const SECTOR_BYTES = 4096;
const PAGE_BYTES = 256;
const SECTOR_ERASE_NANOS = 45_000_000;
const BLOCK_ERASE_NANOS = 150_000_000;
const PAGE_PROGRAM_NANOS = 400_000;
// The boot ROM sends command, address and a page over one data line at a sixth of 125 MHz.
const PAGE_TRANSFER_NANOS = Math.round(((4 + PAGE_BYTES) * 8 * 6 * 1e9) / 125e6);

/** The error that leaves the core when the supply fails in the middle of an operation. */
export class PowerCut extends Error {}

export class Flash {
  /** `machine` has the clock and takes the time of every operation. */
  constructor(path, machine) {
    this.machine = machine;
    this.bytes = new Uint8Array(FLASH_BYTES).fill(0xff);
    this.file = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT);
    fs.readSync(this.file, this.bytes, 0, FLASH_BYTES, 0);
    /** The planned cut: { operations, fraction, nanos, tear }, or null. With `survives` the supply holds. */
    this.cut = null;
    this.erases = new Uint32Array(FLASH_BYTES / SECTOR_BYTES);
    this.pagePrograms = 0;
    this.busyNanos = 0;
    this.operations = 0;
    this.tornPrograms = 0;
    this.tornErases = 0;
  }

  /** Write bytes as an external programmer does. The board sees no operation. */
  write(offset, bytes) {
    this.bytes.set(bytes, offset);
    this.writeThrough(offset, bytes.length);
  }

  writeThrough(offset, count) {
    fs.writeSync(this.file, this.bytes, offset, count, offset);
  }

  eraseRange(offset, count, blockBytes) {
    const end = offset + count;
    if (offset % SECTOR_BYTES || count % SECTOR_BYTES || end > FLASH_BYTES) {
      return this.machine.lockUp(`flash erase of ${count} bytes at 0x${offset.toString(16)}`);
    }
    while (offset < end) {
      const whole = blockBytes && offset % blockBytes === 0 && end - offset >= blockBytes;
      const size = whole ? blockBytes : SECTOR_BYTES;
      this.change(offset, new Uint8Array(size).fill(0xff), whole ? BLOCK_ERASE_NANOS : SECTOR_ERASE_NANOS);
      for (let at = offset; at < offset + size; at += SECTOR_BYTES) this.erases[at / SECTOR_BYTES]++;
      offset += size;
    }
  }

  programRange(offset, bytes) {
    if (offset % PAGE_BYTES || bytes.length % PAGE_BYTES || offset + bytes.length > FLASH_BYTES) {
      return this.machine.lockUp(`flash program of ${bytes.length} bytes at 0x${offset.toString(16)}`);
    }
    for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
      const page = bytes.slice(at, at + PAGE_BYTES);
      for (let i = 0; i < PAGE_BYTES; i++) page[i] &= this.bytes[offset + at + i];
      this.change(offset + at, page, PAGE_PROGRAM_NANOS + PAGE_TRANSFER_NANOS);
      this.pagePrograms++;
    }
  }

  /** Do one erase or one page program. `after` is the content of the cells after it. */
  change(offset, after, nanos) {
    const fraction = this.fractionBeforeCut(nanos);
    this.operations++;
    if (fraction === null) {
      this.bytes.set(after, offset);
      this.writeThrough(offset, after.length);
      this.busyNanos += nanos;
      this.machine.chargeNanos(nanos);
      return;
    }
    this.tear(offset, after, fraction);
    if (after.length === PAGE_BYTES) this.tornPrograms++;
    else this.tornErases++;
    this.writeThrough(offset, after.length);
    if (this.cut.survives) {
      this.cut = null;
      this.machine.chargeNanos(nanos);
      return;
    }
    this.machine.chargeNanos(nanos * fraction);
    throw new PowerCut();
  }

  /** Return the fraction of the starting operation after which the supply fails, or null if the supply lasts. */
  fractionBeforeCut(nanos) {
    const { cut, machine } = this;
    if (!cut) return null;
    if (cut.operations !== null && cut.operations-- === 0) return cut.fraction;
    const left = cut.nanos - machine.nanos;
    return left < nanos ? Math.max(left, 0) / nanos : null;
  }

  /**
   * Leave the cells as a failing supply does. "ordered": the bytes before the break are done, the byte at the break is
   * half done, the bytes after it are not begun. "ragged": each bit that had to change did or did not, by chance.
   */
  tear(offset, after, fraction) {
    const ragged = this.cut.tear === "ragged";
    const whole = Math.floor(after.length * fraction);
    for (let i = 0; i < after.length; i++) {
      const before = this.bytes[offset + i];
      const done = ragged || i === whole ? this.machine.random() & 0xff : i < whole ? 0xff : 0;
      this.bytes[offset + i] = before ^ ((before ^ after[i]) & done);
    }
  }

  statistics() {
    return {
      page_programs: this.pagePrograms,
      sector_erases: this.erases.reduce((sum, count) => sum + count, 0),
      erases_by_sector: Object.fromEntries([...this.erases.entries()].filter(([, count]) => count)),
      operations: this.operations,
      torn_programs: this.tornPrograms,
      torn_erases: this.tornErases,
      busy_ns: this.busyNanos,
    };
  }
}
