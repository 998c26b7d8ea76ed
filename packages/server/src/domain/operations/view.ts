import { BerthError } from "@berth/base";
import type { Clock } from "@berth/base";

import type { Access, Principal } from "../access/index.ts";
import type { AskOptions } from "../command.ts";
import type { Audit } from "../audit/index.ts";
import type { Followers } from "./followers.ts";
import type { HomeCache } from "./store/cache.ts";
import type { HomeWrites } from "./store/writes.ts";
import { follow } from "./follow.ts";
import { hasEnded, toOperation } from "./record.ts";
import type { OperationRecord } from "./record.ts";
import type { Operation, OperationPage, OperationQuery, OperationView } from "./types.ts";

/** Operations as a caller may see them. */
export function createOperationView(parts: {
  readonly access: Access;
  readonly audit: Audit;
  readonly cache: HomeCache;
  readonly writes: HomeWrites;
  readonly followers: Followers;
  readonly clock: Clock;
}): OperationView {
  const { access, audit, cache, writes, followers, clock } = parts;
  const find = async (
    principal: Principal,
    id: string,
    verb: string,
    options?: AskOptions,
  ): Promise<OperationRecord> => {
    // What was asked of another replica a moment ago may be new to this one.
    const record = cache.operation(id) ?? (await writes.readOperation(id, options));
    if (record === undefined) throw notFound(id);
    const { cluster, namespace } = record.spec.request.target;
    await access.check(principal, { verb, resource: "operations", cluster, namespace, name: id });
    return record;
  };
  return {
    get: async (principal, id, options) => toOperation(await find(principal, id, "get", options)),
    async list(principal, query) {
      const { cluster, namespace } = query;
      await access.check(principal, { verb: "list", resource: "operations", cluster, namespace, name: "" });
      return listPage(cache, query);
    },
    async wait(principal, id, waitMs, options) {
      const record = await find(principal, id, "get", options);
      return toOperation((await followers.ended(id, waitMs, options)) ?? record);
    },
    async *follow(principal, id, after, signal) {
      await find(principal, id, "get", { signal });
      yield* follow({ followers, writes }, id, after, signal);
    },
    async cancel(principal, id, context, waitMs, options) {
      const record = await find(principal, id, "update");
      const { target } = record.spec.request;
      const { requestId, traceparent } = context;
      const entry = { principal: principal.name, verb: "cancel", resource: "operations", ...target };
      audit({ ...entry, requestId, traceparent, operation: id, outcome: "asked" });
      if (hasEnded(record)) return toOperation(record);
      if (record.spec.cancel === undefined) {
        await writes.askCancel(id, principal.name, new Date(clock.now()).toISOString());
      }
      return toOperation((await followers.ended(id, waitMs, options)) ?? record);
    },
  };
}

function listPage(cache: HomeCache, query: OperationQuery): OperationPage {
  const found = cache
    .all()
    .map(toOperation)
    .filter((operation) => isMatch(operation, query))
    .sort((a, b) => (sortKey(a) < sortKey(b) ? 1 : -1));
  const after = query.pageToken === "" ? undefined : Buffer.from(query.pageToken, "base64url").toString();
  if (after !== undefined && !/^[^ ]+ op-[a-z0-9]+$/.test(after)) {
    throw new BerthError("INVALID_ARGUMENT", "The page token is none.", { field: "page_token" });
  }
  const rest = after === undefined ? found : found.filter((operation) => sortKey(operation) < after);
  const page = rest.slice(0, query.pageSize);
  const last = page.at(-1);
  const hasMore = last !== undefined && rest.length > page.length;
  return {
    operations: page,
    nextPageToken: hasMore ? Buffer.from(sortKey(last)).toString("base64url") : "",
    totalSize: found.length,
  };
}

function isMatch(operation: Operation, query: OperationQuery): boolean {
  return (["cluster", "namespace", "release", "verb", "state", "principal"] as const).every(
    (field) => query[field] === "" || operation[field] === query[field],
  );
}

function sortKey({ createTime, id }: Operation): string {
  return `${createTime.toISOString()} ${id}`;
}

function notFound(id: string): BerthError {
  return new BerthError("OPERATION_NOT_FOUND", `There is no operation "${id}".`, { field: "id" });
}
