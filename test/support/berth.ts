import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { silentLogger, systemClock } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import { applyDefinitions, createKubeClient, ensureNamespace, loadKubeconfig } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import type { Principal } from "../../packages/server/src/domain/access/index.ts";
import { composeBerth } from "../../packages/server/src/compose.ts";
import { loadConfig } from "../../packages/server/src/config.ts";
import { createServer, operationJson } from "../../packages/server/src/edges/index.ts";
import { makeChartDirectory } from "./charts.ts";
import type { ChartDirectory } from "./charts.ts";
import { helm, helmJson } from "./helm.ts";

/** What a request answered. */
export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** Berth on a real cluster with a namespace of its own, and what a test needs around it. */
export interface TestBerth extends AsyncDisposable {
  readonly url: string;
  /** By the port for Swift's clients, where the environment asks for one. */
  readonly swiftUrl: string | undefined;
  readonly namespace: string;
  /** Namespace of Berth's own objects. */
  readonly home: string;
  readonly kubeconfig: string;
  readonly kube: KubeClient;
  readonly charts: ChartDirectory;
  /** Path of the namespace's releases. */
  readonly releases: string;
  /** Sends JSON (or text as it is) and reads JSON; a write waits for its ending (`prefer` may say otherwise). */
  request<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer<T>>;
  /** Reads an object of the namespace; undefined where there is none. */
  object<T = Record<string, unknown>>(path: string): Promise<T | undefined>;
  /** URL of a second port of the same Berth, on which everybody is this principal. */
  as(principal: Principal): Promise<string>;
  /** Ends it as a replica that is told to stop; its namespaces stay. */
  stop(): Promise<void>;
  /** Closes the port alone. */
  close(deadlineMs: number): Promise<void>;
  helm(...args: string[]): Promise<string>;
  helmJson<T>(...args: string[]): Promise<T>;
}

/** Settings of a test's Berth. */
export interface TestBerthOptions {
  /** Another cluster than the one of the test run. */
  readonly kubeconfig?: string;
  /** Namespace of Berth's own objects; one of its own where absent. */
  readonly home?: string;
  /** The configuration file's content. */
  readonly config?: Record<string, unknown>;
  /** Nobody reads it where absent. */
  readonly log?: Logger;
  /** Another clock than the machine's. */
  readonly clock?: Clock;
  /** More of the environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** PEM of the authority of Berth's certificate, where it has one. */
  readonly ca?: string;
}

/** Starts Berth in this process on the cluster of the test run. */
export async function startTestBerth(options: TestBerthOptions = {}): Promise<TestBerth> {
  const kubeconfig = options.kubeconfig ?? process.env.BERTH_TEST_CLUSTER;
  const engine = process.env.BERTH_ENGINE;
  if (kubeconfig === undefined || engine === undefined) {
    throw new Error("There is no cluster to test on: run the tests by `npm test`.");
  }
  const charts = await makeChartDirectory();
  const kube = createKubeClient(await loadKubeconfig(kubeconfig), { log: silentLogger, clock: systemClock });
  const namespace = `t-${randomBytes(5).toString("hex")}`;
  await kube.request({
    method: "POST",
    path: "/api/v1/namespaces",
    body: { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
  });
  const home = options.home ?? `${namespace}-home`;
  await applyDefinitions(kube, systemClock);
  await ensureNamespace(kube, home);
  const configFile = join(charts.path, "berth.yaml");
  await writeFile(configFile, JSON.stringify(options.config ?? {}));
  const config = loadConfig({
    BERTH_PORT: "0",
    BERTH_KUBECONFIG: kubeconfig,
    BERTH_ENGINE: engine,
    BERTH_LOCAL_CHARTS: "true",
    BERTH_NAMESPACE: namespace,
    BERTH_HOME_NAMESPACE: home,
    BERTH_CONFIG: configFile,
    ...options.environment,
  });
  const log = options.log ?? silentLogger;
  const { berth, close } = await composeBerth(config, log, { operationJson, clock: options.clock });
  const server = await createServer(berth, { ...config, port: 0, log });
  await ready(server.url, options.ca);
  let stopped: Promise<void> | undefined;
  const others: (typeof server)[] = [];
  const closeAll = () => Promise.all([server, ...others].map((one) => one.close(2_000)));
  const stop = () => (stopped ??= closeAll().then(close));
  return {
    url: server.url,
    swiftUrl: server.swiftUrl,
    namespace,
    home,
    kubeconfig,
    kube,
    charts,
    releases: `/v1/clusters/local/namespaces/${namespace}/releases`,
    request: (method, path, body, headers) => send(server.url + path, method, body, headers),
    object: (path) => read(kube, `/${path.replace("{ns}", namespace)}`),
    async as(principal) {
      const other = await createServer({ ...berth, principal }, { ...config, port: 0, log });
      others.push(other);
      return other.url;
    },
    close: (deadlineMs) => server.close(deadlineMs),
    helm: (...args) => helm(kubeconfig, "-n", namespace, ...args),
    helmJson: (...args) => helmJson(kubeconfig, "-n", namespace, ...args),
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await kube.request({ method: "DELETE", path: `/api/v1/namespaces/${namespace}` }).catch(() => undefined);
      await kube.request({ method: "DELETE", path: `/api/v1/namespaces/${home}` }).catch(() => undefined);
      await kube.close();
      await charts[Symbol.asyncDispose]();
    },
  };
}

/** Lists are answered once the first of them is complete. */
async function ready(url: string, ca: string | undefined): Promise<void> {
  for (let waited = 0; ; waited += 50) {
    const { status, text: checks } = await (ca === undefined ? look(url) : lookOverTls(url, ca));
    if (status === 200) return;
    if (waited > 15_000) throw new Error(`Berth does not get ready: ${checks}`);
    await systemClock.sleep(50);
  }
}

async function look(url: string) {
  const answer = await fetch(`${url}/readyz`);
  return { status: answer.status, text: await answer.text() };
}

/** fetch takes no authority. */
async function lookOverTls(url: string, ca: string) {
  const request = get(`${url}/readyz`, { ca, agent: false });
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  return { status: answer.statusCode, text: await text(answer) };
}

async function send<T>(
  url: string,
  method: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer<T>> {
  // What a test asks it wants to see done.
  const init: { method: string; headers: Record<string, string>; body?: string } = {
    method,
    headers: { ...(method === "GET" ? {} : { prefer: "wait=120" }), ...headers },
  };
  if (body !== undefined) {
    init.headers["content-type"] = "application/json";
    init.body = typeof body === "string" ? body : JSON.stringify(body);
  }
  const response = await fetch(url, init);
  const answered = await response.text();
  const parsed: unknown = answered === "" ? {} : JSON.parse(answered);
  return { status: response.status, headers: response.headers, body: parsed as T };
}

async function read<T>(kube: KubeClient, path: string): Promise<T | undefined> {
  try {
    return await kube.request<T>({ path });
  } catch (error) {
    if ((error as { details?: { status?: string } }).details?.status === "404") return undefined;
    throw error;
  }
}
