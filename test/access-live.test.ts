import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";

import { succeeded } from "./support/answers.ts";
import type { ErrorAnswer, OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { eventually } from "./support/exposures.ts";
import { readEvents } from "./support/events.ts";
import { grant } from "./support/rights.ts";

/*
 * What runs of a release that reaches into another namespace, as somebody sees it
 * who may read releases, and nothing else: real subjects, real RBAC.
 */

const user = `looker-${randomBytes(3).toString("hex")}`;
const pod = (name: string, namespace: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: "${namespace}" }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: main, image: none }] }
`;

let berth: TestBerth;
let url: string;

before(async () => {
  berth = await startTestBerth();
  const chart = await berth.charts.write("reaching", {
    "templates/all.yaml": `${pod("near", "{{ .Release.Namespace }}")}---${pod("far", "{{ .Values.far }}")}`,
  });
  const install = { name: "it", chart: { path: chart }, values: { far: berth.home } };
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, install));
  url = await berth.as({ name: user, groups: [], source: "user" });
  await grant(berth.kube, berth.namespace, user, { apiGroup: "berth.dev", resource: "releases", verbs: ["get"] });
  await eventually("RBAC knows it", async () => ((await tree()) === undefined ? undefined : true));
});
after(() => berth[Symbol.asyncDispose]());

interface Tree {
  readonly nodes: readonly { readonly object: { readonly kind: string; readonly namespace: string } }[];
  readonly unread?: readonly string[];
}

async function tree(): Promise<Tree | undefined> {
  const answer = await fetch(`${url}${berth.releases}/it:tree`);
  return answer.status === 200 ? ((await answer.json()) as Tree) : undefined;
}

const podsIn = (found: Tree | undefined, namespace: string) =>
  found?.nodes.filter(({ object }) => object.kind === "Pod" && object.namespace === namespace).length ?? 0;

test("another namespace is looked into with the caller's own right to list alone", async () => {
  const before = await eventually("its own pod is there", async () => {
    const found = await tree();
    return podsIn(found, berth.namespace) === 1 ? found : undefined;
  });
  assert.equal(podsIn(before, berth.home), 0);
  assert.ok(before.unread?.includes(`pods in namespace ${berth.home}: not allowed`), JSON.stringify(before.unread));
  for (const [apiGroup, resource] of [
    ["apps", "deployments"],
    ["apps", "replicasets"],
    ["", "pods"],
  ] as const)
    await grant(berth.kube, berth.home, user, { apiGroup, resource, verbs: ["list"] });
  await eventually(
    "the right counts",
    async () => {
      const found = await tree();
      return podsIn(found, berth.home) === 1 && (found?.unread ?? []).length === 0 ? true : undefined;
    },
    20_000,
  );
});

test("logs take Kubernetes' own right to them", async () => {
  const found = await fetch(`${url}${berth.releases}/it:tree`);
  const { nodes } = (await found.json()) as { nodes: { object: { kind: string; name: string; namespace: string } }[] };
  const own = nodes.find(({ object }) => object.kind === "Pod" && object.namespace === berth.namespace);
  const ask = async () => {
    const answer = await fetch(`${url}${berth.releases}/it/pods/${own?.object.name ?? ""}:logs`);
    return answer.status === 200 ? undefined : ((await answer.json()) as ErrorAnswer);
  };
  const refusal = await ask();
  assert.deepEqual(
    [refusal?.code, /pods\/log/.test(refusal?.hint ?? "")],
    ["FORBIDDEN", true],
    JSON.stringify(refusal),
  );
  await grant(berth.kube, berth.namespace, user, { apiGroup: "", resource: "pods/log", verbs: ["get"] });
  // A simulated node has no logs to give: what matters is that Berth asks for them now.
  await eventually("it may", async () => ((await ask())?.code === "FORBIDDEN" ? undefined : true), 20_000);
});

test("a watch ends with the right to read the release", async () => {
  const events = readEvents(`${url}${berth.releases}/it:watchTree`);
  const first = await events.next();
  assert.ok(first.done !== true && first.value.event === "added");
  const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${berth.namespace}/rolebindings`;
  await berth.kube.request({ method: "DELETE", path });
  let last: unknown;
  for await (const { event, data } of events) last = { event, code: (data as { code?: string }).code };
  assert.deepEqual(last, { event: "error", code: "FORBIDDEN" });
});
