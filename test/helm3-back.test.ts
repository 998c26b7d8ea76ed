import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { failed, succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, SERVICE } from "./support/charts.ts";
import { BROKEN_HOOK, DRIVERS, helmsOf, recordsOf } from "./support/helm3.ts";
import type { Helms } from "./support/helm3.ts";
import type { HelmLine } from "./support/helm.ts";

/*
 * What Berth has written is read by helm, 3 and 4, which go on with it, and so
 * does Berth with what they make of it.
 */

interface Revision {
  readonly revision: number;
  readonly status: string;
  readonly description: string;
}

let berth: TestBerth;
let helms: Helms;
let first: string;
let second: string;
let broken: string;

before(async () => {
  berth = await startTestBerth();
  helms = await helmsOf(berth);
  const files = { "templates/config.yaml": `${CONFIG_MAP}  gone: soon\n`, "templates/service.yaml": SERVICE };
  first = await berth.charts.write("first", { ...files, "templates/NOTES.txt": "Notes of {{ .Release.Name }}" });
  second = await berth.charts.write("second", {
    "templates/config.yaml": `${CONFIG_MAP}  come: since\n`,
    "templates/more.yaml": CONFIG_MAP.replace("-config", "-more"),
  });
  broken = await berth.charts.write("broken", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/hook.yaml": BROKEN_HOOK,
  });
});
after(() => berth[Symbol.asyncDispose]());

const write = (method: string, path: string, body?: object) =>
  berth.request<OperationAnswer>(method, berth.releases + path, body);

/** Asserts that helm and Berth tell the same of a release, and which statuses its revisions have. */
async function agree(helm: HelmLine, name: string, statuses: readonly string[]): Promise<void> {
  const told = await helm.json<Revision[]>("history", name);
  assert.deepEqual(
    told.map(({ status }) => status),
    statuses,
  );
  const { body } = await berth.request<{ revisions: ReleaseAnswer[] }>("GET", `${berth.releases}/${name}/history`);
  assert.deepEqual(
    body.revisions.reverse().map(({ revision, status, description }) => ({ revision, status, description })),
    told.map(({ revision, status, description }) => ({ revision, status, description })),
  );
  const newest = told.at(-1);
  const listed = await helm.json<Record<string, string>[]>("list", "--filter", `^${name}$`);
  assert.deepEqual(
    listed.map(({ revision, status }) => [revision, status]),
    [[String(newest?.revision), newest?.status]],
  );
  for (const what of ["manifest", "notes"] as const) {
    const mine = await berth.request<Record<string, string>>("GET", `${berth.releases}/${name}/${what}`);
    const theirs = (await helm.run("get", what, name)).replace(/^NOTES:\n/, "");
    assert.equal(mine.body[what]?.trim(), theirs.trim());
  }
  const values = await berth.request<{ values: object }>("GET", `${berth.releases}/${name}/values`);
  assert.deepEqual((await helm.json<object | null>("get", "values", name)) ?? {}, values.body.values);
}

/** Asserts that what is live is what a chart has, and nothing that the other has. */
async function holds(name: string, isFirst: boolean, value: string): Promise<void> {
  const config = await berth.object<{ data: object }>(`api/v1/namespaces/{ns}/configmaps/${name}-config`);
  assert.deepEqual(config?.data, isFirst ? { value, gone: "soon" } : { value, come: "since" });
  const service = await berth.object(`api/v1/namespaces/{ns}/services/${name}-svc`);
  const more = await berth.object(`api/v1/namespaces/{ns}/configmaps/${name}-more`);
  assert.deepEqual([service !== undefined, more !== undefined], [isFirst, !isFirst]);
}

for (const driver of DRIVERS) {
  for (const version of ["three", "four"] as const) {
    test(`what Berth has written into a ${driver} goes on by helm ${version}, and back`, async () => {
      const helm = helms[version](driver);
      const name = `${version}-${driver}`;
      // Berth makes Secrets; in a ConfigMap it goes on with what is there.
      if (driver === "secret") {
        const body = { name, chart: { path: first }, values: { value: "one" }, labels: { team: "pay" } };
        succeeded(await write("POST", "", body));
      } else await helm.run("install", name, first, "--set", "value=one", "--labels", "team=pay");
      const put = (chart: string, value: string) =>
        write("PUT", `/${name}`, { chart: { path: chart }, values: { value } });
      succeeded(await put(second, "two"));
      await agree(helm, name, ["superseded", "deployed"]);
      succeeded(await write("POST", `/${name}:rollback`, { revision: 1 }));
      failed(await put(broken, "three"), "CLUSTER_REFUSED");
      await agree(helm, name, ["superseded", "superseded", "deployed", "failed"]);
      assert.equal((await helm.json<unknown[]>("list", "--failed", "--filter", `^${name}$`)).length, 1);
      assert.equal((await helm.json<unknown[]>("list", "--selector", "team=pay")).length, 1);

      await helm.run("upgrade", name, second, "--set", "value=four");
      await holds(name, false, "four");
      await helm.run("rollback", name, "1");
      await holds(name, true, "one");
      await agree(helm, name, [
        ...Array<string>(2).fill("superseded"),
        "superseded",
        "failed",
        "superseded",
        "deployed",
      ]);
      succeeded(await put(second, "five"));
      await holds(name, false, "five");
      succeeded(await write("POST", `/${name}:rollback`, { revision: 6 }));
      await holds(name, true, "one");

      succeeded(await write("DELETE", `/${name}?keep_history=true`));
      const kept = await helm.json<Revision[]>("history", name);
      assert.deepEqual([kept.length, kept.at(-1)?.status], [8, "uninstalled"]);
      await helm.run("rollback", name, "7");
      await holds(name, false, "five");
      await helm.run("uninstall", name);
      assert.equal((await berth.request("GET", `${berth.releases}/${name}`)).status, 404);
      assert.deepEqual(await recordsOf(berth, name), []);
      assert.equal(await berth.object(`api/v1/namespaces/{ns}/configmaps/${name}-config`), undefined);
    });
  }
}
