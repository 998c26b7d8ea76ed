/**
 * The supervisor: a process between the one that wants a cluster and the cluster's programs. Its standard input is a
 * pipe from its parent, so it hears of the parent's death however that came, and then ends every program.
 */
import { createInterface } from "node:readline";

import { Children } from "./children.ts";
import type { Order, Report } from "./protocol.ts";

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: supervisor DATA_DIRECTORY");

const children = new Children(directory, (exit) => report({ kind: "exited", exit }));
let isEnding = false;

// A dead parent reads nothing: what we say is lost, what we do is not.
process.stdout.on("error", () => undefined);
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => void end());

await children.record();
const orders = createInterface(process.stdin);
orders.on("line", (line) => void obey(JSON.parse(line) as Order));
orders.on("close", () => void end());

async function obey(order: Order): Promise<void> {
  const { id } = order;
  try {
    if (isEnding) throw new Error("The supervisor is ending.");
    if (order.verb === "start") {
      report({ kind: "done", id, pid: await children.start(order.program) });
    } else {
      await children.stop(order.name, order.signal);
      report({ kind: "done", id });
    }
  } catch (error) {
    report({ kind: "failed", id, message: (error as Error).message });
  }
}

function report(message: Report): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function end(): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  await children.stopAll();
  process.exit(0);
}
