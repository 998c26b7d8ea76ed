import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";

import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { releaseService } from "@berth/contract";

import { refused, succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { readEvents } from "./support/events.ts";
import { eventually } from "./support/exposures.ts";
import { storeRelease } from "./support/stored.ts";

/*
 * Lists from the watch cache: sorted, filtered, paged and watched, over records
 * that helm might have written.
 */

interface Page {
  readonly releases: (ReleaseAnswer & { readonly summary_pending?: boolean; readonly unreadable?: string })[];
  readonly next_page_token: string;
  readonly total_size: number;
  readonly pending_summaries?: number;
}

let berth: TestBerth;

before(async () => {
  berth = await startTestBerth();
});
after(() => berth[Symbol.asyncDispose]());

const store = (release: Omit<Parameters<typeof storeRelease>[1], "namespace">) =>
  storeRelease(berth.kube, { namespace: berth.namespace, ...release });

async function list(query: string): Promise<Page> {
  const answer = await berth.request<Page>("GET", `${berth.releases}?${query}`);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

const names = ({ releases }: Page) => releases.map(({ name }) => name);

/** A list, once it has as many as are wanted. */
const listed = (query: string, size: number) =>
  eventually(`a list of ${String(size)}`, async () => {
    const page = await list(query);
    return page.total_size === size && (page.pending_summaries ?? 0) === 0 ? page : undefined;
  });

test("every column sorts, both ways, and pages go through it", async () => {
  const label = { suite: "sorted" };
  await store({ name: "s-a", chart: "web", version: "1.10.0", deployed: new Date("2026-03-01"), labels: label });
  await store({ name: "s-b", chart: "web", version: "1.9.0", deployed: new Date("2026-02-01"), labels: label });
  await store({
    name: "s-c",
    chart: "api",
    version: "2.0.0-rc.1",
    status: "failed",
    deployed: new Date("2026-01-01"),
    labels: label,
  });
  await store({
    name: "s-c",
    revision: 2,
    chart: "api",
    version: "2.0.0",
    deployed: new Date("2026-04-01"),
    labels: label,
  });
  const query = "label_selector=suite%3Dsorted";
  await listed(query, 3);
  const orders = {
    "": ["s-a", "s-b", "s-c"],
    "name desc": ["s-c", "s-b", "s-a"],
    chart: ["s-c", "s-b", "s-a"],
    "chart desc": ["s-a", "s-b", "s-c"],
    updated: ["s-b", "s-a", "s-c"],
    "updated desc": ["s-c", "s-a", "s-b"],
    revision: ["s-a", "s-b", "s-c"],
    app_version: ["s-a", "s-b", "s-c"],
  };
  for (const [order, wanted] of Object.entries(orders)) {
    const all = `${query}&order_by=${encodeURIComponent(order)}`;
    assert.deepEqual(names(await list(all)), wanted, order);
    const paged: string[] = [];
    for (let token = ""; ;) {
      const page = await list(`${all}&page_size=1&page_token=${token}`);
      assert.equal(page.total_size, 3);
      paged.push(...names(page));
      token = page.next_page_token;
      if (token === "") break;
    }
    assert.deepEqual(paged, wanted, `${order}, page by page`);
  }
  const first = await list(`${query}&order_by=chart&page_size=1`);
  refused(
    await berth.request("GET", `${berth.releases}?order_by=name&page_token=${first.next_page_token}`),
    400,
    "INVALID_ARGUMENT",
    "page_token",
  );
  refused(await berth.request("GET", `${berth.releases}?order_by=colour`), 400, "INVALID_ARGUMENT", "order_by");
});

test("pages tell no release twice and miss none that stays, while others come and go", async () => {
  const label = { suite: "moving" };
  const count = 60;
  for (let index = 0; index < count; index++)
    await store({ name: `m-${String(index).padStart(2, "0")}-stays`, labels: label });
  await listed("label_selector=suite%3Dmoving", count);
  let isOver = false;
  const storm = (async () => {
    for (let round = 0; !isOver; round++) {
      const name = `m-${String(round % count).padStart(2, "0")}-goes`;
      await store({ name, labels: { suite: "moving" } });
      await berth.kube.request({
        method: "DELETE",
        path: `/api/v1/namespaces/${berth.namespace}/secrets/sh.helm.release.v1.${name}.v1`,
      });
    }
  })();
  try {
    for (let round = 0; round < 10; round++) {
      const seen: string[] = [];
      for (let token = ""; ;) {
        const page = await list(`label_selector=suite%3Dmoving&page_size=7&order_by=name&page_token=${token}`);
        seen.push(...names(page));
        token = page.next_page_token;
        if (token === "") break;
      }
      assert.equal(new Set(seen).size, seen.length, "no release twice");
      assert.equal(seen.filter((name) => name.endsWith("-stays")).length, count, "none that stays is missed");
    }
  } finally {
    isOver = true;
    await storm;
  }
});

test("which releases use a chart below a version is asked of all clusters at once", async () => {
  const versions = ["1.2.0", "1.3.9", "1.4.0-rc.1", "1.4.0", "2.0.0", "none"];
  for (const [index, version] of versions.entries())
    await store({ name: `v-${String(index)}`, chart: "crates", version });
  const url = `/v1/clusters/-/releases?chart=crates&chart_version=${encodeURIComponent("<1.4.0")}`;
  const found = await eventually("all are read", async () => {
    const { body } = await berth.request<Page>("GET", url);
    return (body.pending_summaries ?? 0) === 0 && body.total_size === 3 ? body : undefined;
  });
  assert.deepEqual(names(found), ["v-0", "v-1", "v-2"]);
  assert.deepEqual(
    [...new Set(found.releases.map((one) => (one as unknown as { cluster: string }).cluster))],
    ["local"],
  );
  const url2 = `${berth.releases}?chart=crates&chart_version=${encodeURIComponent(">=1.3, <2")}`;
  assert.deepEqual(names((await berth.request<Page>("GET", url2)).body), ["v-1", "v-2", "v-3"]);
  refused(
    await berth.request("GET", `${berth.releases}?chart_version=%3E%3E1`),
    400,
    "INVALID_ARGUMENT",
    "chart_version",
  );
});

test("all revisions are listed where they are asked for, of both of Helm's drivers", async () => {
  await store({ name: "h-a", revision: 1, status: "superseded", version: "1.0.0" });
  await store({ name: "h-a", revision: 2, status: "superseded", version: "1.1.0", driver: "configmaps" });
  await store({ name: "h-a", revision: 10, version: "1.2.0" });
  await store({ name: "h-b", version: "3.0.0" });
  await listed("filter=h-", 2);
  const all = await list("filter=h-&all_revisions=true");
  assert.deepEqual(
    all.releases.map(({ name, revision, chart }) => [name, revision, chart?.version]),
    [
      ["h-a", 10, "1.2.0"],
      ["h-a", 2, "1.1.0"],
      ["h-a", 1, "1.0.0"],
      ["h-b", 1, "3.0.0"],
    ],
  );
  assert.deepEqual(names(await list("filter=h-&all_revisions=true&status=superseded")), ["h-a", "h-a"]);
  const first = await list("filter=h-&all_revisions=true&page_size=3");
  const second = await list(`filter=h-&all_revisions=true&page_size=3&page_token=${first.next_page_token}`);
  assert.deepEqual([names(second), second.next_page_token], [["h-b"], ""]);
});

test("a record that inflates without end is unreadable, and everything else goes on", async () => {
  const bomb = gzipSync(Buffer.alloc(400 * 1024 * 1024), { level: 9 }).toString("base64");
  await store({ name: "b-bomb", data: bomb });
  await store({ name: "b-broken", data: "not a record" });
  await store({ name: "b-well" });
  const page = await listed("filter=b-", 3);
  assert.deepEqual(
    page.releases.map(({ name, chart, unreadable = "" }) => [name, chart?.name ?? "", unreadable === ""]),
    [
      ["b-bomb", "", false],
      ["b-broken", "", false],
      ["b-well", "web", true],
    ],
  );
});

test("a watched list tells what there is, what becomes of it, and what was missed meanwhile", async () => {
  await store({ name: "w-a", labels: { suite: "watched" } });
  const query = "label_selector=suite%3Dwatched&status=deployed";
  await listed(query, 1);
  const url = `${berth.url}${berth.releases}:watch?${query}`;
  const told: string[] = [];
  let last = "";
  /** Reads until a piece of news comes. */
  const readUntil = async (headers: Record<string, string>, wanted: string, meanwhile: () => Promise<void>) => {
    for await (const { event, id, data } of readEvents(url, headers)) {
      const { name = "", revision = 0 } = (data.release ?? {}) as { name?: string; revision?: number };
      const news = name === "" ? event : `${event} ${name}.${String(revision)}`;
      // What was read of a record is told once more.
      if (told.at(-1) !== news.replace("modified", "added") && told.at(-1) !== news) told.push(news);
      if (id !== "") last = id;
      if (event === "synced") await meanwhile();
      if (news === wanted) return;
    }
  };
  await readUntil({}, "added w-b.1", async () => {
    await store({ name: "w-other" });
    await store({ name: "w-b", labels: { suite: "watched" } });
  });
  assert.deepEqual(told.splice(0), ["added w-a.1", "synced", "added w-b.1"]);

  // While nobody listens, one leaves the list and another comes.
  await store({ name: "w-a", revision: 2, status: "failed", labels: { suite: "watched" } });
  await store({ name: "w-c", labels: { suite: "watched" } });
  await listed(query, 2);
  await readUntil({ "last-event-id": last }, "synced", () => Promise.resolve());
  const missed = told.splice(0).filter((news) => !news.includes("w-b.1"));
  // Of each release once, in the order of its last change.
  assert.deepEqual(missed.slice(0, -1).sort(), ["added w-c.1", "deleted w-a.1"]);
  assert.equal(missed.at(-1), "synced");
  await readUntil({ "last-event-id": "other.7" }, "synced", () => Promise.resolve());
  assert.deepEqual(told, ["reset", "added w-b.1", "added w-c.1", "synced"]);
});

test("gRPC watches a list too", async () => {
  const client = createClient(releaseService.ReleaseService, createGrpcTransport({ baseUrl: berth.url }));
  await store({ name: "g-a", labels: { suite: "grpc" } });
  await listed("label_selector=suite%3Dgrpc", 1);
  const news: string[] = [];
  const request = { cluster: "local", namespace: berth.namespace, labelSelector: "suite=grpc" };
  for await (const { type, release } of client.watchReleases(request)) {
    news.push(`${type} ${release?.name ?? ""}`.trim());
    if (type === "synced") break;
  }
  assert.deepEqual(news, ["added g-a", "synced"]);
});

test("one release is read from memory where that is wished, and never older than wished", async () => {
  const chart = await berth.charts.write("kept", { "templates/map.yaml": CONFIG_MAP });
  const url = `${berth.releases}/kept`;
  refused(await berth.request("GET", `${url}?min_resource_version=0`), 404, "RELEASE_NOT_FOUND", "name");
  const body = { name: "kept", chart: { path: chart } };
  let newest = succeeded(await berth.request<OperationAnswer>("POST", berth.releases, body)).result?.resource_version;
  for (let revision = 1; revision <= 5; revision++) {
    const asked = await berth.request<ReleaseAnswer>("GET", `${url}?min_resource_version=${newest ?? ""}`);
    assert.deepEqual([asked.status, asked.body.revision, asked.body.status], [200, revision, "deployed"]);
    const again = await berth.request<ReleaseAnswer>("GET", `${url}?min_resource_version=0`);
    assert.deepEqual(again.body, asked.body);
    assert.deepEqual((await berth.request<ReleaseAnswer>("GET", url)).body, asked.body, "as it is stored");
    const upgraded = await berth.request<OperationAnswer>("PUT", url, { chart: { path: chart } });
    newest = succeeded(upgraded).result?.resource_version;
  }
  refused(
    await berth.request("GET", `${url}?min_resource_version=0&revision=1`),
    400,
    "INVALID_ARGUMENT",
    "min_resource_version",
  );
  refused(await berth.request("GET", `${url}?min_resource_version=${newest ?? ""}000`), 503, "NOT_READY");
});
