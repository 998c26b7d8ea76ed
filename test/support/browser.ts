import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request as ask } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** Names that Chromium goes by. */
const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** The browser of this machine; undefined where there is none. */
export function findBrowser(): string | undefined {
  return NAMES.find((name) => spawnSync(name, ["--version"]).status === 0);
}

/**
 * Opens a page with a script in a real browser, at an address under which Berth answers too, and gives what the script
 * posts to /result, and how many streams of events it has opened: the first is cut after its first piece.
 */
export async function runInBrowser(
  browser: string,
  script: string,
  berthUrl: string,
): Promise<{ readonly told: unknown; readonly streams: number }> {
  let streams = 0;
  const forward = (request: IncomingMessage, response: ServerResponse) => {
    const { method = "GET", headers, url = "" } = request;
    const sent = ask(new URL(url, berthUrl), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      if (url.endsWith("/events") && ++streams === 1) {
        answer.once("data", () => response.destroy());
      }
      answer.pipe(response);
    });
    sent.on("error", () => response.destroy());
    response.on("close", () => sent.destroy());
    request.pipe(sent);
  };
  let tell: (result: unknown) => void;
  const told = new Promise<unknown>((resolve) => (tell = resolve));
  const server = createServer((request, response) => {
    if (request.url === "/result") {
      void text(request).then((body) => tell(JSON.parse(body)));
      response.end();
    } else if (request.url === "/script.js") response.writeHead(200, { "content-type": "text/javascript" }).end(script);
    else if (request.url === "/") {
      const page = '<!doctype html><meta charset="utf-8"><script type="module" src="/script.js"></script>';
      response.writeHead(200, { "content-type": "text/html" }).end(page);
    } else forward(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const profile = await mkdtemp(join(tmpdir(), "berth-browser-"));
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
  const switches = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];
  const child = spawn(browser, [...switches, `--user-data-dir=${profile}`, url], { stdio: "ignore", detached: true });
  try {
    const ended = once(child, "exit").then(() => {
      throw new Error("The browser ended before the page was done.");
    });
    return { told: await Promise.race([told, ended]), streams };
  } finally {
    // Its helpers are of its process group.
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
    server.closeAllConnections();
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 20 });
  }
}
