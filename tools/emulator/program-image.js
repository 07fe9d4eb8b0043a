// Program images: a plain binary, which starts at the first byte of flash, or a UF2 file.

import fs from "node:fs";

const UF2_BLOCK_BYTES = 512;
const UF2_MAGIC = 0x0a324655;
const XIP_START = 0x10000000;

/** The pieces of the image at `path`: an array of { offset, bytes }. */
export function readImage(path) {
  const content = fs.readFileSync(path);
  if (content.length < 4 || content.readUInt32LE(0) !== UF2_MAGIC) return [{ offset: 0, bytes: content }];
  const pieces = [];
  for (let at = 0; at < content.length; at += UF2_BLOCK_BYTES) {
    const offset = content.readUInt32LE(at + 12) - XIP_START;
    const length = content.readUInt32LE(at + 16);
    pieces.push({ offset, bytes: content.subarray(at + 32, at + 32 + length) });
  }
  return pieces;
}
