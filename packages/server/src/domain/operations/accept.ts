import { BerthError } from "@berth/base";
import type { Clock } from "@berth/base";
import { isConflict } from "@berth/kube";

import type { Principal } from "../access/index.ts";
import type { Command, InstallCommand, ReleaseTarget } from "../command.ts";
import type { RequestContext } from "../releases/index.ts";
import type { HomeCache } from "./store/cache.ts";
import { keyName, queueName } from "./store/names.ts";
import type { HomeWrites, PayloadRecord } from "./store/writes.ts";
import { digestOf, toPayload } from "./payload.ts";
import type { PayloadData } from "./payload.ts";
import { FORMAT, hasEnded } from "./record.ts";
import type { OperationRecord, StoredRequest } from "./record.ts";
import type { SubmitOptions } from "./types.ts";

/** How long a key stands for its request, in milliseconds. */
const KEY_LIFE = 24 * 3600 * 1000;

/** What is to be accepted. */
export interface Acceptance {
  readonly id: string;
  readonly principal: Principal;
  readonly command: Command;
  readonly context: RequestContext;
  readonly options: SubmitOptions & { readonly retryOf?: string };
  /** Takes a generated name, and with it the queue. */
  readonly reserve: ((command: InstallCommand) => Promise<ReleaseTarget>) | undefined;
  /** Throws where what is asked for the first time cannot be accepted now. */
  readonly check?: (() => void) | undefined;
}

/** What accepting is made of. */
export interface AcceptParts {
  readonly cache: Pick<HomeCache, "operation" | "queue">;
  readonly writes: HomeWrites;
  readonly clock: Clock;
  /** Offers this process' worker what was accepted here; the queue is as it was written. */
  readonly offer: (record: OperationRecord, queue: readonly string[], command: Command) => void;
}

/**
 * Writes down what is asked, so that it is done whatever dies: the payload, then
 * the operation, then its place in the release's queue. With an idempotency key
 * the payload's name is the key, and whoever comes second goes on with what the
 * first one has begun.
 */
export async function accept(parts: AcceptParts, asked: Acceptance): Promise<OperationRecord> {
  const { idempotencyKey: key } = asked.options;
  const digest = digestOf(asked.command, asked.options.policy ?? {});
  const payload = key === undefined ? asked.id : keyName(asked.principal.name, key);
  if (key !== undefined) {
    const known = await findKeyed(parts, payload, digest);
    if (known !== undefined) return known;
  }
  checkSize(toPayload(asked.command));
  asked.check?.();
  const command = await named(asked);
  const request = toRequest(parts, { ...asked, command }, payload, digest);
  const data = toPayload(command);
  const write = () => parts.writes.createPayload(payload, asked.id, request, data);
  if (key === undefined) return placed(parts, asked, command, write, request);
  try {
    await write();
  } catch (error) {
    const first = isConflict(error) ? await findKeyed(parts, payload, digest) : undefined;
    if (first === undefined) throw error;
    return first;
  }
  return placed(parts, asked, command, () => Promise.resolve(), request);
}

/**
 * Writes the operation after its payload, and then its place. Not side by side: a
 * name that stands in a queue without its operation is taken out after a while,
 * and an operation that came later still would run beside the next one.
 */
async function placed(
  parts: AcceptParts,
  { id, reserve }: Acceptance,
  command: Command,
  writePayload: () => Promise<void>,
  request: StoredRequest,
): Promise<OperationRecord> {
  const { writes, cache } = parts;
  await writePayload();
  const record = await writes.createOperation(id, request);
  // A reserved name's queue was made with the operation in it; nobody else knows the name yet.
  const queue = reserve === undefined ? await writes.append(queueName(request.target), id, isOver(cache)) : [id];
  parts.offer(record, queue, command);
  return record;
}

/** Makes the operation of a payload, and gives it its place. Anybody may, any number of times. */
export async function put(
  { writes, cache }: Pick<AcceptParts, "writes" | "cache">,
  id: string,
  request: StoredRequest,
): Promise<OperationRecord> {
  const record = await writes.createOperation(id, request);
  if (!hasEnded(record)) await writes.append(queueName(request.target), id, isOver(cache));
  return record;
}

/** Tells which operations a queue needs no more: those that are known to have ended. */
export function isOver(cache: Pick<HomeCache, "operation">): (id: string) => boolean {
  return (id) => {
    const record = cache.operation(id);
    return record !== undefined && hasEnded(record);
  };
}

/** Bytes of a request that can be kept: a Secret holds 1 MiB. */
const MAX_PAYLOAD = 1_000_000;

function checkSize(data: PayloadData): void {
  const size = Object.values(data).reduce((sum, text) => sum + Buffer.byteLength(text, "base64"), 0);
  if (size <= MAX_PAYLOAD) return;
  const message = `The request has ${String(size)} bytes; at most ${String(MAX_PAYLOAD)} can be kept until it is done.`;
  throw new BerthError("BODY_TOO_LARGE", message, { details: { size: String(size), limit: String(MAX_PAYLOAD) } });
}

async function findKeyed(parts: AcceptParts, name: string, digest: string): Promise<OperationRecord | undefined> {
  const found = await parts.writes.readPayload(name);
  if (found === undefined) return undefined;
  const { id, request } = readRequest(found);
  if (isExpired(request, parts.clock)) {
    await parts.writes.deletePayload(found);
    return undefined;
  }
  if (request.digest !== digest) {
    throw new BerthError("IDEMPOTENCY_KEY_REUSED", "The idempotency key was used for another request.", {
      field: "idempotency_key",
      details: { operation: id },
    });
  }
  const known = await parts.writes.readOperation(id);
  const hasPlace = parts.cache.queue(queueName(request.target))?.operations.includes(id) === true;
  if (known !== undefined && (hasPlace || hasEnded(known))) return known;
  // Its first caller has died in between, or is not there yet: what is answered has its place in the order.
  return put(parts, id, request);
}

/** The operation that a payload is of. */
export function readRequest({ metadata, data }: PayloadRecord): { id: string; request: StoredRequest } {
  const id = metadata.labels?.["berth.dev/operation"] ?? "";
  return { id, request: JSON.parse(Buffer.from(data?.request ?? "", "base64").toString()) as StoredRequest };
}

/** Whether a key stands for nothing any more. */
export function isExpired({ createTime }: StoredRequest, clock: Clock): boolean {
  return clock.now() - Date.parse(createTime) > KEY_LIFE;
}

async function named({ command, reserve }: Acceptance): Promise<Command> {
  if (reserve === undefined || command.verb !== "install") return command;
  return { ...command, target: await reserve(command) };
}

function toRequest({ clock }: AcceptParts, asked: Acceptance, payload: string, digest: string): StoredRequest {
  const { command, principal, context, options } = asked;
  const { cluster, namespace, name } = command.target;
  return {
    version: FORMAT,
    verb: command.verb,
    target: { cluster, namespace, name },
    principal,
    requestId: context.requestId,
    traceparent: context.traceparent,
    payload,
    digest,
    idempotent: options.idempotencyKey !== undefined,
    ...(options.retryOf === undefined ? {} : { retryOf: options.retryOf }),
    createTime: new Date(clock.now()).toISOString(),
    policy: options.policy ?? {},
  };
}
