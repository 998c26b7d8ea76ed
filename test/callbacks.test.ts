import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { createAuthority, issue } from "@berth/devcluster";

import { refused, succeeded } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { callbackIs, install, stored, until } from "./support/callbacks.ts";
import type { Told } from "./support/callbacks.ts";
import { DEPLOYMENT, hookJob } from "./support/charts.ts";
import { isSigned, startReceiver } from "./support/receiver.ts";
import type { Receiver } from "./support/receiver.ts";

const secret = `whsec_${randomBytes(32).toString("base64")}`;
const oldSecret = `whsec_${randomBytes(24).toString("base64")}`;
let directory: string;
let secretFile: string;
let receiver: Receiver;
let berth: TestBerth;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "berth-callbacks-"));
  secretFile = join(directory, "keys");
  await writeFile(secretFile, `${secret}\n${oldSecret}\n`);
  receiver = await startReceiver({
    "/hooks/flaky": (response, n) => response.writeHead(n < 3 ? 500 : 200).end("thanks"),
    "/hooks/slow": (response, n) => (n === 1 ? undefined : response.writeHead(202).end()),
    "/hooks/gone": (response) => response.writeHead(410).end(),
    "/hooks/moved": (response) => response.writeHead(307, { location: `${receiver.url}/hooks/elsewhere` }).end(),
    "/hooks/endless": (response) => {
      response.writeHead(200);
      const more = () => response.write(Buffer.alloc(64 * 1024)) || response.once("drain", more);
      const timer = setInterval(more, 5);
      response.once("close", () => clearInterval(timer));
    },
  });
  berth = await startTestBerth({ config: { callbacks: [{ url: `${receiver.url}/hooks/`, secretFile }] } });
});
after(async () => {
  await berth[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** The check that docs/operations.md shows. */
async function documentedCheck(...args: unknown[]): Promise<unknown> {
  const page = await readFile(join(import.meta.dirname, "../docs/operations.md"), "utf8");
  const [, code = ""] = /```js\n(.*?)```/s.exec(page) ?? [];
  const example = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
    isFromBerth: (...given: unknown[]) => unknown;
  };
  return example.isFromBerth(...args);
}

test("the end of an operation is told: signed, as an event, with the operation and nothing secret", async () => {
  const values = { value: "a-secret-value" };
  const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const url = `${receiver.url}/hooks/told?job=7`;
  const answer = await install(berth, "told", url, { values }, { traceparent: trace });
  const { id, callback } = succeeded(answer) as Told;
  assert.notEqual(callback, "");
  await callbackIs(berth, id, "delivered");
  const [one, ...others] = receiver.at("/hooks/told?job=7");
  assert.ok(one !== undefined && others.length === 0);
  assert.ok(isSigned(one, secret) && isSigned(one, oldSecret));
  assert.ok(!isSigned(one, `whsec_${randomBytes(32).toString("base64")}`));
  assert.ok(!isSigned({ ...one, body: one.body.replace("succeeded", "failed") }, secret));
  assert.ok(await documentedCheck(oldSecret, one.headers, one.body));
  assert.ok(!(await documentedCheck(secret, one.headers, `${one.body} `)));
  assert.equal(one.headers["webhook-id"], id);
  assert.ok(Math.abs(Number(one.headers["webhook-timestamp"]) - Date.now() / 1000) < 60);
  assert.equal(one.headers["content-type"], "application/cloudevents+json");

  const { data, time, ...event } = JSON.parse(one.body) as Record<string, unknown>;
  assert.deepEqual(event, {
    ...{ specversion: "1.0", id, type: "dev.berth.operation.succeeded", source: "/v1/clusters/local" },
    ...{
      subject: `namespaces/${berth.namespace}/releases/told`,
      datacontenttype: "application/json",
      traceparent: trace,
    },
  });
  const { body } = await berth.request<Told & { end_time: string }>("GET", `/v1/operations/${id}`);
  assert.equal(new Date(String(time)).getTime(), new Date(body.end_time).getTime());
  assert.equal(body.callback, "delivered");
  assert.deepEqual(data, { ...body, callback: "pending" });
  const home = `api/v1/namespaces/${berth.home}`;
  const operation = await berth.object(`apis/berth.dev/v1alpha1/namespaces/${berth.home}/operations/${id}`);
  const everything = JSON.stringify([one, operation, body, await berth.object(`${home}/configmaps`)]);
  for (const text of [secret, oldSecret, values.value]) assert.ok(!everything.includes(text.replace("whsec_", "")));
});

test("a failure and a cancellation are told as what they are", async () => {
  const failing = await berth.charts.write("failing", { "templates/hook.yaml": hookJob("hook", "pre-install", true) });
  const waiting = await berth.charts.write("waiting", { "templates/app.yaml": DEPLOYMENT });
  const ask = (name: string, chart: string, options: object) =>
    berth.request<Told>(
      "POST",
      berth.releases,
      {
        ...{ name, chart: { path: chart }, options, values: { nowhere: true } },
        policy: { callback_url: `${receiver.url}/hooks/${name}` },
      },
      { prefer: "wait=0" },
    );
  const failed = (await ask("failing", failing, { timeout: "20s" })).body;
  const cancelled = (await ask("waiting", waiting, { wait: true, timeout: "60s" })).body;
  assert.equal(cancelled.callback, "pending");
  await until(async () => {
    const { body } = await berth.request<Told>("GET", `/v1/operations/${cancelled.id}`);
    return body.phase === "waiting" ? true : undefined;
  });
  await berth.request("POST", `/v1/operations/${cancelled.id}:cancel`, {});
  for (const { id, name, state } of [
    { id: failed.id, name: "failing", state: "failed" },
    { id: cancelled.id, name: "waiting", state: "cancelled" },
  ]) {
    await callbackIs(berth, id, "delivered");
    const [one] = receiver.at(`/hooks/${name}`);
    const event = JSON.parse(one?.body ?? "{}") as { type: string; data: Told };
    assert.equal(event.type, `dev.berth.operation.${state}`);
    assert.equal(event.data.state, `OPERATION_STATE_${state.toUpperCase()}`);
    assert.notEqual(event.data.error?.code ?? "", "");
  }
});

test("what cannot be delivered is tried again with the same id; 410 and redirects are what they say", async () => {
  const names = ["flaky", "slow", "gone", "moved", "endless"] as const;
  const ids: Record<string, string> = {};
  for (const name of names) ids[name] = succeeded(await install(berth, name, `${receiver.url}/hooks/${name}`)).id;

  const gone = await callbackIs(berth, ids.gone ?? "", "failed");
  assert.deepEqual([gone.attempts, gone.reason, receiver.at("/hooks/gone").length], [1, "It answered 410.", 1]);
  assert.equal((await callbackIs(berth, ids.endless ?? "", "delivered")).attempts, 1);

  assert.equal((await callbackIs(berth, ids.flaky ?? "", "delivered")).attempts, 3);
  const tries = receiver.at("/hooks/flaky");
  assert.equal(tries.length, 3);
  assert.ok(tries.every((one) => isSigned(one, secret) && one.headers["webhook-id"] === ids.flaky));
  assert.equal(new Set(tries.map(({ headers }) => headers["webhook-timestamp"])).size, 3);
  assert.equal(new Set(tries.map(({ body }) => body)).size, 1);

  const slow = await callbackIs(berth, ids.slow ?? "", "delivered");
  assert.deepEqual([slow.attempts, slow.reason], [2, undefined]);
  const moved = await stored(berth, ids.moved ?? "");
  assert.deepEqual([moved?.state, moved?.reason], ["pending", "It answered 307."]);
  assert.ok(receiver.at("/hooks/moved").length >= 1);
  assert.deepEqual(receiver.at("/hooks/elsewhere"), []);
});

test("a URL that is not in the list is refused, and nothing is done", async () => {
  const before = (await berth.request<{ total_size: number }>("GET", "/v1/operations")).body.total_size;
  for (const url of [
    receiver.url,
    `${receiver.url}/other`,
    `${receiver.url}/hooks/..%2fother`,
    `${receiver.url.replace("127.0.0.1", "localhost")}/hooks/a`,
    "https://example.com/hooks/",
    "no url",
  ]) {
    for (const more of [{}, { options: { dry_run: true } }]) {
      const problem = refused(
        await install(berth, "refused", url, more),
        400,
        "INVALID_ARGUMENT",
        "policy.callback_url",
      );
      assert.match(problem.hint ?? "", /callbacks/);
    }
  }
  const { body } = await berth.request<{ total_size: number }>("GET", "/v1/operations");
  assert.equal(body.total_size, before);
});

test("no socket is opened to where egress does not lead, by address or by name", async () => {
  const authority = await createAuthority("callbacks test");
  const { cert, key } = await issue(authority, {
    commonName: "receiver",
    hosts: ["localhost", "127.0.0.1"],
    usages: ["server"],
  });
  await using own = await startReceiver({}, { cert, key });
  const named = own.url.replace("127.0.0.1", "localhost");
  const callbacks = [own.url, named].map((url) => ({ url, secretFile, certificateAuthority: authority.cert }));
  for (const egress of [
    { allowLoopback: false },
    { allowedCidrs: ["192.0.2.0/24"] },
    { allowedHosts: ["a.example"] },
  ]) {
    await using strict = await startTestBerth({ config: { callbacks, egress } });
    for (const url of [own.url, named]) {
      const { id } = succeeded(await install(strict, `n-${randomBytes(4).toString("hex")}`, url));
      const callback = await until(async () => {
        const found = await stored(strict, id);
        return found?.reason === undefined ? undefined : found;
      });
      assert.equal(callback.state, "pending");
      assert.match(callback.reason ?? "", /^Nothing may be sent to (127\.0\.0\.1|::1|localhost)\.$/);
    }
  }
  assert.equal(own.connections(), 0);

  await using open = await startTestBerth({ config: { callbacks, egress: { allowLoopback: true } } });
  for (const url of [own.url, named]) {
    const { id } = succeeded(await install(open, `o-${randomBytes(4).toString("hex")}`, url));
    await callbackIs(open, id, "delivered");
  }
  await using distrustful = await startTestBerth({ config: { callbacks: [{ url: own.url, secretFile }] } });
  const { id } = succeeded(await install(distrustful, "untrusted", own.url));
  const reason = await until(async () => (await stored(distrustful, id))?.reason);
  assert.match(reason, /^It cannot be reached: [A-Z_]+\.$/);
  assert.equal(own.received.length, 2);
});
