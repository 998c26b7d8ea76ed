import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { systemClock, silentLogger } from "@berth/base";

import { loadInCluster } from "./in-cluster.ts";
import { loadKubeconfig, readKubeconfig } from "./kubeconfig.ts";
import { createTokenSource } from "./token.ts";

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "berth-kubeconfig-"));
  await writeFile(join(directory, "ca.crt"), "CA");
  await writeFile(join(directory, "token"), "from-file\n");
});
after(() => rm(directory, { recursive: true }));

const base64 = (text: string) => Buffer.from(text).toString("base64");

function config(user: object, cluster: object = {}): string {
  return JSON.stringify({
    clusters: [{ name: "c", cluster: { server: "https://host:6443/", ...cluster } }],
    users: [
      { name: "u", user },
      { name: "broken", user: 7 },
    ],
    contexts: [
      { name: "x", context: { cluster: "c", user: "u" } },
      { name: "anonymous", context: { cluster: "c" } },
      { name: "dangling", context: { cluster: "nothing", user: "u" } },
    ],
    "current-context": "x",
  });
}

test("reads inline data, and all that belongs to the connection", async () => {
  const user = { "client-certificate-data": base64("CERT"), "client-key-data": base64("KEY"), token: "t" };
  const cluster = {
    "certificate-authority-data": base64("CA"),
    "tls-server-name": "name",
    "proxy-url": "http://proxy:3128",
    "insecure-skip-tls-verify": false,
  };
  assert.deepEqual(await readKubeconfig(config(user, cluster)), {
    server: "https://host:6443",
    certificateAuthority: "CA",
    clientCertificate: "CERT",
    clientKey: "KEY",
    token: "t",
    tokenFile: undefined,
    tlsServerName: "name",
    insecureSkipTlsVerify: false,
    proxyUrl: "http://proxy:3128",
  });
  assert.equal((await readKubeconfig(config(user), "anonymous")).token, undefined);
});

test("reads files beside the kubeconfig; the token's file wins and is read again", async () => {
  const file = join(directory, "config");
  await writeFile(file, config({ token: "old", tokenFile: "token" }, { "certificate-authority": "ca.crt" }));
  const connection = await loadKubeconfig(file);
  assert.equal(connection.certificateAuthority, "CA");
  assert.equal(connection.token, "from-file");

  let now = 0;
  const token = createTokenSource(connection, silentLogger, { ...systemClock, monotonic: () => now });
  await writeFile(join(directory, "token"), "rotated");
  assert.equal(await token(), "from-file");
  now = 61_000;
  assert.equal(await token(), "rotated");
  await rm(join(directory, "token"));
  now = 122_000;
  assert.equal(await token(), "rotated", "the last one, while the file is away");
  await writeFile(join(directory, "token"), "from-file");
});

test("refuses what Berth does not do", async () => {
  const cases: [string, string, RegExp][] = [
    [config({ exec: { command: "aws" } }), "", /does not run programs/],
    [config({ "auth-provider": { name: "gcp" } }), "", /does not run programs/],
    [config({ username: "u", password: "p" }), "", /no user and password/],
    [config({ token: "t", as: "somebody" }), "", /impersonates/],
    [config({ "client-key": "/etc/shadow" }), "", /names a file/],
    [config({ tokenFile: "/etc/shadow" }), "", /names a file/],
    [config({}, { "certificate-authority": "/etc/shadow" }), "", /names a file/],
    [config({}, { server: "file:///etc" }), "", /Cluster "c".* at server/],
    [config({ token: 7 }), "", /User "u".* at token/],
    [config({}), "unknown", /no usable context "unknown"/],
    [config({}), "dangling", /no usable context/],
    ["clusters: null\nusers: null\ncontexts: null", "", /no usable context/],
    ["token: [secret", "", /is not YAML/],
    ["just text", "", /cannot be read/],
    ["", "", /cannot be read/],
  ];
  for (const [text, context, message] of cases) {
    await assert.rejects(readKubeconfig(text, context), { code: "INVALID_ARGUMENT", message }, text);
  }
  await assert.rejects(loadKubeconfig(join(directory, "nowhere")), { code: "INVALID_ARGUMENT" });
});

test("a pod's own connection", async () => {
  const connection = await loadInCluster({ host: "fd00::1", port: "443", directory });
  assert.equal(connection.server, "https://[fd00::1]:443");
  assert.equal(connection.token, "from-file");
  await assert.rejects(loadInCluster({ host: undefined, port: undefined }), { code: "INVALID_ARGUMENT" });
});
