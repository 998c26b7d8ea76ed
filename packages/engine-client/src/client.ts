import { connect } from "node:net";

import { engine } from "@berth/contract";
import { BerthError } from "@berth/base";
import { createClient } from "@connectrpc/connect";
import type { Client } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";

import { fromConnect } from "./errors.ts";
import type { EngineProcess } from "./process.ts";
import type { Engine, RunOptions } from "./types.ts";

/** Milliseconds for a call that only reads. */
const READ_LIMIT = 60_000;
/** Milliseconds for a settlement; the caller repeats it. */
const SETTLE_LIMIT = 30_000;

/** The engine over its process' socket. */
export function createEngine(process: EngineProcess): Engine {
  const client = createClient(
    engine.EngineService,
    createConnectTransport({
      // HTTP/1.1: each running action has a connection of its own.
      httpVersion: "1.1",
      baseUrl: "http://engine",
      useBinaryFormat: true,
      // Nothing is gained by packing what never leaves the machine.
      acceptCompression: [],
      nodeOptions: { createConnection: () => connect(process.socket) },
    }),
  );
  const read = <Request, Response>(
    call: (request: Request, options: { timeoutMs: number }) => Promise<Response>,
    timeoutMs = READ_LIMIT,
  ) => {
    return async (request: Request): Promise<Response> => {
      try {
        return await call(request, { timeoutMs });
      } catch (error) {
        throw fromConnect(error, false);
      }
    };
  };
  return {
    install: (request, options) => run(client, request.context?.operationId, client.install(request), options),
    upgrade: (request, options) => run(client, request.context?.operationId, client.upgrade(request), options),
    rollback: (request, options) => run(client, request.context?.operationId, client.rollback(request), options),
    uninstall: (request, options) => run(client, request.context?.operationId, client.uninstall(request), options),
    test: (request, options) => run(client, request.context?.operationId, client.test(request), options),
    settle: read(client.settle, SETTLE_LIMIT),
    render: read(client.render),
    get: read(client.get),
    history: read(client.history),
    status: read(client.status),
    async extend(operationId, holdMs) {
      const hold = { seconds: BigInt(Math.trunc(holdMs / 1000)), nanos: (holdMs % 1000) * 1e6 };
      return (await read(client.extend)({ operationId, hold })).found;
    },
    state: () => process.state(),
    refusedCharts: () => process.refusedCharts(),
    stop: () => process.stop(),
  };
}

async function run(
  client: Client<typeof engine.EngineService>,
  operationId: string | undefined,
  events: AsyncIterable<engine.ActionEvent>,
  { signal, onEvent }: RunOptions = {},
): Promise<engine.ActionResult> {
  let hasBegun = false;
  const cancel = () => {
    const cause = signal?.reason instanceof Error ? signal.reason.message : "cancelled";
    client.cancel({ operationId: operationId ?? "", cause }).catch(() => undefined);
  };
  try {
    for await (const event of events) {
      if (!hasBegun) {
        hasBegun = true;
        // Before its first event the action is not known to the engine, so a cancel would miss it.
        if (signal?.aborted) cancel();
        else signal?.addEventListener("abort", cancel, { once: true });
      }
      if (event.event.case === "result") return event.event.value;
      onEvent?.(event);
    }
  } catch (error) {
    throw fromConnect(error, hasBegun || !isRefused(error));
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
  throw new BerthError("ENGINE_LOST", "The engine ended a stream without its result.");
}

/** A connection that was never made: nothing has begun. */
function isRefused(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && (cause.code === "ECONNREFUSED" || cause.code === "ENOENT")) return true;
  }
  return false;
}
