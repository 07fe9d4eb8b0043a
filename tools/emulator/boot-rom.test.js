// What the boot ROM does not forgive: `node --test tools/emulator`.

import assert from "node:assert";
import { test } from "node:test";
import { BootRom } from "./boot-rom.js";

const SECTOR_ERASE = [0, 4096, 65536, 0xd8];

function erase(returnAddress) {
  const done = { erased: 0, lockUp: null };
  const machine = {
    rp2040: { core: { LR: returnAddress }, sram: new Uint8Array(264 * 1024) },
    flash: { eraseRange: () => done.erased++ },
    lockUp: (why) => (done.lockUp = why),
  };
  new BootRom(machine).namedRoutines().RE(SECTOR_ERASE);
  return done;
}

test("flash is changed for code in RAM", () => {
  assert.deepStrictEqual(erase(0x20001235), { erased: 1, lockUp: null });
});

test("code that runs out of the flash hangs when it changes the flash", () => {
  const { erased, lockUp } = erase(0x10001235);
  assert.strictEqual(erased, 0);
  assert.match(lockUp, /runs out of flash/);
});
