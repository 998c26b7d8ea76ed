import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ownTestCluster } from "@berth/devcluster";

import { UNSETTLED, refused, succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, DEPLOYMENT, hookJob } from "./support/charts.ts";
import { startHelm } from "./support/helm.ts";

/** Says of a release that it is stuck as soon as a second has gone by. */
let berth: TestBerth;
/** Waits as long as by default. */
let patient: TestBerth;
let waiting: string;
let plain: string;

before(async () => {
  berth = await startTestBerth({ config: { stuck: { afterSeconds: 1 } } });
  patient = await startTestBerth();
  waiting = await berth.charts.write("waiting", { "templates/app.yaml": DEPLOYMENT });
  plain = await berth.charts.write("plain", { "templates/config.yaml": CONFIG_MAP });
});
after(async () => {
  await patient[Symbol.asyncDispose]();
  await berth[Symbol.asyncDispose]();
});

async function read(name: string, by = berth): Promise<ReleaseAnswer> {
  return (await by.request<ReleaseAnswer>("GET", `${berth.releases}/${name}`)).body;
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const deadline = Date.now() + 45_000; ;) {
    const found = await look();
    if (found !== undefined) return found;
    assert.ok(Date.now() < deadline, `${what} does not come`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Kills a helm command line once its release has the status, and waits until that counts as stuck. */
async function killHelm(name: string, status: string, ...args: string[]): Promise<ReleaseAnswer> {
  const helm = startHelm(berth.kubeconfig, "-n", berth.namespace, ...args);
  await until(status, async () => ((await read(name)).status === status ? true : undefined));
  await helm.kill();
  return until("stuck", async () => {
    const release = await read(name);
    return release.stuck === undefined ? undefined : release;
  });
}

test("what a killed helm leaves is reported, refused, and unlocked when that is asked", async () => {
  const nowhere = ["--set", "nowhere=true", "--wait", "--timeout", "60s"];
  const left = await killHelm("left", "pending-install", "install", "left", waiting, ...nowhere);
  assert.ok(Date.now() - Date.parse(left.stuck?.since ?? "") >= 1000, JSON.stringify(left.stuck));
  assert.match(left.stuck?.reason ?? "", /Revision 1 is pending-install, and no operation of Berth is open/);
  succeeded(await berth.request("POST", berth.releases, { name: "fine", chart: { path: plain } }));
  const listed = await berth.request<{ releases: ReleaseAnswer[] }>("GET", `${berth.releases}?stuck=true`);
  assert.deepEqual(
    listed.body.releases.map(({ name, stuck }) => [name, stuck !== undefined]),
    [["left", true]],
  );

  const pending = refused(
    await berth.request("PUT", `${berth.releases}/left`, { chart: { path: plain } }),
    409,
    "RELEASE_PENDING",
  );
  assert.match(pending.hint ?? "", /:unlock/);
  const soon = await patient.request("POST", `${berth.releases}/left:unlock`, {});
  assert.match(refused(soon, 409, "RELEASE_NOT_STUCK").detail ?? "", /counts as stuck after 1m0s/);
  assert.equal((await read("left", patient)).stuck, undefined, "a minute has not gone by");
  const stale = await berth.request("POST", `${berth.releases}/left:unlock`, { expected_revision: 2 });
  refused(stale, 409, "REVISION_STALE", "expected_revision");

  const key = { "idempotency-key": "unlock-left" };
  const unlocked = succeeded(
    await berth.request<OperationAnswer>("POST", `${berth.releases}/left:unlock`, { expected_revision: 1 }, key),
  );
  const { status, revision, description } = unlocked.result?.release ?? {};
  assert.deepEqual([status, revision], ["failed", 1]);
  assert.equal(description, `Install ended without success: it was unlocked by loopback (${unlocked.id})`);
  const same = { expected_revision: 1 };
  const again = await berth.request<OperationAnswer>("POST", `${berth.releases}/left:unlock`, same, key);
  assert.equal(again.body.id, unlocked.id);
  const history = await berth.helmJson<{ status: string; description: string }[]>("history", "left");
  assert.deepEqual(
    history.map((one) => [one.status, one.description]),
    [["failed", description]],
  );
  refused(await berth.request("POST", `${berth.releases}/left:unlock`, {}), 409, "RELEASE_NOT_STUCK");
  refused(await berth.request("POST", `${berth.releases}/none:unlock`, {}), 404, "RELEASE_NOT_FOUND");
  const upgraded = await berth.request<OperationAnswer>("PUT", `${berth.releases}/left`, { chart: { path: plain } });
  assert.equal(succeeded(upgraded).result?.release?.status, "deployed");
  assert.equal((await read("left")).stuck, undefined);
});

test("an uninstall that was killed is unlocked, and done by the next one", async () => {
  const chart = await berth.charts.write("going", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/hook.yaml": hookJob("hook", "pre-delete", true).replace("activeDeadlineSeconds: 1", ""),
  });
  await berth.helm("install", "going", chart);
  await killHelm("going", "uninstalling", "uninstall", "going", "--timeout", "60s");
  const unlocked = succeeded(await berth.request<OperationAnswer>("POST", `${berth.releases}/going:unlock`, {}));
  assert.equal(unlocked.result?.release?.status, "failed");
  const gone = await berth.request<OperationAnswer>("DELETE", `${berth.releases}/going?options.disable_hooks=true`);
  succeeded(gone);
  assert.equal(await berth.object("api/v1/namespaces/{ns}/configmaps/going-config"), undefined);
});

test("a release that an operation of Berth holds is not stuck, however long it waits", async () => {
  const body = { name: "held", chart: { path: waiting }, values: { nowhere: true }, options: { wait: true } };
  const { id } = (await berth.request<OperationAnswer>("POST", berth.releases, body, { prefer: "" })).body;
  await until("pending", async () => ((await read("held")).status === "pending-install" ? true : undefined));
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const { status, stuck } = await read("held");
  assert.deepEqual([status, stuck], ["pending-install", undefined]);
  const pending = refused(await berth.request("POST", `${berth.releases}/held:unlock`, {}), 409, "RELEASE_PENDING");
  assert.ok(pending.detail?.includes(id), pending.detail);
  assert.ok(pending.hint?.includes(`${id}:cancel`), pending.hint);
  await berth.request("POST", `/v1/operations/${id}:cancel`, {});
  assert.doesNotMatch((await read("held")).status, UNSETTLED);
});

test("by policy what is stuck is unlocked once, by one of the replicas", async () => {
  const config = { stuck: { afterSeconds: 1, unlockAfterMinutes: 0.05 } };
  // A cluster of its own: on a shared one it would unlock what the Berths of other tests work on, whose operations it does not see.
  await using cluster = await ownTestCluster();
  const { kubeconfig } = cluster;
  const one = await startTestBerth({ config, kubeconfig });
  const other = await startTestBerth({ config, kubeconfig, home: one.home });
  try {
    const args = ["-n", one.namespace, "install", "auto", waiting, "--set", "nowhere=true", "--wait"];
    const helm = startHelm(kubeconfig, ...args);
    const path = `${one.releases}/auto`;
    const release = async () => (await one.request<ReleaseAnswer>("GET", path)).body;
    await until("pending", async () => ((await release()).status === "pending-install" ? true : undefined));
    await helm.kill();
    const { description } = await until("failed", async () => {
      const found = await release();
      return found.status === "failed" ? found : undefined;
    });
    assert.match(description, /^Install ended without success: it was unlocked by system:berth \(op-/);
    // The other replica has had the time to ask as well.
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const { body } = await one.request<{ operations: { verb: string; principal: string; state: string }[] }>(
      "GET",
      "/v1/operations?release=auto",
    );
    const done = body.operations.map(({ verb, principal, state }) => [verb, principal, state]);
    assert.deepEqual(done, [["VERB_UNLOCK", "system:berth", "OPERATION_STATE_SUCCEEDED"]]);
  } finally {
    await other[Symbol.asyncDispose]();
    await one[Symbol.asyncDispose]();
  }
});
