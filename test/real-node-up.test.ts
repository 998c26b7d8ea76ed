import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { sharedGateway, waitUntil, whyNoRealNode } from "@berth/devcluster";

import { freePort, startUp } from "./support/up.ts";

const skip = whyNoRealNode()?.message ?? false;
const { name, namespace } = sharedGateway;

let data: string;
before(async () => {
  data = await mkdtemp(join(tmpdir(), "berth-up-"));
});
after(() => rm(data, { recursive: true, force: true }));

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
      } finally {
        assert.equal(await up.end("SIGINT"), 0);
      }
    }
  },
);
