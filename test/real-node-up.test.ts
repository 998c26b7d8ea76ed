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
        const answer = await fetch(`${up.url}/v1/clusters/local/namespaces/${namespace}/releases/${name}/status`);
        const { ready, release } = (await answer.json()) as Status;
        assert.deepEqual([ready, release.status, release.revision], [true, "deployed", 1], start);
        // Nothing is exposed yet: Envoy itself says so.
        await waitUntil(
          "Envoy answers",
          30_000,
          async () => (await fetch(`http://127.0.0.1:${String(port)}/`)).status === 404,
        );
      } finally {
        assert.equal(await up.end("SIGINT"), 0);
      }
    }
  },
);
