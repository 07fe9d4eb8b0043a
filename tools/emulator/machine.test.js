// The board's one clock: `node --test tools/emulator`.

import assert from "node:assert";
import { test } from "node:test";
import { distance } from "./machine.js";

test("a clock that advances by the computed distance is at its target, at any rounding", () => {
  const [epoch, target] = [1968479876.6923077, 4258720161.3846154];
  assert.ok(epoch + (target - epoch) < target, "no longer the case that this test is about");
  assert.ok(epoch + distance(epoch, target) >= target);
  assert.ok(distance(epoch, target) - (target - epoch) < 0.001);
  assert.strictEqual(distance(1000, 4000), 3000);
  assert.strictEqual(distance(1000, Infinity), Infinity);
});
