import assert from "node:assert/strict";
import { test } from "node:test";

import { createNameGenerator, newOperationId } from "./names.ts";

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

test("generated names are the chart's and the seconds, and never the same twice", () => {
  const generate = createNameGenerator(() => 1_700_000_000_500);
  assert.equal(generate("stable/rabbitmq"), "rabbitmq-1700000000");
  assert.equal(generate("rabbitmq"), "rabbitmq-1700000001");
});

test("whatever a chart is called, the name is one", () => {
  const generate = createNameGenerator(() => 1_700_000_000_000);
  for (const chart of ["./x/", "..", "", "A B", "x-1.2.3.tgz", "/a/b/My_Chart", "é", "x".repeat(100), "-a-"]) {
    const name = generate(chart);
    assert.match(name, NAME, chart);
    assert.ok(name.length <= 53, chart);
  }
});

test("operation ids are label values, and differ", () => {
  const ids = new Set(Array.from({ length: 1000 }, newOperationId));
  assert.equal(ids.size, 1000);
  for (const id of ids) assert.match(id, /^op-[a-z0-9]{23}$/);
});
