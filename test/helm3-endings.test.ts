import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { refused, succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, DEPLOYMENT, hookJob } from "./support/charts.ts";
import { eventually } from "./support/exposures.ts";
import { BROKEN_HOOK, DRIVERS, helmsOf, recordsOf } from "./support/helm3.ts";
import type { Driver, Helms } from "./support/helm3.ts";

/*
 * Releases of Helm 3 that are not well: failed, uninstalled with their history
 * kept, and left in the middle by a killed command line.
 */

let berth: TestBerth;
let helms: Helms;
let plain: string;
let broken: string;
let app: string;
let stuckHook: string;

before(async () => {
  berth = await startTestBerth({ config: { stuck: { afterSeconds: 1 } } });
  helms = await helmsOf(berth);
  plain = await berth.charts.write("plain", { "templates/config.yaml": CONFIG_MAP });
  broken = await berth.charts.write("broken", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/hook.yaml": BROKEN_HOOK,
  });
  app = await berth.charts.write("app", { "templates/config.yaml": CONFIG_MAP, "templates/app.yaml": DEPLOYMENT });
  stuckHook = await berth.charts.write("stuck-hook", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/hook.yaml": hookJob("hook", "pre-delete", true).replace("activeDeadlineSeconds: 1", ""),
  });
});
after(() => berth[Symbol.asyncDispose]());

const read = async (name: string) => (await berth.request<ReleaseAnswer>("GET", `${berth.releases}/${name}`)).body;

async function write(method: string, path: string, body?: object): Promise<ReleaseAnswer | undefined> {
  return succeeded(await berth.request<OperationAnswer>(method, `${berth.releases}/${path}`, body)).result?.release;
}

/** Asserts what Helm 3 tells of a release's revisions, oldest first. */
async function tells(driver: Driver, name: string, statuses: readonly string[]): Promise<void> {
  const history = await helms.three(driver).json<{ status: string }[]>("history", name);
  assert.deepEqual(
    history.map(({ status }) => status),
    statuses,
    name,
  );
}

/** Uninstalls and asserts that nothing is left. */
async function end(...names: string[]): Promise<void> {
  for (const name of names) {
    await write("DELETE", `${name}?options.disable_hooks=true`);
    assert.deepEqual(await recordsOf(berth, name), []);
    assert.equal(await berth.object(`api/v1/namespaces/{ns}/configmaps/${name}-config`), undefined);
    assert.equal(await berth.object(`apis/apps/v1/namespaces/{ns}/deployments/${name}-app`), undefined);
    refused(await berth.request("GET", `${berth.releases}/${name}`), 404, "RELEASE_NOT_FOUND");
  }
}

for (const driver of DRIVERS) {
  test(`what has failed with Helm 3 in a ${driver} goes on with Berth`, async () => {
    const three = helms.three(driver);
    const [never, once] = [`never-${driver}`, `once-${driver}`];
    await assert.rejects(three.run("install", never, broken));
    const failed = await read(never);
    assert.deepEqual([failed.revision, failed.status], [1, "failed"]);
    assert.match(failed.description, /failed pre-install/);
    assert.equal((await write("PUT", never, { chart: { path: plain } }))?.revision, 2);
    await tells(driver, never, ["superseded", "deployed"]);

    await three.run("install", once, plain, "--set", "value=good");
    await assert.rejects(three.run("upgrade", once, broken, "--set", "value=bad"));
    const query = `filter=${driver}&status=failed`;
    const { body } = await berth.request<{ releases: ReleaseAnswer[] }>("GET", `${berth.releases}?${query}`);
    assert.deepEqual(
      body.releases.map(({ name, revision }) => [name, revision]),
      [[once, 2]],
    );
    assert.equal((await write("POST", `${once}:rollback`, { revision: 1 }))?.revision, 3);
    const config = await berth.object<{ data: object }>(`api/v1/namespaces/{ns}/configmaps/${once}-config`);
    assert.deepEqual(config?.data, { value: "good" });
    await tells(driver, once, ["superseded", "failed", "deployed"]);
    await assert.rejects(three.run("upgrade", once, broken));
    assert.equal((await write("PUT", once, { chart: { path: plain } }))?.revision, 5);
    await tells(driver, once, ["superseded", "failed", "superseded", "failed", "deployed"]);
    await end(never, once);
  });

  test(`what Helm 3 has uninstalled and kept in a ${driver} comes back by Berth`, async () => {
    const three = helms.three(driver);
    const [rolled, made] = [`rolled-${driver}`, `made-${driver}`];
    for (const name of [rolled, made]) {
      await three.run("install", name, plain);
      await three.run("uninstall", name, "--keep-history");
      assert.equal((await read(name)).status, "uninstalled");
    }
    assert.equal((await write("POST", `${rolled}:rollback`, { revision: 1 }))?.status, "deployed");
    await tells(driver, rolled, ["uninstalled", "deployed"]);
    const body = { chart: { path: plain }, install_if_missing: true };
    assert.equal((await write("PUT", made, body))?.status, "deployed");
    await tells(driver, made, ["superseded", "deployed"]);
    await end(rolled, made);
  });

  test(`what a killed Helm 3 has left in a ${driver} is unlocked and goes on`, async () => {
    const three = helms.three(driver);
    const name = (what: string) => `${what}-${driver}`;
    const nowhere = ["--set", "nowhere=true"];
    const wait = ["--wait", "--timeout", "2m"];
    await three.run("install", name("upgrading"), app);
    await three.run("install", name("rolling"), app, ...nowhere);
    await three.run("upgrade", name("rolling"), app);
    await three.run("install", name("going"), stuckHook);
    const kill = async (status: string, what: string, ...args: string[]) => {
      const helm = three.start(...args, ...wait);
      await eventually(status, async () => ((await read(name(what))).status === status ? true : undefined), 30_000);
      await helm.kill();
      const { stuck } = await eventually(
        "stuck",
        async () => {
          const found = await read(name(what));
          return found.stuck === undefined ? undefined : found;
        },
        30_000,
      );
      assert.match(stuck?.reason ?? "", new RegExp(`is ${status}`));
      const refusal = await berth.request("PUT", `${berth.releases}/${name(what)}`, { chart: { path: app } });
      refused(refusal, 409, "RELEASE_PENDING");
      assert.equal((await write("POST", `${name(what)}:unlock`, {}))?.status, "failed");
    };
    await Promise.all([
      kill("pending-install", "installing", "install", name("installing"), app, ...nowhere),
      kill("pending-upgrade", "upgrading", "upgrade", name("upgrading"), app, ...nowhere),
      kill("pending-rollback", "rolling", "rollback", name("rolling"), "1"),
      kill("uninstalling", "going", "uninstall", name("going")),
    ]);
    assert.equal((await write("PUT", name("installing"), { chart: { path: app } }))?.status, "deployed");
    assert.equal((await write("POST", `${name("upgrading")}:rollback`, { revision: 1 }))?.status, "deployed");
    assert.equal((await write("PUT", name("rolling"), { chart: { path: app } }))?.status, "deployed");
    await tells(driver, name("installing"), ["superseded", "deployed"]);
    await tells(driver, name("upgrading"), ["superseded", "failed", "deployed"]);
    await tells(driver, name("rolling"), ["superseded", "superseded", "failed", "deployed"]);
    await end(name("installing"), name("upgrading"), name("rolling"), name("going"));
  });
}
