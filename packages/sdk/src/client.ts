import { clone, create, isMessage } from "@bufbuild/protobuf";
import type {
  DescMethod,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  Message,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import type { CallOptions as ConnectCallOptions } from "@connectrpc/connect";

import type { Connection } from "./connection.ts";
import { toApiError } from "./error.ts";
import { withRetry } from "./retry.ts";

/** What a call is told beside its message: `signal`, `timeoutMs` of each attempt, `headers`, and how long it may wait. */
export interface CallOptions extends ConnectCallOptions {
  /** Seconds, up to 600, that Berth may wait for the operation's ending before it answers. */
  readonly waitSeconds?: number;
}

/** A typed client of one service: an async function for each RPC, an async iterable for each that streams. */
export type ServiceClient<S extends DescService> = {
  readonly [M in keyof S["method"]]: S["method"][M] extends DescMethodUnary<infer I, infer O>
    ? (request: MessageInitShape<I>, options?: CallOptions) => Promise<MessageShape<O>>
    : S["method"][M] extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageInitShape<I>, options?: CallOptions) => AsyncIterable<MessageShape<O>>
      : never;
};

/** RPCs that change nothing, or nothing more when they are asked twice. */
const REPEATABLE = /^(Get|List|Search|Show|Plan|Render|Compare|Check|Diff|CancelOperation$)/;

type Call = (request: Message, options: ConnectCallOptions) => unknown;

/**
 * Makes a client of one service; only what it names is bundled. Writes get an idempotency key where they have none, so
 * that they can be sent again; what cannot be repeated safely is sent once. Everything thrown is a BerthApiError.
 */
export function createServiceClient<S extends DescService>(connection: Connection, service: S): ServiceClient<S> {
  const client = createClient(service, connection.transport) as unknown as Record<string, Call>;
  const entries = service.methods.map((method) => {
    const call: Call = (request, options) => client[method.localName]?.(request, options);
    return [method.localName, method.methodKind === "unary" ? unary(connection, method, call) : stream(call)] as const;
  });
  return Object.fromEntries(entries) as ServiceClient<S>;
}

function unary(connection: Connection, method: DescMethod, call: Call) {
  return async (request: Message, options: CallOptions = {}): Promise<unknown> => {
    const message = withKey(method, request);
    const isSafe = REPEATABLE.test(method.name) || "idempotencyKey" in message;
    const told = toConnect(options);
    if (isSafe) return withRetry(connection, options.signal, () => call(message, told) as Promise<unknown>);
    try {
      return await call(message, told);
    } catch (error) {
      throw toApiError(error);
    }
  };
}

function stream(call: Call) {
  return async function* (request: Message, options: CallOptions = {}): AsyncGenerator {
    try {
      yield* call(request, toConnect(options)) as AsyncIterable<unknown>;
    } catch (error) {
      throw toApiError(error);
    }
  };
}

function toConnect({ waitSeconds, ...options }: CallOptions): ConnectCallOptions {
  if (waitSeconds === undefined) return options;
  const headers = new Headers(options.headers as Record<string, string> | undefined);
  headers.set("prefer", `wait=${waitSeconds}`);
  return { ...options, headers };
}

/** The request, with a key of its own where its message has a field for one; the caller's message is left as it is. */
function withKey({ input }: DescMethod, request: Message): Message & { idempotencyKey?: string } {
  const message: Message = isMessage(request, input) ? clone(input, request) : create(input, request);
  const keyed = message as Message & { idempotencyKey?: string };
  if (keyed.idempotencyKey === "") keyed.idempotencyKey = createKey();
  return keyed;
}

/** 128 random bits: `randomUUID` is missing on pages without TLS. */
function createKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
