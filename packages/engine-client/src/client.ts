import { Agent } from "node:http";
import type { Duplex } from "node:stream";
import { connect } from "node:net";

import { engine } from "@berth/contract";
import { BerthError } from "@berth/base";
import type { Logger } from "@berth/base";
import { createClient } from "@connectrpc/connect";
import type { Client } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";

import { fromConnect } from "./errors.ts";
import type { EngineProcess } from "./process.ts";
import type { Engine, ReadOptions, RunOptions } from "./types.ts";

/** Milliseconds for a call that only reads. */
const READ_LIMIT = 60_000;
/** Milliseconds for a rendering: a minute to fetch the chart, a minute to render it, and the cluster's time. */
const RENDER_LIMIT = 150_000;
/** Milliseconds for asking a source of charts: longer than the engine's own limit, whose error says more. */
const SOURCE_LIMIT = 90_000;
/** Milliseconds for a settlement; the caller repeats it. */
const SETTLE_LIMIT = 30_000;

/** The engine over its process' socket. */
export function createEngine(process: EngineProcess, log: Logger): Engine {
  const client = createClient(
    engine.EngineService,
    createConnectTransport({
      // HTTP/1.1: each running action has a connection of its own.
      httpVersion: "1.1",
      baseUrl: "http://engine",
      useBinaryFormat: true,
      // Nothing is gained by packing what never leaves the machine.
      acceptCompression: [],
      nodeOptions: { agent: new SocketAgent(process.socket) },
    }),
  );
  const parts = { client, log };
  const read = <Request, Response>(
    call: (request: Request, options: { timeoutMs: number; signal?: AbortSignal }) => Promise<Response>,
    timeoutMs = READ_LIMIT,
  ) => {
    return async (request: Request, { signal }: ReadOptions = {}): Promise<Response> => {
      try {
        return await call(request, signal === undefined ? { timeoutMs } : { timeoutMs, signal });
      } catch (error) {
        // Its caller has ended it: the engine has not failed.
        throw signal?.aborted === true ? signal.reason : fromConnect(error, false);
      }
    };
  };
  return {
    install: (request, options) => run(parts, request.context?.operationId, client.install(request), options),
    upgrade: (request, options) => run(parts, request.context?.operationId, client.upgrade(request), options),
    rollback: (request, options) => run(parts, request.context?.operationId, client.rollback(request), options),
    uninstall: (request, options) => run(parts, request.context?.operationId, client.uninstall(request), options),
    test: (request, options) => run(parts, request.context?.operationId, client.test(request), options),
    settle: read(client.settle, SETTLE_LIMIT),
    render: read(client.render, RENDER_LIMIT),
    plan: read(client.plan, RENDER_LIMIT),
    searchCharts: read(client.searchCharts),
    refreshSource: read(client.refreshSource, SOURCE_LIMIT),
    listVersions: read(client.listVersions),
    showChart: read(client.showChart),
    get: read(client.get),
    history: read(client.history),
    status: read(client.status),
    check: read(client.check, RENDER_LIMIT),
    async extend(operationId, holdMs) {
      const hold = { seconds: BigInt(Math.trunc(holdMs / 1000)), nanos: (holdMs % 1000) * 1e6 };
      return (await read(client.extend)({ operationId, hold })).found;
    },
    state: () => process.state(),
    restarts: () => process.restarts(),
    refusedCharts: () => process.refusedCharts(),
    stop: () => process.stop(),
  };
}

/** Keeps connections to a Unix socket: a new one for each call costs more than a small call itself. */
class SocketAgent extends Agent {
  readonly #path: string;

  constructor(path: string) {
    super({ keepAlive: true, maxFreeSockets: 32 });
    this.#path = path;
  }

  override createConnection(): Duplex {
    return connect(this.#path);
  }
}

interface Parts {
  readonly client: Client<typeof engine.EngineService>;
  readonly log: Logger;
}

async function run(
  { client, log }: Parts,
  operationId: string | undefined,
  messages: AsyncIterable<engine.ActionEvents>,
  { signal, onEvent }: RunOptions = {},
): Promise<engine.ActionResult> {
  let hasBegun = false;
  let result: engine.ActionResult | undefined;
  const cancel = () => {
    const cause = signal?.reason instanceof Error ? signal.reason.message : "cancelled";
    client.cancel({ operationId: operationId ?? "", cause }).catch(() => undefined);
  };
  try {
    for await (const event of each(messages)) {
      if (!hasBegun) {
        hasBegun = true;
        // Before its first event the action is not known to the engine, so a cancel would miss it.
        if (signal?.aborted) cancel();
        else signal?.addEventListener("abort", cancel, { once: true });
      }
      if (event.event.case === "result") {
        // The stream is read to its end: leaving it would close its connection.
        result = event.event.value;
        continue;
      }
      try {
        onEvent?.(event);
      } catch (error) {
        // Leaving the loop would cancel the action: it is not its observer's to end.
        log.error({ error, operation: operationId }, "an observer of an action failed");
      }
    }
  } catch (error) {
    // What breaks after the result breaks nothing.
    if (result === undefined) throw fromConnect(error, hasBegun || !isRefused(error));
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
  if (result !== undefined) return result;
  throw new BerthError("ENGINE_LOST", "The engine ended a stream without its result.");
}

async function* each(messages: AsyncIterable<engine.ActionEvents>): AsyncGenerator<engine.ActionEvent> {
  for await (const { events } of messages) yield* events;
}

/** A connection that was never made: nothing has begun. */
function isRefused(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && (cause.code === "ECONNREFUSED" || cause.code === "ENOENT")) return true;
  }
  return false;
}
