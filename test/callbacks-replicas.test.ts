import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { succeeded } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { callbackIs, install, stored, until } from "./support/callbacks.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { isSigned, startReceiver } from "./support/receiver.ts";
import type { Receiver } from "./support/receiver.ts";
import { startReplica } from "./support/replica.ts";

const secret = `whsec_${randomBytes(32).toString("base64")}`;
let directory: string;
let receiver: Receiver;
/** What the receiver answers; 0 for nothing at all. */
let status = 204;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "berth-callbacks-"));
  await writeFile(join(directory, "keys"), secret);
  const answer = (path: string) => ({
    [path]: (response: ServerResponse) => (status === 0 ? undefined : response.writeHead(status).end()),
  });
  receiver = await startReceiver({ ...answer("/down"), ...answer("/hangs"), ...answer("/killed"), ...answer("/kept") });
});
after(async () => {
  await receiver[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** A replica on a home that it may share. */
function start(home?: string, more: Record<string, unknown> = {}): Promise<TestBerth> {
  const callbacks = [{ url: `${receiver.url}/`, secretFile: join(directory, "keys") }];
  return startTestBerth({ config: { callbacks, ...more }, ...(home === undefined ? {} : { home }) });
}

for (const { path, first, tells } of [
  { path: "/down", first: 500, tells: "It answered 500." },
  { path: "/hangs", first: 0, tells: "Berth stopped while it was told." },
]) {
  test(`another replica goes on with what one that stopped could not deliver: ${tells}`, async () => {
    await using one = await start();
    status = first;
    const { id } = succeeded(await install(one, "passed-on", receiver.url + path));
    await until(() => receiver.at(path)[0]);
    if (first !== 0) await until(async () => (await stored(one, id))?.reason);
    await one.stop();
    assert.equal((await stored(one, id))?.reason, tells);
    const tried = receiver.at(path).length;
    status = 204;
    await using two = await start(one.home);
    const { attempts } = await callbackIs(two, id, "delivered");
    const all = receiver.at(path);
    assert.deepEqual([attempts, all.length], [tried + 1, tried + 1]);
    assert.ok(all.every((posting) => posting.headers["webhook-id"] === id && isSigned(posting, secret)));
  });
}

test("a replica that is killed in the middle of telling is followed by another one, with the same id", async () => {
  await using home = await start();
  await home.stop();
  const config = join(directory, "berth.yaml");
  const callbacks = [{ url: `${receiver.url}/`, secretFile: join(directory, "keys") }];
  await writeFile(config, JSON.stringify({ callbacks, egress: { allowLoopback: true } }));
  const one = await startReplica(home.kubeconfig, home.home, config);
  status = 0;
  const chart = { path: await home.charts.write("killed", { "templates/config.yaml": CONFIG_MAP }) };
  const policy = { callback_url: `${receiver.url}/killed` };
  const response = await fetch(one.url + home.releases, {
    method: "POST",
    headers: { "content-type": "application/json", prefer: "wait=60" },
    body: JSON.stringify({ name: "killed", chart, policy }),
  });
  const { id, state } = (await response.json()) as { id: string; state: string };
  assert.equal(state, "OPERATION_STATE_SUCCEEDED");
  await until(() => receiver.at("/killed")[0]);
  await one.kill();
  status = 204;
  await using two = await start(home.home);
  await callbackIs(two, id, "delivered");
  const all = receiver.at("/killed");
  assert.equal(all.length, 2);
  assert.ok(all.every((posting) => posting.headers["webhook-id"] === id && isSigned(posting, secret)));
});

test("of two replicas one tells, once, whichever has done the work", async () => {
  await using one = await start();
  await using two = await start(one.home);
  const names = Array.from({ length: 12 }, (_, index) => `each-${String(index)}`);
  const asked = names.map((name, index) => install(index % 2 === 0 ? one : two, name, `${receiver.url}/${name}`));
  const ids = (await Promise.all(asked)).map((answer) => succeeded(answer).id);
  for (const id of ids) assert.equal((await callbackIs(one, id, "delivered")).attempts, 1);
  assert.deepEqual(
    names.map((name) => receiver.at(`/${name}`).length),
    names.map(() => 1),
  );
});

test("what is still to be told is kept, however little is kept", async () => {
  await using berth = await start(undefined, { retention: { hours: 0, count: 0 } });
  status = 500;
  const { id } = succeeded(await install(berth, "kept", `${receiver.url}/kept`));
  const other = succeeded(await berth.request("DELETE", `${berth.releases}/kept`));
  const isThere = async (one: string) => (await berth.request("GET", `/v1/operations/${one}`)).status === 200;
  await until(async () => ((await isThere(other.id)) ? undefined : true));
  assert.ok(await isThere(id));
  assert.equal((await stored(berth, id))?.state, "pending");
});
