import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";

import { sign } from "./sign.ts";

const key = new Uint8Array(Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64"));

test("a signature is that of the specification's example", () => {
  const time = new Date(1_614_265_330_000);
  assert.deepEqual(sign([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", time, '{"test": 2432232314}'), {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

test("each key signs, also what is not ASCII", () => {
  const other = new Uint8Array(24).fill(5);
  const headers = sign([key, other], "op-1", new Date(5_999), "schön ⚓");
  const expected = [key, other].map((one) => {
    const hash = createHmac("sha256", one).update("op-1.5.schön ⚓").digest("base64");
    return `v1,${hash}`;
  });
  assert.equal(headers["webhook-signature"], expected.join(" "));
});
