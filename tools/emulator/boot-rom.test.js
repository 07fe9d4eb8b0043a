// Misuse that the boot ROM reports: `node --test tools/emulator`.

import assert from "node:assert";
import { test } from "node:test";
import { BootRom } from "./boot-rom.js";
import { FlashPort } from "./flash-port.js";

const SECTOR_ERASE = [0, 4096, 65536, 0xd8];

function callsOf(returnAddress, ...names) {
  const done = { erased: 0, lockUp: null };
  const machine = {
    rp2040: { core: { LR: returnAddress }, sram: new Uint8Array(264 * 1024) },
    flash: { eraseRange: () => done.erased++ },
    lockUp: (why) => (done.lockUp = why),
    nanos: 0,
  };
  machine.flashPort = new FlashPort(machine, machine.rp2040);
  machine.flashPort.connect();
  machine.flashPort.enterSerialMapping();
  const routines = new BootRom(machine).namedRoutines();
  for (const name of names) routines[name](SECTOR_ERASE);
  return done;
}

test("flash is changed for code in RAM that has ended its mapping", () => {
  assert.deepStrictEqual(callsOf(0x20001235, "IF", "EX", "RE"), { erased: 1, lockUp: null });
});

test("code that runs out of the flash hangs when it changes the flash", () => {
  const { erased, lockUp } = callsOf(0x10001235, "RE");
  assert.strictEqual(erased, 0);
  assert.match(lockUp, /runs out of flash/);
});

test("flash that is mapped is not changed", () => {
  for (const names of [["RE"], ["IF", "EX", "CX", "RE"]]) {
    const { erased, lockUp } = callsOf(0x20001235, ...names);
    assert.strictEqual(erased, 0);
    assert.match(lockUp, /mapped/);
  }
});
