import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { BerthApiError, createBerth, followOperation, pages, requireSuccess, waitForOperation } from "@berth/sdk";
import type { BerthClient, ConnectionOptions, OperationEvent } from "@berth/sdk";
import { build } from "esbuild";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, DEPLOYMENT } from "./support/charts.ts";
import { startFlakyProxy } from "./support/flaky-proxy.ts";

const repository = join(import.meta.dirname, "..");
const run = promisify(execFile);
const retry = { initial: 10, max: 100 };

let berth: TestBerth;
let chart: { path: string };

before(async () => {
  berth = await startTestBerth();
  chart = { path: await berth.charts.write("sdk", { "templates/config.yaml": CONFIG_MAP }) };
});
after(() => berth[Symbol.asyncDispose]());

function client(options: Partial<ConnectionOptions> = {}): BerthClient {
  return createBerth({ url: berth.url, retry, ...options });
}

function at(name: string) {
  return { cluster: "local", namespace: berth.namespace, name };
}

async function failureOf(call: Promise<unknown>): Promise<BerthApiError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof BerthApiError, String(error));
  return error;
}

for (const protocol of ["connect", "grpc", "grpc-web", "rest"] as const) {
  test(`over ${protocol} it installs, waits, lists, and errors are the same`, async () => {
    const sdk = client({ protocol });
    const { id } = await sdk.releases.installRelease({ ...at(protocol), chart, values: { value: "given" } });
    const done = requireSuccess(await waitForOperation(sdk.connection, id));
    assert.equal(done.result?.release?.status, "deployed");
    const news: string[] = [];
    for await (const one of sdk.operations.watchOperation({ id })) news.push(`${one.n} ${one.news.case ?? "none"}`);
    assert.equal(news.at(-1)?.split(" ")[1], "operation", news.join(", "));
    assert.ok(news.includes("1 phase"), news.join(", "));
    const { values } = await sdk.releases.getReleaseValues(at(protocol));
    assert.deepEqual(values, { value: "given" });
    const names: string[] = [];
    const where = { ...at(""), pageSize: 1 };
    for await (const page of pages((pageToken) => sdk.releases.listReleases({ ...where, pageToken }))) {
      names.push(...page.releases.map(({ name }) => name));
    }
    assert.ok(names.includes(protocol));

    const missing = await failureOf(sdk.releases.getRelease(at("none")));
    assert.deepEqual([missing.code, missing.kind], ["RELEASE_NOT_FOUND", "not_found"]);
    assert.notEqual(missing.hint, "");
    assert.match(missing.requestId, /^[0-9a-f-]{36}$/);
    const invalid = await failureOf(sdk.releases.installRelease({ ...at("Bad_Name"), chart }));
    assert.deepEqual([invalid.code, invalid.field], ["INVALID_ARGUMENT", "name"]);
    const taken = await failureOf(sdk.releases.installRelease({ ...at(protocol), chart }, { waitSeconds: 60 }));
    assert.equal(taken.code, "RELEASE_EXISTS");
  });
}

test("a write whose answer is lost is sent again and done once", async () => {
  await using proxy = await startFlakyProxy(berth.url);
  proxy.swallow(2);
  const sdk = client({ url: proxy.url });
  const { id } = await sdk.releases.installRelease({ ...at("lost"), chart });
  assert.ok(proxy.connections() >= 3);
  requireSuccess(await waitForOperation(sdk.connection, id));
  const { operations } = await sdk.operations.listOperations({ release: "lost", namespace: berth.namespace });
  assert.deepEqual(
    operations.map((one) => one.id),
    [id],
  );
});

test("a stream that is cut is resumed after its last event", async () => {
  await using proxy = await startFlakyProxy(berth.url);
  const slow = await berth.charts.write("slow", { "templates/app.yaml": DEPLOYMENT });
  const sdk = client({ url: proxy.url });
  const values = { nowhere: true };
  const options = { wait: true, timeout: { seconds: 4n } };
  const { id } = await sdk.releases.installRelease({ ...at("cut"), chart: { path: slow }, values, options });
  const events: OperationEvent[] = [];
  for await (const event of followOperation(sdk.connection, id)) {
    if (event.type === "phase") proxy.cut();
    events.push(event);
  }
  const numbers = events.flatMap((event) => ("n" in event ? [event.n] : []));
  assert.deepEqual(
    numbers,
    numbers.map((_, i) => i + 1),
    "each event came once, none is missing",
  );
  const last = events.at(-1);
  assert.ok(last?.type === "operation" && last.operation.done);
  assert.throws(() => requireSuccess(last.operation), { name: "BerthApiError", code: "WAIT_TIMEOUT" });
});

test("signals end calls, waits and streams; what is not there is said", async () => {
  const gone = await failureOf(client({ url: "http://127.0.0.1:1" }).pools.listPools({ cluster: "local" }));
  assert.deepEqual([gone.code, gone.kind], ["UNREACHABLE", "unavailable"]);
  const sdk = client();
  const aborted = AbortSignal.abort();
  assert.equal((await failureOf(sdk.releases.getRelease(at("none"), { signal: aborted }))).code, "CANCELLED");
  const late = await failureOf(sdk.releases.listReleases(at(""), { timeoutMs: 0.001 }));
  assert.equal(late.code, "DEADLINE_EXCEEDED");
  await using proxy = await startFlakyProxy(berth.url);
  const far = client({ url: `${proxy.url}/prefix` });
  assert.equal((await failureOf(far.pools.listPools({ cluster: "local" }))).code, "UNEXPECTED_ANSWER");
  const unknown = followOperation(sdk.connection, "op-unknown");
  assert.equal((await failureOf(unknown.next())).code, "OPERATION_NOT_FOUND");
  const ended = followOperation(sdk.connection, "op-unknown", { signal: aborted });
  assert.equal((await failureOf(ended.next())).code, "CANCELLED");
});

test("a bundle for the browser holds no module of Node's, and only the services that it names", async () => {
  const bundle = async (contents: string) => {
    const stdin = { contents, resolveDir: repository, loader: "ts" as const };
    const common = { bundle: true, write: false, metafile: true, platform: "browser", format: "esm" } as const;
    const { metafile } = await build({ ...common, stdin, logLevel: "silent" });
    const output = Object.values(metafile.outputs)[0];
    assert.deepEqual(output?.imports, [], "nothing is left to be imported, of Node's neither");
    return Object.entries(output.inputs);
  };
  const sizeOf = (inputs: Awaited<ReturnType<typeof bundle>>, part: string) =>
    inputs.filter(([path]) => path.includes(part)).reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0);
  const small = await bundle(`
    import { connect, createServiceClient, poolService } from "@berth/sdk";
    console.log(createServiceClient(connect({ url: "http://x" }), poolService.PoolService));`);
  assert.notEqual(sizeOf(small, "pool_service_pb"), 0);
  for (const other of ["release", "operation", "chart", "chart_source", "exposure"]) {
    assert.equal(sizeOf(small, `/${other}_service_pb`), 0, other);
  }
  const all = await bundle(`import { createBerth } from "@berth/sdk"; console.log(createBerth({ url: "http://x" }));`);
  assert.notEqual(sizeOf(all, "release_service_pb"), 0);
  assert.equal(sizeOf(all, "connect-node"), 0);
});

test("the examples of its README run", async () => {
  const readme = await readFile(join(repository, "packages/sdk/README.md"), "utf8");
  const examples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""]) => code);
  assert.equal(examples.length, 5);
  const printed: string[] = [];
  for (const example of examples) {
    const code = example
      .replaceAll("http://127.0.0.1:4000", berth.url)
      .replaceAll('namespace: "default"', `namespace: "${berth.namespace}"`)
      .replaceAll("examples/hello", join(repository, "examples/hello"));
    const args = ["--input-type=module-typescript", "--eval", code];
    printed.push((await run(process.execPath, args, { cwd: repository, timeout: 60_000 })).stdout);
  }
  const [install = "", follow = "", list = "", error = "", pools = ""] = printed;
  assert.match(install, /^deployed 1$/m);
  assert.match(follow, /applying\n[^]*ended: well\n/);
  assert.match(list, /^first 2 deployed$/m);
  assert.match(error, /^RELEASE_NOT_FOUND /);
  assert.match(pools, /^\[/);
});
