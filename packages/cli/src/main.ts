#!/usr/bin/env node
import { homedir } from "node:os";
import { buffer } from "node:stream/consumers";

import { runCli } from "./index.ts";
import type { Output } from "./index.ts";

const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
process.once("SIGTERM", () => interrupted.abort());
// Whoever reads has seen enough, as `head` has.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

function outputOf(stream: NodeJS.WriteStream): Output {
  return { isTerminal: stream.isTTY, width: stream.columns, write: (text) => void stream.write(text) };
}

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  home: homedir(),
  stdout: outputOf(process.stdout),
  stderr: outputOf(process.stderr),
  readStdin: () => buffer(process.stdin),
  signal: interrupted.signal,
});
