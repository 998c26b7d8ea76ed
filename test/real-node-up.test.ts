import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { repository, sharedGateway, waitUntil, whyNoRealNode } from "@berth/devcluster";

import { freePort, startUp } from "./support/up.ts";

const skip = whyNoRealNode()?.message ?? false;
const { name, namespace } = sharedGateway;

let data: string;
before(async () => {
  data = await mkdtemp(join(tmpdir(), "berth-up-"));
});
after(() => rm(data, { recursive: true, force: true }));

/** Installs the example, exposes it, and asks it by the address that is told; the second start finds both. */
async function exposed(url: string, start: string): Promise<string> {
  const home = `${url}/v1/clusters/local/namespaces/default`;
  const send = async (path: string, body: object) => {
    const headers = { "content-type": "application/json", prefer: "wait=100" };
    const response = await fetch(home + path, { method: "POST", headers, body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as { endpoint?: string; simulated?: boolean } };
  };
  if (start === "first") {
    const chart = { path: join(repository, "examples/hello") };
    await send("/releases", { name: "hello", chart, options: { wait: true, timeout: "60s" } });
  }
  const { status, body } = await send("/exposures", { service: "hello", service_port: 80 });
  assert.deepEqual([status, body.simulated], [200, false], JSON.stringify(body));
  let answer = "";
  await waitUntil("the exposed port answers", 60_000, async () => {
    answer = await fetch(`http://${body.endpoint ?? ""}/hostname`, { signal: AbortSignal.timeout(2_000) }).then(
      (response) => response.text(),
      () => "",
    );
    return answer !== "";
  });
  return answer.replace(/-.*/, "");
}

interface Status {
  readonly ready: boolean;
  readonly release: { readonly revision: number; readonly status: string };
}

test(
  "up --real has Berth install Envoy Gateway, which answers on this machine; a second start finds it",
  { skip },
  async () => {
    for (const start of ["first", "second"]) {
      const port = await freePort();
      const up = await startUp(data, "--real", "--forward", `${String(port)}=gateway:80`);
      try {
        assert.match(up.output, /Berth installs Envoy Gateway: done/);
        // Nothing is exposed yet: Envoy itself says so.
        assert.equal((await fetch(`http://127.0.0.1:${String(port)}/`)).status, 404);
        const path = `/v1/clusters/local/namespaces/${namespace}/releases/${name}/status`;
        // Containers that were started again are reported one by one.
        await waitUntil("all is ready", 60_000, async () => {
          const { ready, release } = (await (await fetch(up.url + path)).json()) as Status;
          assert.deepEqual([release.status, release.revision], ["deployed", 1], start);
          return ready;
        });
        assert.equal(await exposed(up.url, start), "hello", "what is exposed answers on this machine");
      } finally {
        assert.equal(await up.end("SIGINT"), 0);
      }
    }
  },
);
