import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A repository with as large an index as the largest public one. */
export interface LargeRepository extends AsyncDisposable {
  readonly url: string;
  readonly megabytes: number;
}

const CHARTS = 400;
const VERSIONS = 70;

/** Serves one chart among 400 others with 70 versions each, laid out as `helm repo index` does. */
export async function serveLargeIndex(name: string, archive: Buffer): Promise<LargeRepository> {
  const digest = createHash("sha256").update(archive).digest("hex");
  const lines = ["apiVersion: v1", "entries:"];
  for (let chart = 0; chart < CHARTS; chart += 1) {
    lines.push(`  chart-${String(chart).padStart(4, "0")}:`);
    for (let version = VERSIONS; version > 0; version -= 1) lines.push(entry(chart, version));
  }
  lines.push(`  ${name}:`, `  - apiVersion: v2`, `    name: ${name}`, `    version: 1.0.0`, `    digest: ${digest}`);
  lines.push("    urls:", `    - ${name}-1.0.0.tgz`, 'generated: "2026-01-01T00:00:00Z"', "");
  const index = Buffer.from(lines.join("\n"));
  const etag = `"${createHash("sha256").update(index).digest("hex")}"`;
  const server = createServer((request, response) => {
    if (request.url !== "/index.yaml") return response.end(archive);
    if (request.headers["if-none-match"] === etag) return response.writeHead(304).end();
    return response.writeHead(200, { etag }).end(index);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    megabytes: Math.round(index.length / 1e5) / 10,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function entry(chart: number, version: number): string {
  const name = `chart-${String(chart).padStart(4, "0")}`;
  const digest = createHash("sha256")
    .update(`${name}-${String(version)}`)
    .digest("hex");
  return `  - annotations:
      category: Database
      licenses: Apache-2.0
    apiVersion: v2
    appVersion: 3.${String(version)}.1
    created: "2025-06-01T10:${String(version % 60).padStart(2, "0")}:00.123456789Z"
    dependencies:
    - name: common
      repository: oci://registry.example.com/charts
      tags:
      - common
      version: 2.x.x
    description: ${name} is one of very many charts, and its description is about as long as others are.
    digest: ${digest}
    home: https://example.com/${name}
    icon: https://example.com/icons/${name}.svg
    keywords:
    - database
    - sql
    maintainers:
    - name: Somebody
      url: https://example.com/somebody
    name: ${name}
    sources:
    - https://example.com/sources/${name}
    urls:
    - https://example.com/files/${name}-1.${String(version)}.0.tgz
    version: 1.${String(version)}.0`;
}
