import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { adminApi } from "../cluster/api.ts";
import { startCluster } from "../cluster/start.ts";
import type { DevCluster } from "../cluster/start.ts";
import { waitUntil } from "../cluster/wait-until.ts";
import { nodeImages } from "../images/names.ts";
import { runCommand } from "../process/command.ts";
import { identify, isAlive } from "../process/identity.ts";
import { ownTestCluster } from "../testing.ts";
import { ensureToolchain } from "../toolchain/ensure.ts";
import { ensureRealNode } from "../toolchain/real-node.ts";
import type { NodeToolchain } from "../toolchain/real-node.ts";
import { whyNoRealNode } from "../world/needs.ts";
import { readWorld } from "../world/world.ts";
import { lookAtMachine } from "./machine.ts";
import type { RealNode } from "./node.ts";

/** A pod takes a second or two; a machine that builds meanwhile was seen to take many times that. */
const PATIENCE = 60_000;
const PODS = "/api/v1/namespaces/default/pods";
const SERVICES = "/api/v1/namespaces/default/services";
const skip = whyNoRealNode()?.message ?? false;

let real: NodeToolchain;
let nft: string;
let dataDir: string;
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "berth-real-"));
  if (skip !== false) return;
  real = await ensureRealNode();
  const own = join(real.path[0] ?? "", "nft");
  nft = await runCommand(own, ["--version"]).then(
    () => own,
    () => "nft",
  );
});
after(() => rm(dataDir, { recursive: true, force: true }));

test("a container runs and answers, its logs and exec come; the machine is as before", { skip }, async () => {
  const machine = await lookAtMachine(nft);
  {
    await using cluster = await ownTestCluster({ real });
    const node = nodeOf(cluster);
    await runWeb(cluster, "web");
    assert.equal(await ask(node, await serviceAddress(cluster, "web"), "/hostname"), "web");
    assert.equal(await askByUdp(node, await serviceAddress(cluster, "web"), "hostname"), "web");

    const kubectl = (...args: string[]) => runCommand(node.kubectl, [`--kubeconfig=${cluster.kubeconfig}`, ...args]);
    assert.match(await kubectl("logs", "web"), /Started HTTP server on port 8080/);
    assert.match(await kubectl("exec", "web", "--", "/agnhost", "etc-hosts"), /\tweb\n/);
    // By its name: CoreDNS answers, and says no for what is not in the cluster.
    await kubectl("exec", "web", "--", "/agnhost", "connect", "web.default.svc.cluster.local:80", "--timeout=5s");
    await kubectl("exec", "web", "--", "/agnhost", "connect", "kubernetes.default:443", "--timeout=5s");
    const outside = kubectl("exec", "web", "--", "/agnhost", "connect", "example.com:80", "--timeout=5s");
    await assert.rejects(outside, /no such host/);

    // The limit of the chart is the kernel's, in a group below our own.
    const { uid } = (await podOf(cluster, "web")).metadata;
    const limit = new RegExp(`pod${uid}/memory\\.(limit_in_bytes|max)$`);
    const group = (await cgroupsNow()).find((path) => limit.test(path));
    assert.equal((await readFile(group ?? "", "utf8")).trim(), String(128 * 1024 * 1024));
  }
  const now = await lookAtMachine(nft);
  const { cgroups: old, ...rest } = machine;
  // What another run left when it was killed may have been removed meanwhile.
  assert.deepEqual(
    now.cgroups.filter((group) => !old.includes(group)),
    [],
  );
  assert.deepEqual(
    old.filter((group) => !now.cgroups.includes(group) && !group.includes("/berth-")),
    [],
  );
  for (const aspect of Object.keys(rest) as (keyof typeof rest)[])
    assert.deepEqual(now[aspect], machine[aspect], aspect);
});

test("charts land on the real node unless they tolerate the simulated ones", { skip }, async () => {
  await using cluster = await ownTestCluster({ real });
  const tolerations = [{ key: "kwok.x-k8s.io/node", operator: "Exists" }];
  await create(cluster, PODS, pod("plain", {}));
  await create(cluster, PODS, pod("many", { tolerations, nodeSelector: { type: "kwok" } }));
  await ready(cluster, "plain");
  await ready(cluster, "many");
  assert.equal((await podOf(cluster, "plain")).spec.nodeName, nodeOf(cluster).name);
  assert.match((await podOf(cluster, "many")).spec.nodeName, /^sim-/);
});

test(
  "volumes: of a claim, of a config map, on the disk, in memory; as nobody, with a read-only root",
  { skip },
  async () => {
    await using cluster = await ownTestCluster({ real });
    await create(cluster, "/api/v1/namespaces/default/configmaps", {
      metadata: { name: "map" },
      data: { a: "of a map" },
    });
    await create(cluster, "/api/v1/namespaces/default/persistentvolumeclaims", {
      metadata: { name: "claim" },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    });
    const mounts = {
      disk: { emptyDir: {} },
      memory: { emptyDir: { medium: "Memory" } },
      map: { configMap: { name: "map" } },
    };
    const volumes = Object.entries(mounts).map(([name, source]) => ({ name, ...source }));
    const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
    const args = ["mounttest", "--new_file_0644=/disk/file", "--file_content=/map/a", "--fs_type=/memory"];
    const securityContext = {
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      seccompProfile: { type: "RuntimeDefault" },
    };
    const user = { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 };
    const nobody = { volumes, securityContext: user, restartPolicy: "Never" };
    await create(cluster, PODS, pod("nobody", nobody, { args, volumeMounts, securityContext }));
    const claimed = {
      volumes: [{ name: "kept", persistentVolumeClaim: { claimName: "claim" } }],
      restartPolicy: "Never",
    };
    const write = ["mounttest", "--new_file_0644=/kept/file"];
    const kept = [{ name: "kept", mountPath: "/kept" }];
    await create(cluster, PODS, pod("claims", claimed, { args: write, volumeMounts: kept }));
    const logs = async (name: string) => (await send(cluster, "GET", `${PODS}/${name}/log`)).body;
    for (const name of ["nobody", "claims"]) {
      await waitUntil(
        `${name} has ended well`,
        PATIENCE,
        async () => (await podOf(cluster, name)).status.phase === "Succeeded",
      );
    }
    assert.match(await logs("nobody"), /mount type of "\/memory": tmpfs[^]*mount-tester new file[^]*of a map/);
    assert.match(await logs("claims"), /content of file "\/kept\/file": mount-tester new file/);
  },
);

test("kubelet and containerd killed and started again leave pods alone", { skip }, async () => {
  await using cluster = await ownTestCluster({ real });
  const node = nodeOf(cluster);
  await runWeb(cluster, "steady");
  const address = await serviceAddress(cluster, "steady");
  await node.components.kubelet.stop("SIGKILL");
  await node.components.containerd.stop("SIGKILL");
  assert.equal(await ask(node, address, "/hostname"), "steady");
  await node.components.containerd.start();
  await node.components.kubelet.start();
  await runWeb(cluster, "later");
  assert.equal(await ask(node, address, "/hostname"), "steady");
  assert.equal((await podOf(cluster, "steady")).status.containerStatuses?.[0]?.restartCount, 0);
});

test("a stopped cluster has its pods again at the next start, and none of its node without it", { skip }, async () => {
  const toolchain = await ensureToolchain();
  const options = { dataDir, toolchain, durable: false };
  {
    await using cluster = await startCluster({ ...options, real });
    await runWeb(cluster, "kept");
  }
  {
    await using cluster = await startCluster({ ...options, real });
    await waitUntil("the container runs again", PATIENCE, async () => {
      return ((await podOf(cluster, "kept")).status.containerStatuses?.[0]?.restartCount ?? 0) > 0;
    });
    await ready(cluster, "kept");
    assert.equal(await ask(nodeOf(cluster), await serviceAddress(cluster, "kept"), "/hostname"), "kept");
  }
  await using cluster = await startCluster(options);
  assert.equal((await send(cluster, "GET", "/api/v1/nodes/real-1")).status, 404);
  await create(cluster, PODS, pod("simulated", {}));
  await ready(cluster, "simulated");
});

test("two at once, with the same addresses inside, do not meet", { skip }, async () => {
  await using one = await ownTestCluster({ real });
  await using other = await ownTestCluster({ real });
  await Promise.all([runWeb(one, "first"), runWeb(other, "second")]);
  assert.equal(await ask(nodeOf(one), await serviceAddress(one, "first"), "/hostname"), "first");
  assert.equal(await ask(nodeOf(other), await serviceAddress(other, "second"), "/hostname"), "second");
  assert.equal((await send(one, "GET", `${PODS}/second`)).status, 404);
});

test("killing the one process that holds it ends all of a cluster", { skip }, async () => {
  const directory = await mkdtemp(join(tmpdir(), "berth-real-"));
  try {
    const failure = Promise.withResolvers<Error>();
    const toolchain = await ensureToolchain();
    await using cluster = await startCluster({ dataDir: directory, toolchain, real, onFailure: failure.resolve });
    await runWeb(cluster, "web");
    process.kill(nodeOf(cluster).worldPid, "SIGKILL");
    await nothingLeft(directory);
    assert.match((await failure.promise).message, /The supervisor ended/);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test(
  "kill -9 of whoever started it leaves nothing, and a kill of its keeper as well is cleaned up",
  { skip },
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "berth-real-"));
    const before = await cgroupsNow();
    try {
      const first = await startElsewhere(directory);
      first.kill("SIGKILL");
      await nothingLeft(directory);

      const second = await startElsewhere(directory);
      const abandoned = await abandonCgroup(directory);
      const processes = JSON.parse(await readFile(join(directory, "processes.json"), "utf8")) as { pid: number }[];
      const keeper = identify(processes[0]?.pid ?? 0);
      assert.ok(keeper !== undefined);
      process.kill(keeper.pid, "SIGKILL");
      second.kill("SIGKILL");
      await waitUntil("the keeper is gone", PATIENCE, () => Promise.resolve(!isAlive(keeper)));
      await waitUntil("no process is left", PATIENCE, async () => (await processesOf(directory)).length === 0);
      const third = await startElsewhere(directory);
      assert.ok(!(await cgroupsNow()).includes(abandoned), "what another cluster left is removed too");
      third.kill("SIGKILL");
      await nothingLeft(directory);
      assert.deepEqual(
        (await cgroupsNow()).filter((name) => name.includes("/berth-") && !before.includes(name)),
        [],
      );
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
);

/** A process that starts a cluster with a pod and waits to be killed. */
async function startElsewhere(directory: string) {
  const script = `
    const { ensureRealNode, ensureToolchain, startCluster } = await import(${JSON.stringify(join(import.meta.dirname, "../index.ts"))});
    const [toolchain, real] = [await ensureToolchain(), await ensureRealNode()];
    await startCluster({ dataDir: ${JSON.stringify(directory)}, toolchain, real, durable: false });
    console.log("up");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

/** Makes a cgroup as a cluster leaves it that was killed with all its processes an hour ago. */
async function abandonCgroup(directory: string): Promise<string> {
  const { cgroups } = await readWorld(directory);
  const group = join(cgroups[0] ?? "", "../berth-abandoned");
  await mkdir(join(group, "kubepods"), { recursive: true });
  const past = new Date(Date.now() - 3_600_000);
  await utimes(group, past, past);
  return group;
}

async function nothingLeft(directory: string): Promise<void> {
  await waitUntil("nothing is left", PATIENCE, async () => {
    const { cgroups } = await readWorld(directory);
    return cgroups.length === 0 && (await processesOf(directory)).length === 0;
  });
}

/** Processes that work in a data directory: those of a killed starter aside, whose script only names it. */
async function processesOf(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry))) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.includes(directory)) found.push(command);
  }
  return found;
}

async function cgroupsNow(): Promise<string[]> {
  const entries = await readdir("/sys/fs/cgroup", { recursive: true, withFileTypes: true });
  return entries.map((entry) => join(entry.parentPath, entry.name));
}

function nodeOf({ node }: DevCluster): RealNode {
  assert.ok(node !== undefined);
  return node;
}

/** Runs a pod that answers HTTP and UDP, and a Service before it, both with one name. */
async function runWeb(cluster: DevCluster, name: string): Promise<void> {
  const readinessProbe = { httpGet: { path: "/healthz", port: 8080 }, periodSeconds: 1 };
  const resources = { requests: { cpu: "10m" }, limits: { memory: "128Mi" } };
  const securityContext = { seccompProfile: { type: "RuntimeDefault" } };
  await create(cluster, SERVICES, {
    metadata: { name },
    spec: {
      selector: { app: name },
      ports: [
        { name: "http", port: 80, targetPort: 8080 },
        { name: "udp", port: 81, targetPort: 8081, protocol: "UDP" },
      ],
    },
  });
  const args = ["netexec", "--http-port=8080", "--udp-port=8081"];
  await create(cluster, PODS, pod(name, {}, { args, readinessProbe, resources, securityContext }));
  await ready(cluster, name);
}

function pod(name: string, spec: object, container: object = {}) {
  const containers = [{ name: "main", image: nodeImages.agnhost, args: ["pause"], ...container }];
  return { metadata: { name, labels: { app: name } }, spec: { containers, terminationGracePeriodSeconds: 0, ...spec } };
}

interface Pod {
  readonly metadata: { readonly uid: string };
  readonly spec: { readonly nodeName: string };
  readonly status: {
    readonly phase: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number }[];
  };
}

async function podOf(cluster: DevCluster, name: string): Promise<Pod> {
  return JSON.parse((await send(cluster, "GET", `${PODS}/${name}`)).body) as Pod;
}

async function ready(cluster: DevCluster, name: string): Promise<void> {
  await waitUntil(`pod ${name} is ready`, PATIENCE, async () => {
    const { conditions } = (await podOf(cluster, name)).status;
    return conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
  });
}

async function serviceAddress(cluster: DevCluster, name: string): Promise<string> {
  const { body } = await send(cluster, "GET", `${SERVICES}/${name}`);
  return (JSON.parse(body) as { spec: { clusterIP: string } }).spec.clusterIP;
}

/** Asks a Service over HTTP: kube-proxy learns of new endpoints within a second. */
async function ask(node: RealNode, host: string, path: string): Promise<string> {
  await using forward = await node.forward({ host, port: 80 });
  let answer = "";
  await waitUntil(`${host} answers`, PATIENCE, async () => {
    const response = await fetch(`http://127.0.0.1:${forward.port}${path}`, { signal: AbortSignal.timeout(2_000) });
    answer = await response.text();
    return response.ok;
  });
  return answer;
}

async function askByUdp(node: RealNode, host: string, question: string): Promise<string> {
  await using forward = await node.forward({ host, port: 81 }, { protocol: "udp" });
  const socket = createSocket("udp4");
  let answer = "";
  socket.on("message", (message) => (answer = message.toString()));
  await waitUntil(`${host} answers by UDP`, PATIENCE, () => {
    if (answer === "") socket.send(question, forward.port, "127.0.0.1");
    return Promise.resolve(answer !== "");
  });
  socket.close();
  return answer;
}

async function create(cluster: DevCluster, path: string, body: object): Promise<void> {
  const answer = await send(cluster, "POST", path, body);
  assert.equal(answer.status, 201, answer.body);
}

async function send(cluster: DevCluster, method: string, path: string, body?: object) {
  const api = adminApi(cluster.server, cluster.credentials);
  try {
    return await api.send(method, path, body);
  } finally {
    api.close();
  }
}
