import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";

let berth: TestBerth;
before(async () => {
  berth = await startTestBerth();
});
after(() => berth[Symbol.asyncDispose]());

test("the reference page needs nothing but this server, under whatever path a proxy has it", async () => {
  const page = await fetch(`${berth.url}/docs`);
  assert.match(page.headers.get("content-security-policy") ?? "", /default-src 'none'; script-src 'self';/);
  const parts = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = ""]) => path);
  assert.equal(parts.length, 3);
  for (const part of parts) {
    assert.match(part, /^docs\/[\w.-]+$/);
    const answer = await fetch(`${berth.url}/${part}`);
    assert.equal(answer.status, 200, part);
    assert.match(answer.headers.get("content-type") ?? "", /^text\/(css|javascript)/);
    assert.ok((await answer.text()).length > 50);
  }
  const document = await berth.request<{ openapi: string; servers: { url: string }[] }>("GET", "/openapi.json");
  assert.deepEqual([document.body.openapi, document.body.servers[0]?.url], ["3.1.0", "."]);
});
