import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { writeImage } from "../images/archive.ts";
import { gatewayImages } from "../images/names.ts";
import { cacheDirectory } from "../paths.ts";
import { silentProgress } from "../progress.ts";
import type { Progress } from "../progress.ts";
import { buildPrograms } from "./build.ts";
import type { EnsureOptions } from "./ensure.ts";
import { ENVOY_REQUIREMENTS, fetchEnvoy } from "./envoy.ts";
import { moduleFingerprint } from "./fingerprint.ts";
import { go } from "./go.ts";
import { makeOnce } from "./once.ts";
import { versions } from "./versions.ts";

const MODULE = "toolchain/envoy-gateway";
const SOURCE = "github.com/envoyproxy/gateway";
/** Whom both images run as: the number that Envoy Gateway's chart names. */
const NOBODY = "65532:65532";
/** Counts the ways in which the contents below were laid out: another way is another version in the cache. */
const LAYOUT = "1";

/** What Envoy Gateway is installed from. */
export interface GatewayParts {
  /** Directory of its own chart, with the CRDs of Gateway API. */
  readonly chart: string;
  /** OCI archives of its two images. */
  readonly images: Readonly<Record<keyof typeof gatewayImages, string>>;
}

/** Gives Envoy Gateway's chart and images, from the cache or by making them once. */
export async function ensureEnvoyGateway(
  options: Pick<EnsureOptions, "progress" | "cache"> = {},
): Promise<GatewayParts> {
  const { progress = silentProgress, cache = cacheDirectory() } = options;
  const directory = await makeOnce({
    root: join(cache, "envoy-gateway"),
    key: await moduleFingerprint([MODULE], [ENVOY_REQUIREMENTS], [LAYOUT]),
    progress,
    make: (draft) => fill(draft, progress),
  });
  const image = (name: string) => join(directory, "images", `${name}.tar`);
  return {
    chart: join(directory, "gateway-helm"),
    images: { envoyGateway: image("envoy-gateway"), envoy: image("envoy") },
  };
}

async function fill(draft: string, progress: Progress): Promise<void> {
  const work = join(draft, "work");
  const images = join(draft, "images");
  await Promise.all([mkdir(work), mkdir(images)]);
  const envoy = await fetchEnvoy(work, progress);
  const packages = { "envoy-gateway": `${SOURCE}/cmd/envoy-gateway` };
  await buildPrograms({ packages, place: { module: MODULE }, firstTime: "4 minutes" }, work, progress);
  await copyChart(join(draft, "gateway-helm"));
  await progress.run("Making images of Envoy Gateway and Envoy", async () => {
    await writeImage({
      name: gatewayImages.envoyGateway,
      file: join(images, "envoy-gateway.tar"),
      files: { "envoy-gateway": join(work, "envoy-gateway") },
      entrypoint: ["/envoy-gateway"],
      user: NOBODY,
    });
    await writeImage({
      name: gatewayImages.envoy,
      file: join(images, "envoy.tar"),
      files: envoy,
      entrypoint: ["/envoy"],
      user: NOBODY,
    });
  });
  await rm(work, { recursive: true });
}

/** Copies the chart out of Envoy Gateway's module, filled in as its own release does it. */
async function copyChart(target: string): Promise<void> {
  const module = await go(["list", "-m", "-f", "{{.Dir}}", SOURCE], undefined, { module: MODULE });
  const source = join(module, "charts/gateway-helm");
  const version = `v${versions.envoyGateway}`;
  for (const entry of await readdir(source, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath.slice(source.length), entry.name);
    const text = await readFile(join(source, path), "utf8");
    await mkdir(dirname(join(target, path)), { recursive: true });
    await writeFile(join(target, path), path === "/Chart.yaml" ? text.replaceAll(/v0\.0\.0-latest|"latest"/g, version) : text);
  }
  const values = await readFile(join(source, "values.tmpl.yaml"), "utf8");
  const image = values.replace("${GatewayImage}", gatewayImages.envoyGateway);
  await writeFile(join(target, "values.yaml"), image.replace("${GatewayImagePullPolicy}", "IfNotPresent"));
}
