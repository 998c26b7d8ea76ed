import { arch, platform } from "node:process";

import { versions } from "./versions.ts";
import type { NodeProgram, Program } from "./versions.ts";

/** Whoever publishes programs with checksums. */
export type Origin = "kubernetes" | "etcd" | "helm";

/** Where each origin's releases are, without a slash at the end. */
export type BaseUrls = Readonly<Record<Origin, string>>;

/**
 * Where the origins publish. KWOK is none of them: its releases are programs without any checksum (`hack/releases.sh`
 * uploads nothing else), so it is built from its module, which Go's checksum database vouches for.
 */
export const OFFICIAL: BaseUrls = {
  kubernetes: "https://dl.k8s.io",
  etcd: "https://github.com/etcd-io/etcd/releases/download",
  helm: "https://get.helm.sh",
};

/** A published file that is a program or, as an archive, holds one. */
export interface ReleaseFile {
  readonly program: Program | NodeProgram;
  readonly url: string;
  /** Text that holds the SHA-256 alone, or lines of `sum  name`. */
  readonly checksumUrl: string;
  /** Path of the program inside the `.tar.gz` file; the file is the program itself without it. */
  readonly member?: string;
}

/** What one origin publishes: fetched whole or not at all. */
export interface Release {
  readonly origin: Origin;
  readonly version: string;
  readonly files: readonly [ReleaseFile, ...ReleaseFile[]];
}

/** A machine in Go's words, which every origin uses. */
export interface Machine {
  readonly os: string;
  readonly arch: string;
}

const here: Machine = { os: platform, arch: arch === "x64" ? "amd64" : arch };

/** Lists what can be fetched for a machine. Kubernetes' servers, and etcd as `.tar.gz`, are published for Linux alone. */
export function listReleases(base: BaseUrls, machine: Machine = here): Release[] {
  const helm = helmRelease(base.helm, machine);
  return machine.os === "linux" ? [kubernetesRelease(base.kubernetes, machine), etcdRelease(base.etcd, machine), helm] : [helm];
}

/** Lists what can be fetched of a real node, which is a Linux machine. */
export function listNodeReleases(base: BaseUrls, machine: Machine = here): Release[] {
  const file = kubernetesFile(base.kubernetes, machine);
  const files = [file("kubelet"), file("kube-proxy"), file("kubectl")] as const;
  return [{ origin: "kubernetes", version: versions.kubernetes, files }];
}

function kubernetesRelease(base: string, machine: Machine): Release {
  const file = kubernetesFile(base, machine);
  const files = [file("kube-apiserver"), file("kube-controller-manager"), file("kube-scheduler")] as const;
  return { origin: "kubernetes", version: versions.kubernetes, files };
}

function kubernetesFile(base: string, { os, arch }: Machine): (program: Program | NodeProgram) => ReleaseFile {
  return (program) => {
    const url = `${base}/v${versions.kubernetes}/bin/${os}/${arch}/${program}`;
    return { program, url, checksumUrl: `${url}.sha256` };
  };
}

function etcdRelease(base: string, machine: Machine): Release {
  const version = versions.etcd;
  const folder = `${base}/v${version}`;
  const name = `etcd-v${version}-${machine.os}-${machine.arch}`;
  const url = `${folder}/${name}.tar.gz`;
  return {
    origin: "etcd",
    version,
    files: [{ program: "etcd", url, checksumUrl: `${folder}/SHA256SUMS`, member: `${name}/etcd` }],
  };
}

function helmRelease(base: string, machine: Machine): Release {
  const version = versions.helm;
  const name = `${machine.os}-${machine.arch}`;
  const url = `${base}/helm-v${version}-${name}.tar.gz`;
  return {
    origin: "helm",
    version,
    files: [{ program: "helm", url, checksumUrl: `${url}.sha256sum`, member: `${name}/helm` }],
  };
}
