/*
 * Programs that run in pods of the cluster, beside Berth: as text, for Node in Berth's own image. They know only HTTP.
 */

/** Serves charts out of /charts, and says to callers whether they shall go on; `/end` tells them not to. */
export const CHARTS_SERVER = `
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
let goesOn = true;
createServer(async (request, response) => {
  if (request.url === "/end") goesOn = false;
  if (request.url === "/end" || request.url === "/goes-on") return response.end(String(goesOn));
  try {
    response.end(await readFile("/charts" + request.url));
  } catch {
    response.writeHead(404).end();
  }
}).listen(8080);
`;

/** What a caller is told. */
export interface CallerOptions {
  /** Such as http://berth.berth-system.svc.cluster.local:4000. */
  readonly url: string;
  /** Such as http://charts.default. */
  readonly charts: string;
  readonly chart: string;
  readonly releases: readonly string[];
}

/** One call's ending as the caller prints it, a line of JSON. */
export interface Called {
  readonly path: string;
  readonly release: string;
  readonly key: string;
  /** How often it was sent. */
  readonly sent: number;
  readonly answer: { readonly status: string; readonly reason?: string };
}

/**
 * Calls the old dialect as its users do: an install of each release, its upgrades one after the other as long as it is
 * told to, at last its deletion. What breaks is sent again with the same key.
 */
export function callerScript(options: CallerOptions): string {
  return `
const { url, charts, chart, releases } = ${JSON.stringify(options)};
async function call(path, release, key, body) {
  for (let sent = 1; ; sent++) {
    let answer;
    try {
      const response = await fetch(url + path, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": key },
        body: JSON.stringify({ releaseName: release, ...body }),
        signal: AbortSignal.timeout(20_000),
      });
      answer = await response.json();
    } catch (error) {
      answer = { status: "broken", reason: String(error.cause ?? error) };
    }
    if (answer.status === "success" || sent === 30) {
      console.log(JSON.stringify({ path, release, key, sent, answer }));
      return;
    }
    console.error(path, key, JSON.stringify(answer));
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
async function goesOn() {
  return (await (await fetch(charts + "/goes-on")).text()) === "true";
}
// A Service leads to its pods a moment after they are ready.
while (!(await goesOn().catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 200));
await Promise.all(releases.map(async (release) => {
  const common = { chartName: charts + "/" + chart, wait: true, timeout: "120" };
  await call("/install", release, release + "-0", { ...common, values: { round: "0" } });
  let round = 0;
  do {
    round++;
    await call("/upgrade", release, release + "-" + round, { ...common, values: { round: String(round) } });
  } while (round < 50 && (await goesOn()));
  await call("/delete", release, release + "-end", {});
}));
`;
}
