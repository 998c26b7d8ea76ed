import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { Answer, TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, DEPLOYMENT } from "./support/charts.ts";
import { readEvents } from "./support/events.ts";

const NOW = { prefer: "" };

let berth: TestBerth;
let plain: { path: string };
let waits: { path: string };

before(async () => {
  berth = await startTestBerth();
  plain = { path: await berth.charts.write("plain", { "templates/config.yaml": CONFIG_MAP }) };
  waits = { path: await berth.charts.write("waits", { "templates/app.yaml": DEPLOYMENT }) };
});
after(() => berth[Symbol.asyncDispose]());

function install(
  body: Record<string, unknown>,
  headers: Record<string, string> = NOW,
): Promise<Answer<OperationAnswer>> {
  return berth.request<OperationAnswer>("POST", berth.releases, body, headers);
}

/** An install that waits for what never comes. */
function stuck(name: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { name, chart: waits, values: { nowhere: true }, options: { wait: true, timeout: "60s" }, ...more };
}

function get(id: string, query = ""): Promise<Answer<OperationAnswer>> {
  return berth.request<OperationAnswer>("GET", `/v1/operations/${id}${query}`);
}

async function until(id: string, is: (operation: OperationAnswer) => boolean): Promise<OperationAnswer> {
  for (let waited = 0; ; waited += 100) {
    const { body } = await get(id);
    if (is(body)) return body;
    assert.ok(waited < 20_000, JSON.stringify(body));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function secretsAtHome(): Promise<{ metadata: { name: string }; data?: Record<string, string> }[]> {
  const path = `/api/v1/namespaces/${berth.home}/secrets`;
  return (await berth.kube.request<{ items: { metadata: { name: string } }[] }>({ path })).items;
}

test("a write is accepted at once, can be read where it says, and is done by itself", async () => {
  const accepted = await install({ name: "async", chart: plain, values: { value: "a-secret-value" } });
  assert.equal(accepted.status, 202);
  assert.deepEqual([accepted.body.state, accepted.body.done], ["OPERATION_STATE_QUEUED", false]);
  assert.equal(accepted.headers.get("location"), `/v1/operations/${accepted.body.id}`);
  const ended = await get(accepted.body.id, "?wait=30");
  assert.equal(succeeded(ended).attempts, 1);
  const record = await berth.kube.request({
    path: `/apis/berth.dev/v1alpha1/namespaces/${berth.home}/operations/${accepted.body.id}`,
  });
  assert.doesNotMatch(JSON.stringify(record), /a-secret-value/);
  assert.deepEqual(
    (await secretsAtHome()).map(({ metadata }) => metadata.name).filter((name) => name === accepted.body.id),
    [],
    "the request of what has succeeded is forgotten",
  );
  const waited = await berth.request<OperationAnswer>("DELETE", `${berth.releases}/async?wait=30`, undefined, NOW);
  assert.equal(waited.headers.get("preference-applied"), "wait=30");
  succeeded(waited);
});

test("an idempotency key stands for one request, also where it is asked many times at once", async () => {
  const key = { ...NOW, "idempotency-key": "b8a3-key" };
  const body = { chart: plain, generate_name: true };
  const all = await Promise.all(Array.from({ length: 8 }, () => install(body, key)));
  const ids = new Set(all.map((answer) => answer.body.id));
  assert.equal(ids.size, 1, JSON.stringify(all.map((answer) => answer.body)));
  const [id = ""] = ids;
  const operation = succeeded(await get(id, "?wait=30"));
  const again = await install(body, key);
  assert.deepEqual([again.status, again.body.id, again.body.done], [200, id, true]);
  const other = await install({ ...body, values: { value: "other" } }, key);
  assert.deepEqual([other.status, (other.body as unknown as { code: string }).code], [409, "IDEMPOTENCY_KEY_REUSED"]);
  const releases = await berth.helmJson<{ name: string }[]>("list");
  assert.deepEqual(
    releases.map(({ name }) => name).filter((name) => name.startsWith("plain-")),
    [operation.release],
  );
  const kept = (await secretsAtHome()).filter(({ metadata }) => metadata.name.startsWith("idem-"));
  assert.deepEqual(Object.keys(kept[0]?.data ?? {}), ["request"], "the key stays, the request is forgotten");
  const bad = await install(body, { ...NOW, "idempotency-key": "no spaces" });
  assert.equal(bad.status, 400);
});

test("without a key a named install does nothing twice, and one without a name is a new release each time", async () => {
  const body = { name: "named", chart: plain };
  succeeded(await install(body, { prefer: "wait=30" }));
  const twice = await install(body, { prefer: "wait=30" });
  assert.deepEqual([twice.status, (twice.body as unknown as { code: string }).code], [409, "RELEASE_EXISTS"]);
  const three = await Promise.all([1, 2, 3].map(() => install({ chart: plain, generate_name: true })));
  const names = await Promise.all(three.map(async ({ body: { id } }) => succeeded(await get(id, "?wait=30")).release));
  assert.equal(new Set(names).size, 3, names.join());
});

test("operations of one release run in the order asked", async () => {
  const first = await install({ name: "ordered", chart: plain, values: { value: "0" } });
  const upgrades = [];
  for (let value = 1; value <= 5; value++) {
    const body = { chart: plain, values: { value: String(value) } };
    upgrades.push(await berth.request<OperationAnswer>("PUT", `${berth.releases}/ordered`, body, NOW));
  }
  const ids = [first, ...upgrades].map((answer) => answer.body.id);
  const ended = await Promise.all(ids.map((id) => get(id, "?wait=60")));
  assert.deepEqual(
    ended.map((answer) => succeeded(answer).result?.release?.revision),
    [1, 2, 3, 4, 5, 6],
  );
});

test("a queued operation and a running one are cancelled, and each has one true ending", async () => {
  const { body: running } = await install(stuck("cancelled"));
  const { body: queued } = await berth.request<OperationAnswer>(
    "PUT",
    `${berth.releases}/cancelled`,
    { chart: plain },
    NOW,
  );
  await until(running.id, ({ phase }) => phase === "waiting");
  const second = await berth.request<OperationAnswer>("POST", `/v1/operations/${queued.id}:cancel?wait=1`, {}, NOW);
  assert.equal(second.status, 202, "it is not its turn yet");
  const first = await berth.request<OperationAnswer>("POST", `/v1/operations/${running.id}:cancel`, {}, NOW);
  assert.deepEqual([first.status, first.body.state], [200, "OPERATION_STATE_CANCELLED"]);
  assert.equal((await get(queued.id, "?wait=20")).body.state, "OPERATION_STATE_CANCELLED");
  const history = await berth.helmJson<{ revision: number; status: string }[]>("history", "cancelled");
  assert.deepEqual(
    history.map(({ status }) => status),
    ["failed"],
  );
});

test("an event stream is dropped and resumed without losing or repeating an event", async () => {
  const hooks = await berth.charts.write("steps", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/app.yaml": DEPLOYMENT,
  });
  const { body } = await install({ name: "followed", chart: { path: hooks }, options: { wait: true } });
  const path = `${berth.url}/v1/operations/${body.id}/events`;
  await get(body.id, "?wait=30");
  const whole: string[] = [];
  for await (const { id, event } of readEvents(path)) whole.push(`${id} ${event}`);
  const numbered = whole.filter((line) => !line.startsWith(" ")).map((line) => Number(line.split(" ")[0]));
  assert.deepEqual(
    numbered,
    numbered.map((_, index) => index + 1),
  );
  assert.ok(numbered.length > 3, whole.join());
  assert.equal(whole.at(-1), " operation");
  const rest: string[] = [];
  for await (const { id, event } of readEvents(path, { "last-event-id": "2" })) rest.push(`${id} ${event}`);
  assert.deepEqual(
    rest,
    whole.filter((line) => line.startsWith(" ") || Number(line.split(" ")[0]) > 2),
  );
  const bad = await berth.request("GET", `/v1/operations/${body.id}/events`, undefined, { "last-event-id": "x" });
  assert.equal(bad.status, 400);
  assert.equal((await berth.request("GET", "/v1/operations/op-none/events")).status, 404);
});

test("a failed install is removed, and a failed upgrade rolled back, where the policy says so", async () => {
  const failing = { options: { wait: true, timeout: "2s" }, policy: { remediation: "REMEDIATION_ROLLBACK" } };
  const { body: gone } = await install(stuck("removed", failing), { prefer: "wait=60" });
  assert.deepEqual([gone.state, gone.error?.code], ["OPERATION_STATE_FAILED", "WAIT_TIMEOUT"]);
  assert.match(gone.error?.hint ?? "", /Uninstalled/);
  assert.equal((await berth.request("GET", `${berth.releases}/removed`)).status, 404);

  succeeded(await install({ name: "back", chart: plain, values: { value: "good" } }, { prefer: "wait=30" }));
  const { name: _name, ...upgrade } = stuck("back", failing);
  const { body: back } = await berth.request<OperationAnswer>("PUT", `${berth.releases}/back`, upgrade);
  assert.deepEqual([back.state, back.result?.release?.revision], ["OPERATION_STATE_FAILED", 3]);
  assert.match(back.error?.hint ?? "", /Rolled back to revision 1/);
  const config = await berth.object<{ data: { value: string } }>(`api/v1/namespaces/{ns}/configmaps/back-config`);
  assert.equal(config?.data.value, "good");
});

test("what failed is tried again as often as its policy says, and repeated when asked", async () => {
  const { body: failed } = await install(
    stuck("again", { options: { wait: true, timeout: "1s" }, policy: { retries: 1 } }),
    { prefer: "wait=60" },
  );
  assert.deepEqual([failed.state, failed.attempts], ["OPERATION_STATE_FAILED", 2]);
  const repeated = await berth.request<OperationAnswer>("POST", `/v1/operations/${failed.id}:retry`, {}, NOW);
  assert.equal(repeated.status, 202);
  assert.equal(repeated.body.retry_of, failed.id);
  const ended = await get(repeated.body.id, "?wait=30");
  assert.equal(ended.body.error?.code, "WAIT_TIMEOUT", "it goes on from what the failed one has left");
  const once = await install({ name: "done", chart: plain }, { prefer: "wait=30" });
  const refused = await berth.request("POST", `/v1/operations/${once.body.id}:retry`, {}, NOW);
  assert.deepEqual([refused.status, refused.body.code], [409, "OPERATION_NOT_RETRYABLE"]);
});

test("operations are listed by what they are of, and page", async () => {
  const names = ["list-a", "list-b", "list-c"];
  for (const name of names) succeeded(await install({ name, chart: plain }, { prefer: "wait=30" }));
  const list = (query: string) =>
    berth.request<{ operations: OperationAnswer[]; next_page_token: string; total_size: number }>(
      "GET",
      `/v1/operations?${query}`,
    );
  const first = await list(`namespace=${berth.namespace}&verb=VERB_INSTALL&page_size=2`);
  assert.deepEqual(
    first.body.operations.map(({ release }) => release),
    ["list-c", "list-b"],
  );
  const second = await list(
    `namespace=${berth.namespace}&verb=VERB_INSTALL&page_size=1&page_token=${first.body.next_page_token}`,
  );
  assert.deepEqual(
    second.body.operations.map(({ release }) => release),
    ["list-a"],
  );
  const of = await list("release=list-b&state=OPERATION_STATE_SUCCEEDED");
  assert.deepEqual([of.body.total_size, of.body.operations.length], [1, 1]);
  assert.equal((await list("page_token=nonsense")).status, 400);
});

test("where too many operations are open, more are refused with the time to come again", async () => {
  await using small = await startTestBerth({ config: { operations: { openPerTenant: 2 } } });
  const send = (name: string) =>
    small.request<OperationAnswer>("POST", small.releases, { ...stuck(name), chart: waits }, NOW);
  const accepted = [await send("full-a"), await send("full-b")];
  await new Promise((resolve) => setTimeout(resolve, 300));
  const refused = await send("full-c");
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "10"]);
  for (const { body } of accepted) await small.request("POST", `/v1/operations/${body.id}:cancel`, {});
});

test("fewer run at once than are allowed, and those that only wait make room", async () => {
  await using narrow = await startTestBerth({ config: { operations: { active: 1 } } });
  const send = (body: Record<string, unknown>) => narrow.request<OperationAnswer>("POST", narrow.releases, body, NOW);
  const { body: waiting } = await send(stuck("narrow-a"));
  const { body: next } = await send({ name: "narrow-b", chart: plain });
  succeeded(await narrow.request<OperationAnswer>("GET", `/v1/operations/${next.id}?wait=20`));
  await narrow.request("POST", `/v1/operations/${waiting.id}:cancel`, {});
});

test("ended operations are removed by time and number, never before the day of their key is over", async () => {
  await using brief = await startTestBerth({ config: { retention: { hours: 0, count: 0, retryMinutes: 0 } } });
  const write = (name: string, headers: Record<string, string>) =>
    brief.request<OperationAnswer>("POST", brief.releases, { name, chart: plain }, { prefer: "wait=30", ...headers });
  const unkeyed = succeeded(await write("brief-a", {}));
  const keyed = succeeded(await write("brief-b", { "idempotency-key": "kept" }));
  for (let waited = 0; ; waited += 500) {
    const { status } = await brief.request("GET", `/v1/operations/${unkeyed.id}`);
    if (status === 404) break;
    assert.ok(waited < 50_000, "it is not removed");
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  assert.equal((await brief.request("GET", `/v1/operations/${keyed.id}`)).status, 200);
  assert.equal((await write("brief-b", { "idempotency-key": "kept" })).body.id, keyed.id);
});
