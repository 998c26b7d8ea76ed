import { asBerthError } from "@berth/base";
import { pino, stdSerializers } from "pino";

import { composeBerth } from "./compose.ts";
import { loadConfig } from "./config.ts";
import { createServer, operationJson } from "./edges/index.ts";

/** How long open requests may take to end once Berth was told to stop, in milliseconds. */
const DRAIN = 10_000;
/** How long running operations may take to end before they are handed on, in milliseconds. */
const HAND_ON = 5_000;

async function main(): Promise<void> {
  const config = loadConfig(process.env);
  const log = pino({ level: config.logLevel, serializers: { error: stdSerializers.err } }, pino.destination(2));
  const { berth, drain, close } = await composeBerth(config, log, { operationJson });
  const { host, port, swiftPort, callers, tls, limits } = config;
  const server = await createServer(berth, { host, port, swiftPort, callers, tls, limits, log });
  log.info({ url: server.url, swift: server.swiftUrl }, "listening");

  let isStopping = false;
  const stop = async (why: string) => {
    if (isStopping) return;
    isStopping = true;
    log.info({ why }, "stopping");
    // Requests that wait for an operation are answered while it still may end.
    await Promise.all([server.close(DRAIN), drain(HAND_ON)]);
    await close();
    process.exit(0);
  };
  process.once("SIGTERM", () => void stop("SIGTERM"));
  process.once("SIGINT", () => void stop("SIGINT"));
  if (config.exitWithStdin) {
    process.stdin.once("close", () => void stop("standard input closed")).resume();
  }
}

main().catch((error: unknown) => {
  const { message, hint, cause } = asBerthError(error);
  const why = cause instanceof Error ? ` (${cause.message})` : "";
  process.stderr.write(`berth: ${message}${why}\n  ${hint}\n`);
  process.exit(1);
});
