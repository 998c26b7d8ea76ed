import assert from "node:assert/strict";
import { test } from "node:test";

import { SetupError } from "../setup-error.ts";
import { checkRealNode, missingCapabilities, whyNoRealNode } from "./needs.ts";

test("what a process lacks is named", () => {
  assert.deepEqual(missingCapabilities("CapPrm:\t000001ffffffffff\nCapEff:\t000001fffeffffff\n"), []);
  assert.deepEqual(missingCapabilities("CapEff:\t00000000a80425fb\n"), [
    ...["CAP_NET_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_ADMIN"],
  ]);
  assert.ok(missingCapabilities("CapEff:\t0000000000000000\n").includes("CAP_SYS_ADMIN"));
});

test("a data directory that the node would not see is refused", { skip: whyNoRealNode()?.message ?? false }, () => {
  for (const directory of ["/var/lib/berth", "/run/x"]) {
    assert.throws(
      () => checkRealNode(directory),
      (error: Error) => {
        assert.ok(error instanceof SetupError);
        assert.match(error.message, new RegExp(`cannot see ${directory}`));
        return true;
      },
    );
  }
  checkRealNode("/var/library");
});
