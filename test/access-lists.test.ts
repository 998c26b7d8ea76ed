import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";

import { silentLogger, systemClock } from "@berth/base";
import { createKubeClient, loadKubeconfig } from "@berth/kube";
import type { KubeClient } from "@berth/kube";
import fc from "fast-check";

import { createReviewedAccess } from "../packages/server/src/domain/access/index.ts";
import type { Principal } from "../packages/server/src/domain/access/index.ts";
import { createClusterRegistry } from "../packages/server/src/domain/clusters/index.ts";
import { UNNARROWED, createReleaseCaches, createReleaseView } from "../packages/server/src/domain/releases/index.ts";
import type { ReleaseCaches } from "../packages/server/src/domain/releases/index.ts";
import { eventually } from "./support/exposures.ts";
import { storeRelease } from "./support/stored.ts";

/*
 * Lists as somebody who is not Berth sees them: real subjects, real RBAC, and
 * the API server's own word on who may do what.
 */

const RBAC = "rbac.authorization.k8s.io";
const suffix = randomBytes(3).toString("hex");
const namespaces = Array.from({ length: 5 }, (_, index) => `rights-${suffix}-${String(index)}`);

let kube: KubeClient;
let caches: ReleaseCaches;
let view: ReturnType<typeof createReleaseView>;
const clock = { monotonic: () => systemClock.monotonic() + skipped };
/** Milliseconds that the clock of the rights is ahead: their answers are old whenever that is wished. */
let skipped = 0;

const post = (path: string, body: object) => kube.request({ method: "POST", path, body });

before(async () => {
  const connection = await loadKubeconfig(process.env.BERTH_TEST_CLUSTER ?? "");
  kube = createKubeClient(connection, { log: silentLogger, clock: systemClock });
  for (const namespace of namespaces) {
    await post("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    for (const name of ["a", "b"]) await storeRelease(kube, { namespace, name, labels: { rights: suffix } });
    for (const [name, apiGroups, resources] of [
      ["by-releases", ["berth.dev"], ["releases"]],
      ["by-secrets", [""], ["secrets"]],
      ["by-neither", [""], ["configmaps"]],
    ] as const) {
      const rules = [{ apiGroups, resources, verbs: ["get", "list", "watch"] }];
      const metadata = { name, namespace };
      await post(`/apis/${RBAC}/v1/namespaces/${namespace}/roles`, {
        ...{ apiVersion: `${RBAC}/v1`, kind: "Role", metadata, rules },
      });
    }
  }
  const home = { name: "local", connection, client: kube, watchNamespaces: [] };
  const clusters = createClusterRegistry(home);
  caches = createReleaseCaches({ log: silentLogger, clock: systemClock, maxRevisions: 1_000 });
  caches.add(home);
  const access = createReviewedAccess({ clusters, clock });
  const none = () => Promise.reject(new Error("No record is read for a list."));
  const reader = { content: none, history: none, status: none, check: none };
  view = createReleaseView({ ...caches, clusters, access, reader, stuckOf: () => undefined });
  await eventually("the releases are known", () => (caches.indexOf("local")?.ready().ok === true ? true : undefined));
});
after(async () => {
  await caches.stop();
  for (const namespace of namespaces) await kube.request({ method: "DELETE", path: `/api/v1/namespaces/${namespace}` });
  await kube.close();
});

const query = { ...UNNARROWED, cluster: "local", labelSelector: `rights=${suffix}`, pageSize: 500 };
const user = (name: string, ...groups: string[]): Principal => ({ name, groups, source: "user" });

async function seenBy(principal: Principal, cluster = "local"): Promise<string[]> {
  const { releases, totalSize } = await view.list(principal, { ...query, cluster });
  assert.equal(totalSize, releases.length, "what is not seen is not counted");
  return releases.map(({ namespace, name }) => `${namespace}/${name}`);
}

function bind(namespace: string, role: string, subject: { kind: "User" | "Group"; name: string }): Promise<unknown> {
  const metadata = { name: `${role}-${subject.name}`, namespace };
  const roleRef = { apiGroup: RBAC, kind: "Role", name: role };
  const subjects = [{ apiGroup: RBAC, ...subject }];
  const body = { apiVersion: `${RBAC}/v1`, kind: "RoleBinding", metadata, roleRef, subjects };
  return post(`/apis/${RBAC}/v1/namespaces/${namespace}/rolebindings`, body);
}

test("whatever RBAC says, a list has just what its subject may see, and so has a watch", async () => {
  let users = 0;
  const granted = fc.array(
    fc.record({
      namespace: fc.constantFrom(...namespaces),
      role: fc.constantFrom("by-releases", "by-secrets", "by-neither"),
      isGroup: fc.boolean(),
    }),
    { maxLength: 5 },
  );
  await fc.assert(
    fc.asyncProperty(granted, async (grants) => {
      const name = `u-${suffix}-${String(users++)}`;
      const group = `g-${name}`;
      for (const { namespace, role, isGroup } of grants) {
        const subject = isGroup ? { kind: "Group" as const, name: group } : { kind: "User" as const, name };
        await bind(namespace, role, subject).catch(() => undefined);
      }
      const may = new Set(grants.filter(({ role }) => role !== "by-neither").map(({ namespace }) => namespace));
      const wanted = namespaces.filter((one) => may.has(one)).flatMap((one) => [`${one}/a`, `${one}/b`]);
      const principal = user(name, group);
      // RBAC's own watch is a moment behind its writes.
      await eventually(`what ${name} may see`, async () => {
        skipped += 20_000;
        return JSON.stringify(await seenBy(principal)) === JSON.stringify(wanted) ? true : undefined;
      });
      assert.deepEqual(await seenBy(principal, "-"), wanted);
      const told: string[] = [];
      const ending = new AbortController();
      for await (const news of view.watch(principal, query, "", ending.signal)) {
        if (news.kind === "added") told.push(`${news.release.namespace}/${news.release.name}`);
        if (news.kind === "synced") ending.abort();
      }
      assert.deepEqual(told.sort(), wanted);
      for (const namespace of namespaces) {
        const asked = view.list(principal, { ...query, namespace });
        if (may.has(namespace)) assert.equal((await asked).totalSize, 2);
        else await assert.rejects(asked, { code: "FORBIDDEN" });
      }
    }),
    { numRuns: 12 },
  );
});

test("a right that is given counts at once in time, one that is taken away is gone in 10 s", async () => {
  const name = `late-${suffix}`;
  const [namespace = ""] = namespaces;
  assert.deepEqual(await seenBy(user(name)), []);
  await bind(namespace, "by-releases", { kind: "User", name });
  await eventually("it is given", async () => {
    skipped += 10_001;
    return (await seenBy(user(name))).length === 2 ? true : undefined;
  });
  const path = `/apis/${RBAC}/v1/namespaces/${namespace}/rolebindings/by-releases-${name}`;
  await kube.request({ method: "DELETE", path });
  await eventually("it is taken away", async () => {
    skipped += 10_001;
    return (await seenBy(user(name))).length === 0 ? true : undefined;
  });
});

test("who may not be asked about sees nothing, and who acts as Berth everything", async () => {
  assert.deepEqual(await seenBy(user("")), []);
  assert.equal((await seenBy({ name: "unauthenticated", groups: [], source: "unauthenticated" })).length, 10);
});
