import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { UNSETTLED, succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, DEPLOYMENT, hookJob } from "./support/charts.ts";
import { sendForEvents } from "./support/events.ts";

let berth: TestBerth;

before(async () => {
  berth = await startTestBerth();
});
after(() => berth[Symbol.asyncDispose]());

/** Installs, cancels once `when` is seen, and gives the stream's last event and all event names. */
async function cancelAt(name: string, chart: string, when: (event: string, data: Record<string, unknown>) => boolean) {
  const body = { name, chart: { path: chart }, values: { nowhere: true }, options: { wait: true, timeout: "60s" } };
  const names: string[] = [];
  let cancelled: Promise<{ body: OperationAnswer }> | undefined;
  let id = "";
  let last: Record<string, unknown> = {};
  for await (const { event, data } of sendForEvents(berth.url + berth.releases, "POST", body)) {
    names.push(event);
    last = data;
    if (event === "operation") id = String(data.id);
    if (cancelled === undefined && when(event, data)) {
      cancelled = berth.request<OperationAnswer>("POST", `/v1/operations/${id}:cancel`, {});
    }
  }
  return { names, last: last as unknown as OperationAnswer, answer: (await cancelled)?.body };
}

test("a wait is cancelled, and the release has a true ending", async () => {
  const chart = await berth.charts.write("waits", { "templates/app.yaml": DEPLOYMENT });
  const { names, last, answer } = await cancelAt(
    "waits",
    chart,
    (event, data) => event === "phase" && data.phase === "waiting",
  );
  assert.equal(names[0], "operation");
  assert.equal(last.state, "OPERATION_STATE_CANCELLED");
  assert.equal(last.error?.code, "CANCELLED");
  assert.equal(answer?.state, "OPERATION_STATE_CANCELLED");
  const { body } = await berth.request<ReleaseAnswer>("GET", `${berth.releases}/waits`);
  assert.equal(body.status, "failed");
  assert.match(body.description, /cancel/i);
});

test("an apply is cancelled in the middle of its objects", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 60 }, (_, i) => [
      `templates/config-${String(i)}.yaml`,
      CONFIG_MAP.replace("-config", `-config-${String(i)}`),
    ]),
  );
  const chart = await berth.charts.write("applies", {
    ...files,
    "templates/before.yaml": hookJob("before", "pre-install", false),
  });
  const { last } = await cancelAt("applies", chart, (event) => event === "hook");
  assert.equal(last.state, "OPERATION_STATE_CANCELLED");
  const { body } = await berth.request<ReleaseAnswer>("GET", `${berth.releases}/applies`);
  assert.doesNotMatch(body.status, UNSETTLED);
  assert.equal(await berth.object("api/v1/namespaces/{ns}/configmaps/applies-config-59"), undefined);
  succeeded(await berth.request<OperationAnswer>("DELETE", `${berth.releases}/applies`));
});

test("a client that goes away stops nothing", async () => {
  const chart = await berth.charts.write("goes-on", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/before.yaml": hookJob("before", "pre-install", false),
  });
  const gone = new AbortController();
  const body = { name: "goes-on", chart: { path: chart }, options: { timeout: "30s" } };
  let id = "";
  try {
    for await (const { data } of sendForEvents(berth.url + berth.releases, "POST", body, gone.signal)) {
      id = String(data.id);
      gone.abort();
    }
  } catch {
    // The abort of our own.
  }
  let operation: OperationAnswer | undefined;
  while (operation?.done !== true) {
    operation = (await berth.request<OperationAnswer>("GET", `/v1/operations/${id}`)).body;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal(operation.state, "OPERATION_STATE_SUCCEEDED");
  assert.notEqual(await berth.object("api/v1/namespaces/{ns}/configmaps/goes-on-config"), undefined);
});
