import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { whyNoRealNode } from "@berth/devcluster";

import { refused } from "./support/answers.ts";
import { isRefused, untilAnswers } from "./support/echo.ts";
import { eventually, exposuresPath } from "./support/exposures.ts";
import type { ExposureAnswer } from "./support/exposures.ts";
import { startGatewayCluster } from "./support/gateway.ts";
import type { GatewayCluster } from "./support/gateway.ts";
import { exposeOn, installEchoes, installGateways, makeGatewayPool } from "./support/gateway-pool.ts";

const skip = whyNoRealNode()?.message ?? false;
const API = "/apis/gateway.networking.k8s.io/v1";
/** Listeners that a Gateway, and a ListenerSet, may have. */
const LIMIT = 64;
/** Exposures of two listeners each: more than both may have together. */
const MANY = 70;
/** How many of them are asked for at once. */
const CALLERS = 16;

let shared: GatewayCluster;
let exposures: string;
before(async () => {
  if (skip !== false) return;
  shared = await startGatewayCluster();
  exposures = exposuresPath(shared.berth);
  await installEchoes(shared, ["one", "two"]);
  await installGateways(shared, ["choosy"]);
  await makeGatewayPool(shared, "wide", [shared.gateway.name], { from: 20_000, to: 20_999 });
  await makeGatewayPool(shared, "choosy", ["choosy"], { from: 80, to: 180 });
});
after(async () => {
  if (skip === false) await shared[Symbol.asyncDispose]();
});

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message: string;
}

/** A ListenerSet or route, as far as it is looked at. */
interface Attached {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly parentRef?: { readonly name: string; readonly namespace?: string };
    readonly parentRefs?: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[];
    readonly listeners?: readonly { readonly port: number }[];
    readonly rules?: readonly {
      readonly backendRefs: readonly { readonly name: string; readonly namespace?: string }[];
    }[];
  };
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly listeners?: readonly { readonly attachedRoutes: number; readonly conditions: readonly Condition[] }[];
  };
}

async function all(plural: string, version = "v1"): Promise<readonly Attached[]> {
  const { items } = await shared.berth.kube.request<{ items: Attached[] }>({
    path: `/apis/gateway.networking.k8s.io/${version}/${plural}`,
  });
  return items;
}

/** Does what `kubectl create` does with an object of the Gateway API in the namespace of the services, or another one. */
async function create(kind: string, name: string, spec: object, namespace = shared.berth.namespace): Promise<string> {
  const path = `${API}/namespaces/${namespace}/${kind.toLowerCase()}s`;
  const body = { apiVersion: "gateway.networking.k8s.io/v1", kind, metadata: { name }, spec };
  await shared.berth.kube.request({ method: "POST", path, body });
  return `${path}/${name}`;
}

const remove = (path: string) => shared.berth.kube.request({ method: "DELETE", path });

function patch(path: string, body: object): Promise<unknown> {
  const contentType = "application/merge-patch+json";
  return shared.berth.kube.request({ method: "PATCH", path, contentType, body });
}

/** The ListenerSet that carries a port; of several the one that Berth made. */
async function setOf(port: number): Promise<Attached | undefined> {
  const sets = await all("listenersets");
  return sets.find(({ metadata, spec }) => {
    return metadata.name.startsWith("exposed-") && spec.listeners?.some((one) => one.port === port);
  });
}

/** Waits until an exposure's state is this, for a reason that is said in such words. */
function untilState(name: string, state: string, words = /./): Promise<ExposureAnswer> {
  return eventually(
    `${name} is ${state}`,
    async () => {
      const { body } = await shared.berth.request<ExposureAnswer>("GET", `${exposures}/${name}`);
      return body.state === `EXPOSURE_STATE_${state}` && words.test(body.message) ? body : undefined;
    },
    60_000,
  );
}

test(
  "more listeners than a Gateway or a ListenerSet may have are all programmed, and nothing crosses a namespace",
  { skip, timeout: 180_000 },
  async () => {
    const { namespace } = shared.berth;
    const names = Array.from({ length: MANY }, (_, index) => `many-${String(index)}`);
    const made: ExposureAnswer[] = [];
    const protocols = ["PROTOCOL_TCP", "PROTOCOL_UDP"];
    const caller = async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop())
        made.push(await exposeOn(shared, { name, service: "one", pool: "wide", protocols }));
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));

    const sets = await all("listenersets");
    assert.equal(sets.length, MANY);
    const listeners = sets.flatMap(({ spec }) => spec.listeners ?? []);
    assert.ok(listeners.length === 2 * MANY && listeners.length > 2 * LIMIT, String(listeners.length));
    for (const { metadata, spec, status } of sets) {
      assert.equal(metadata.namespace, namespace);
      assert.ok((spec.listeners?.length ?? 0) <= LIMIT);
      assert.equal(status?.conditions?.find(({ type }) => type === "Programmed")?.status, "True");
      assert.deepEqual(
        status?.listeners?.map(({ attachedRoutes }) => attachedRoutes),
        [1, 1],
      );
    }
    const known = new Set(sets.map(({ metadata }) => metadata.name));
    for (const plural of ["tcproutes", "udproutes"]) {
      const routes = await all(plural);
      assert.equal(routes.length, MANY);
      for (const { metadata, spec } of routes) {
        assert.equal(metadata.namespace, namespace);
        const [parent] = spec.parentRefs ?? [];
        assert.deepEqual([parent?.kind, known.has(parent?.name ?? "")], ["ListenerSet", true]);
        assert.equal(parent?.namespace ?? namespace, namespace);
        const [backend] = spec.rules?.[0]?.backendRefs ?? [];
        assert.deepEqual([backend?.name, backend?.namespace ?? namespace], ["one", namespace]);
      }
    }
    assert.deepEqual(await all("referencegrants", "v1beta1"), []);
    await using door = await shared.forward(made.at(-1)?.port ?? 0);
    await untilAnswers(door.port, /^one-/);
    const { kube } = shared.berth;
    await Promise.all(
      made.map(({ name }) =>
        kube.request({ method: "DELETE", path: `/apis/berth.dev/v1alpha1/namespaces/${namespace}/exposures/${name}` }),
      ),
    );
  },
);

test(
  "a Gateway that shuts a namespace out says so in its controller's words, and takes the port once it is open",
  { skip, timeout: 180_000 },
  async () => {
    const { berth, gateway, node } = shared;
    const path = `${API}/namespaces/${gateway.namespace}/gateways/choosy`;
    const open = (from: string) => patch(path, { spec: { allowedListeners: { namespaces: { from } } } });
    await open("Same");
    const settings = { name: "outside", service: "one", service_port: 7000, pool: "choosy" };
    await berth.request("POST", `${exposures}?wait=1`, settings);
    const words = /NotAllowed.*ListenerSet attachment from namespace .* not allowed by Gateway/;
    const shut = await untilState("outside", "FAILED", words);
    assert.equal(shut.reason, "DRIVER_REFUSED");
    await open("All");
    const { address, port } = await untilState("outside", "READY");
    assert.equal(port, shut.port, "it kept its port");
    await using door = await node.forward({ host: address, port });
    await untilAnswers(door.port, /^one-/);
    await berth.request("DELETE", `${exposures}/outside`);
  },
);

test("a Gateway that lets no ListenerSet in carries no ports", { skip }, async () => {
  const { gateway } = shared;
  const listeners = [{ name: "http", protocol: "HTTP", port: 80 }];
  await create("Gateway", "shut", { gatewayClassName: "nobodys", listeners }, gateway.namespace);
  await makeGatewayPool(shared, "shut", ["shut"], { from: 1000, to: 1100, reason: "DRIVER_REFUSED" });
  const asked = { name: "shut-out", service: "one", service_port: 7000, pool: "shut" };
  const answer = await shared.berth.request("POST", exposures, asked);
  refused(answer, 503, "DRIVER_UNAVAILABLE");
  assert.match(JSON.stringify(answer.body), /lets no ListenerSet in/);
});

test("a port of the Gateway's own listener is never given", { skip }, async () => {
  const asked = { name: "wants-http", service: "one", service_port: 7000, pool: "choosy", port: 80 };
  const answer = await shared.berth.request("POST", exposures, asked);
  refused(answer, 409, "PORT_TAKEN", "port");
  assert.match(JSON.stringify(answer.body), /listener http of the Gateway/);
});

test(
  "a stranger's listener on a port that is given gets nothing, and moves nobody",
  { skip, timeout: 120_000 },
  async () => {
    const { berth, gateway } = shared;
    const { port } = await exposeOn(shared, { name: "first", service: "one", pool: "wide" });
    const own = await setOf(port);
    await using door = await shared.forward(port);
    await untilAnswers(door.port, /^one-/);
    // Of two of one second the name decides: this one comes behind Berth's either way.
    const stranger = await create("ListenerSet", "later", {
      parentRef: { name: gateway.name, namespace: gateway.namespace },
      listeners: [{ name: "tcp", protocol: "TCP", port, allowedRoutes: { kinds: [{ kind: "TCPRoute" }] } }],
    });
    const route = await create("TCPRoute", "later", {
      parentRefs: [{ kind: "ListenerSet", name: "later" }],
      rules: [{ backendRefs: [{ name: "two", port: 7000 }] }],
    });
    await eventually("the stranger is in conflict", async () => {
      const { status } = await berth.kube.request<Attached>({ path: stranger });
      const found = status?.listeners?.[0]?.conditions.find(({ type }) => type === "Conflicted");
      return found?.status === "True" ? true : undefined;
    });
    // Berth looks at it anew, as it does from time to time, and once more after that.
    for (const look of ["1", "2"]) {
      const path = `${API}/namespaces/${berth.namespace}/listenersets/${own?.metadata.name ?? ""}`;
      await patch(path, { metadata: { annotations: { look } } });
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      assert.equal((await untilState("first", "READY")).port, port);
    }
    assert.deepEqual(
      (await setOf(port))?.status?.listeners?.map(({ attachedRoutes }) => attachedRoutes),
      [1],
    );
    await untilAnswers(door.port, /^one-/);
    await Promise.all([stranger, route].map(remove));
    await berth.request("DELETE", `${exposures}/first`);
    await eventually("the connection is refused", () => isRefused(door.port));
  },
);

test("a second route on a listener of Berth's is not ready, and says why", { skip, timeout: 120_000 }, async () => {
  const { port } = await exposeOn(shared, { name: "shared", service: "one", pool: "wide" });
  const set = await setOf(port);
  const route = await create("TCPRoute", "intruder", {
    parentRefs: [{ kind: "ListenerSet", name: set?.metadata.name ?? "" }],
    rules: [{ backendRefs: [{ name: "two", port: 7000 }] }],
  });
  await untilState("shared", "PENDING", /2 routes are attached to the tcp listener: others are not Berth's/);
  await remove(route);
  assert.equal((await untilState("shared", "READY")).port, port);
  await shared.berth.request("DELETE", `${exposures}/shared`);
});
