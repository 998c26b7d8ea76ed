import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import type { TLSSocket } from "node:tls";
import { test } from "node:test";

import { createAuthority, issue } from "./authority.ts";
import { writePki } from "./cluster-pki.ts";

test("a client and a server with certificates of one authority trust each other", async () => {
  const authority = await createAuthority("test");
  const server = await issue(authority, {
    commonName: "server",
    hosts: ["127.0.0.1", "localhost"],
    usages: ["server"],
  });
  const client = await issue(authority, { commonName: "alice", organization: "crew", usages: ["client"] });
  const peer = await handshake(authority.cert, server, client);
  assert.deepEqual({ ...peer.subject }, { O: "crew", CN: "alice" });
});

test("a certificate of another authority is refused", async () => {
  const authority = await createAuthority("test");
  const server = await issue(authority, { commonName: "server", hosts: ["127.0.0.1"], usages: ["server"] });
  const stranger = await issue(await createAuthority("test"), { commonName: "mallory", usages: ["client"] });
  await assert.rejects(handshake(authority.cert, server, stranger));
});

test("keys are for their owner alone, authorities stay, certificates are made anew", async () => {
  const directory = await mkdtemp(join(tmpdir(), "berth-pki-"));
  try {
    const first = await writePki(directory);
    const signing = await readFile(join(directory, "sa.key"), "utf8");
    const second = await writePki(directory);
    assert.equal(second.authority.cert, first.authority.cert);
    assert.equal(await readFile(join(directory, "sa.key"), "utf8"), signing);
    assert.notEqual(second.users.admin.cert, first.users.admin.cert);
    assert.ok(new X509Certificate(first.users.admin.cert).verify(new X509Certificate(second.authority.cert).publicKey));
    for (const name of await readdir(directory)) {
      assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600, name);
    }
    const etcd = new X509Certificate(await readFile(join(directory, "etcd-ca.crt"), "utf8"));
    assert.ok(
      !new X509Certificate(second.users.admin.cert).verify(etcd.publicKey),
      "an admin of Kubernetes is nobody to etcd",
    );
  } finally {
    await rm(directory, { recursive: true });
  }
});

type Pair = Awaited<ReturnType<typeof issue>>;

async function handshake(ca: string, server: Pair, client: Pair): Promise<{ subject: object }> {
  const listener = createServer({ ...server, ca, requestCert: true, rejectUnauthorized: true });
  listener.listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  try {
    const { port } = listener.address() as { port: number };
    return await new Promise((resolve, reject) => {
      listener.once("secureConnection", (socket: TLSSocket) => {
        resolve(socket.getPeerCertificate());
        socket.destroy();
      });
      listener.once("tlsClientError", reject);
      connect({ port, host: "127.0.0.1", ca, ...client })
        .once("error", reject)
        .resume();
    });
  } finally {
    listener.close();
  }
}
