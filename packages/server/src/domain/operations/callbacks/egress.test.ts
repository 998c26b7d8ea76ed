import assert from "node:assert/strict";
import { test } from "node:test";

import { createEgress } from "./egress.ts";

const strict = { allowLoopback: false, allowLinkLocal: false, allowedHosts: [], allowedCidrs: [] };

test("this machine, its links and groups are not reached unless they are allowed", () => {
  const egress = createEgress(strict);
  const refused = ["127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:7f00:1"];
  refused.push("169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fe80::1%eth0", "224.0.0.1", "ff02::1");
  for (const address of [...refused, "255.255.255.255", "no address", ""]) {
    assert.equal(egress.allows(address), false, address);
  }
  for (const address of ["10.0.0.1", "192.0.2.1", "2001:db8::1", "::ffff:10.0.0.1"]) {
    assert.equal(egress.allows(address), true, address);
  }
  const open = createEgress({ ...strict, allowLoopback: true, allowLinkLocal: true });
  for (const address of ["127.0.0.1", "::1", "169.254.1.1", "fe80::1%eth0"]) {
    assert.equal(open.allows(address), true, address);
  }
  assert.equal(open.allows("224.0.0.1"), false);
});

test("where blocks are named, nothing else is reached", () => {
  const egress = createEgress({ ...strict, allowedCidrs: ["10.1.0.0/16", "fd00::/8", "127.0.0.0/8"] });
  for (const address of ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1"]) assert.equal(egress.allows(address), true, address);
  for (const address of ["10.2.0.1", "2001:db8::1", "127.0.0.1"]) assert.equal(egress.allows(address), false, address);
});

test("where hosts are named, no other is asked", () => {
  const egress = createEgress({ ...strict, allowedHosts: ["Hooks.example.com"] });
  egress.checkHost("hooks.EXAMPLE.com.");
  assert.throws(() => egress.checkHost("other.example.com"), { code: "FORBIDDEN" });
  createEgress(strict).checkHost("any.example.com");
});
