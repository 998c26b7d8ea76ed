import { BerthError } from "@berth/base";

import type { Principal } from "../access/index.ts";
import type { ReleaseTarget } from "../command.ts";
import { openSession } from "./session.ts";
import type { Session, SessionParts, Snapshot } from "./session.ts";
import type { LiveNews } from "./types.ts";

/** Sessions that their readers share. */
export interface Sessions {
  /** Follows what `pick` takes of a release's snapshots, as one of its readers, until the signal aborts. */
  follow<T>(
    principal: Principal,
    target: ReleaseTarget,
    what: { readonly withEvents: boolean; readonly pick: (snapshot: Snapshot) => ReadonlyMap<string, T> },
    signal: AbortSignal,
  ): AsyncGenerator<LiveNews<T>>;
}

interface Shared {
  readonly session: Session;
  readers: number;
}

/** No session is open. */
export function createSessions(parts: SessionParts): Sessions {
  const open = new Map<string, Shared>();
  return {
    async *follow(principal, target, { withEvents, pick }, signal) {
      const { cluster, namespace, name } = target;
      // What one principal is told is of no other's reading.
      const key = [principal.source, principal.name, cluster, namespace, name, String(withEvents)].join(" ");
      const shared = open.get(key) ?? { session: openSession(parts, principal, target, withEvents), readers: 0 };
      open.set(key, shared);
      shared.readers++;
      try {
        yield* tell(shared.session, pick, signal);
      } catch (error) {
        // It is over for good: who comes next begins anew.
        if (open.get(key) === shared) open.delete(key);
        throw error;
      } finally {
        if (--shared.readers === 0) {
          if (open.get(key) === shared) open.delete(key);
          shared.session.close();
        }
      }
    },
  };
}

/** Tells what there is, then what differs from what was told before: who reads slowly hears the newest alone. */
async function* tell<T>(
  session: Session,
  pick: (snapshot: Snapshot) => ReadonlyMap<string, T>,
  signal: AbortSignal,
): AsyncGenerator<LiveNews<T>> {
  const told = new Map<string, T>();
  let now = await session.after(undefined, signal);
  let isSynced = false;
  while (now !== undefined) {
    yield* differences(told, pick(now));
    if (!isSynced) yield { kind: "synced" };
    isSynced = true;
    try {
      now = await session.after(now, signal);
    } catch (error) {
      const isGone = error instanceof BerthError && error.code === "RELEASE_NOT_FOUND";
      if (isGone) yield* differences(told, new Map<string, T>());
      throw error;
    }
  }
}

/** What is to be told of a new state, the first of an owner's before what it owns. */
function* differences<T>(told: Map<string, T>, now: ReadonlyMap<string, T>): Generator<LiveNews<T>> {
  for (const [key, object] of [...told]) {
    if (now.has(key)) continue;
    told.delete(key);
    yield { kind: "deleted", object };
  }
  for (const [key, object] of now) {
    const before = told.get(key);
    if (before === object) continue;
    told.set(key, object);
    yield { kind: before === undefined ? "added" : "modified", object };
  }
}
