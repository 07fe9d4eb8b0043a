// The conversation with the Python side, over two pipes: exactly one side runs at any time.
//
// Python sends commands and ends with RUN. Then the board runs until it has a question, and waits again. An event that
// needs no answer is posted: it travels with the next question. Reading and writing block, so that the board can ask in
// the middle of an instruction. The frames are described in tools/wattpurse_tools/emulation/link.py.

import fs from "node:fs";

const HEADER_BYTES = 16;
const FLUSH_BYTES = 32 * 1024;

export class Link {
  constructor(input, output) {
    this.input = input;
    this.output = output;
    this.outgoing = Buffer.alloc(2 * FLUSH_BYTES);
    this.outgoingBytes = 0;
    this.incoming = Buffer.alloc(0);
  }

  /** Queue a frame. The next `flush` sends it. */
  post(kind, index, value, nanos, payload = null) {
    const length = payload ? payload.length : 0;
    const total = HEADER_BYTES + length;
    if (this.outgoingBytes + total > this.outgoing.length) {
      this.flush();
      if (total > this.outgoing.length) this.outgoing = Buffer.alloc(total);
    }
    const at = this.outgoingBytes;
    const { outgoing } = this;
    outgoing[at] = kind.charCodeAt(0);
    outgoing[at + 1] = index;
    outgoing.writeInt16LE(value, at + 2);
    outgoing.writeUInt32LE(length, at + 4);
    outgoing.writeDoubleLE(nanos, at + 8);
    if (length) outgoing.set(payload, at + HEADER_BYTES);
    this.outgoingBytes += total;
    if (this.outgoingBytes > FLUSH_BYTES) this.flush();
  }

  flush() {
    let sent = 0;
    while (sent < this.outgoingBytes) {
      sent += fs.writeSync(this.output, this.outgoing, sent, this.outgoingBytes - sent);
    }
    this.outgoingBytes = 0;
  }

  /** Return the next frame from Python, or null if Python has closed the pipe. */
  receive() {
    if (!this.fill(HEADER_BYTES)) return null;
    const length = this.incoming.readUInt32LE(4);
    if (!this.fill(HEADER_BYTES + length)) return null;
    const { incoming } = this;
    const frame = {
      kind: String.fromCharCode(incoming[0]),
      index: incoming[1],
      value: incoming.readInt16LE(2),
      nanos: incoming.readDoubleLE(8),
      payload: length ? Buffer.from(incoming.subarray(HEADER_BYTES, HEADER_BYTES + length)) : null,
    };
    this.incoming = incoming.subarray(HEADER_BYTES + length);
    return frame;
  }

  fill(bytes) {
    while (this.incoming.length < bytes) {
      const chunk = Buffer.allocUnsafe(Math.max(bytes, 4096));
      const count = fs.readSync(this.input, chunk);
      if (count === 0) return false;
      this.incoming = this.incoming.length
        ? Buffer.concat([this.incoming, chunk.subarray(0, count)])
        : chunk.subarray(0, count);
    }
    return true;
  }
}
