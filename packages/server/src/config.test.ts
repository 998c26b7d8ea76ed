import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { loadConfig } from "./config.ts";

const directory = mkdtempSync(join(tmpdir(), "berth-config-"));
after(() => rmSync(directory, { recursive: true }));

const least = { BERTH_KUBECONFIG: "/k", BERTH_ENGINE: "/e" };

test("the least there has to be gives a configuration on loopback, without local charts", () => {
  const config = loadConfig(least);
  assert.deepEqual(
    [config.host, config.port, config.localCharts, config.egress.allowLoopback],
    ["127.0.0.1", 4000, false, false],
  );
  assert.ok(Object.isFrozen(config));
});

test("Berth listens on loopback alone", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "localhost"]) {
    assert.equal(loadConfig({ ...least, BERTH_HOST: host }).host, host);
  }
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "example.com", ""]) {
    assert.throws(() => loadConfig({ ...least, BERTH_HOST: host }), { code: "INVALID_ARGUMENT", field: "BERTH_HOST" });
  }
});

test("Berth listens elsewhere where networks are named whose callers it lets in", () => {
  const open = { ...least, BERTH_HOST: "0.0.0.0", BERTH_UNAUTHENTICATED_FROM: "10.244.0.0/16, fd00::/8" };
  assert.deepEqual(loadConfig(open).callers, ["10.244.0.0/16", "fd00::/8"]);
  for (const wrong of ["10.244.0.0", "everybody", "10.0.0.0/33"]) {
    const refused = { ...open, BERTH_UNAUTHENTICATED_FROM: wrong };
    assert.throws(() => loadConfig(refused), /BERTH_UNAUTHENTICATED_FROM/);
  }
});

test("a pod needs no kubeconfig", () => {
  const pod = { BERTH_ENGINE: "/e", KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };
  assert.deepEqual(loadConfig(pod).pod, { host: "10.96.0.1", port: "443" });
});

test("what is wrong is named", () => {
  assert.throws(() => loadConfig({}), { field: "BERTH_ENGINE" });
  assert.throws(() => loadConfig({ BERTH_ENGINE: "/e" }), { field: "BERTH_KUBECONFIG" });
  assert.throws(() => loadConfig({ ...least, BERTH_PORT: "x" }), { field: "BERTH_PORT" });
  assert.throws(() => loadConfig({ ...least, BERTH_LOCAL_CHARTS: "perhaps" }), { field: "BERTH_LOCAL_CHARTS" });
});

test("of the environment the engine gets Go's own variables and no other", () => {
  const config = loadConfig({ ...least, GOMEMLIMIT: "512MiB", SECRET: "x" });
  assert.deepEqual(config.engineEnvironment, { GOMEMLIMIT: "512MiB" });
});

const KEY = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

/** Loads a configuration with one callback, whose file holds `keys`. */
function loadCallback(callback: Record<string, unknown>, keys: string, egress: Record<string, unknown> = {}) {
  const secretFile = join(directory, "keys");
  writeFileSync(secretFile, keys);
  const file = join(directory, "berth.json");
  writeFileSync(file, JSON.stringify({ callbacks: [{ secretFile, ...callback }], egress }));
  return loadConfig({ ...least, BERTH_CONFIG: file });
}

test("keys of callbacks are read as Standard Webhooks writes them, one a line", () => {
  const url = "https://hooks.example.com/berth/";
  const bare = Buffer.alloc(24, 9).toString("base64");
  const { callbacks } = loadCallback({ url }, `${KEY}\n${bare}\n`);
  assert.deepEqual(callbacks[0]?.keys, [new Uint8Array(32).fill(7), new Uint8Array(24).fill(9)]);
  for (const keys of ["", "whsec_", "whsec_c2hvcnQ=", `${KEY}!`, Buffer.alloc(65).toString("base64")]) {
    const isRefused = (error: { field: string; message: string }) =>
      error.field === "callbacks.0.secretFile" && (keys.length < 8 || !error.message.includes(keys));
    assert.throws(() => loadCallback({ url }, keys), isRefused, keys);
  }
  assert.throws(() => loadCallback({ url, secretFile: "/nowhere" }, KEY), { field: "callbacks.0.secretFile" });
});

test("callbacks are https, but where egress names the host", () => {
  const load = (url: string, egress = {}) => loadCallback({ url }, KEY, egress);
  assert.throws(() => load("http://hooks.team.svc/"), { field: "callbacks.0.url" });
  assert.throws(() => load("http://127.0.0.1:8080/"), { field: "callbacks.0.url" });
  assert.throws(() => load("https://user:word@hooks.example.com/"), { field: "callbacks.0.url" });
  assert.throws(() => load("https://hooks.example.com/?a=b"), { field: "callbacks.0.url" });
  assert.throws(() => load("ftp://hooks.example.com/"), { code: "INVALID_ARGUMENT" });
  assert.equal(load("http://hooks.team.svc/", { allowedHosts: ["Hooks.team.svc"] }).callbacks.length, 1);
  assert.equal(load("http://[::1]:8080/", { allowLoopback: true }).callbacks.length, 1);
});

test("TLS has a certificate and a key, and limits of the port are in its own words", () => {
  const pair = { BERTH_TLS_CERT_FILE: "/c", BERTH_TLS_KEY_FILE: "/k" };
  const tls = { certFile: "/c", keyFile: "/k", clientCaFile: undefined, minVersion: "TLSv1.2" };
  assert.deepEqual(loadConfig({ ...least, ...pair }).tls, tls);
  assert.equal(loadConfig(least).tls, undefined);
  for (const one of ["BERTH_TLS_CERT_FILE", "BERTH_TLS_KEY_FILE"]) {
    assert.throws(() => loadConfig({ ...least, ...pair, [one]: "" }), { field: one });
  }
  const old = { ...least, ...pair, BERTH_TLS_MIN_VERSION: "1.1" };
  assert.throws(() => loadConfig(old), { field: "BERTH_TLS_MIN_VERSION" });
  const file = join(directory, "port.json");
  writeFileSync(file, JSON.stringify({ port: { streams: 7, receiveSeconds: 1.5 } }));
  assert.deepEqual(loadConfig({ ...least, BERTH_CONFIG: file }).limits, { streams: 7, receiveMs: 1500 });
});

test("a block of addresses that is none ends the start", () => {
  const load = (block: string) => loadCallback({ url: "https://a.example/" }, KEY, { allowedCidrs: [block] });
  assert.throws(() => load("10.0.0.0"), { code: "INVALID_ARGUMENT", field: "egress.allowedCidrs.0" });
  assert.deepEqual(load("fd00::/8").egress.allowedCidrs, ["fd00::/8"]);
});
