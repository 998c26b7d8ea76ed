import { BerthError } from "@berth/base";

import type { ChangeLog, NumberedChange } from "./changes.ts";
import { ALL_CLUSTERS } from "../clusters/index.ts";
import { compileFilter } from "./filter.ts";
import type { RowMatcher } from "./filter.ts";
import { toListed } from "./list.ts";
import type { ListParts } from "./list.ts";
import { rowKey } from "./row.ts";
import type { Row } from "./row.ts";
import type { ReleaseFilter, ReleaseNews } from "./list-types.ts";

/** Releases whose news wait for a slow reader. */
const MAX_WAITING = 20_000;

/** What a watch of a list is made of. */
export interface WatchParts extends ListParts {
  readonly changes: ChangeLog;
  /** Which rows the reader may see, by now. */
  readonly sees: () => Promise<RowMatcher>;
}

/** Tells what there is and what becomes of it; of a release that changes while nobody reads, the newest alone. */
export async function* watchReleases(
  parts: WatchParts,
  filter: ReleaseFilter,
  resumeToken: string,
  signal: AbortSignal,
): AsyncGenerator<ReleaseNews> {
  const { changes, table, stuckOf } = parts;
  const isMeant = compileFilter(filter, stuckOf);
  const rights = await createRights(parts.sees);
  const matches: RowMatcher = (row) => isMeant(row) && rights.sees(row);
  if (filter.cluster !== ALL_CLUSTERS) parts.indexOf(filter.cluster)?.checkKnown();
  const told = (kind: "added" | "modified" | "deleted", row: Row, at: number): ReleaseNews => ({
    ...{ kind, release: toListed(row, stuckOf), resumeToken: changes.toToken(at) },
  });

  // Nothing falls in between: all of this happens before anything else can.
  const waiting = new Map<string, NumberedChange>();
  const queue = createQueue(changes, waiting, signal);
  const since = resumeToken === "" ? undefined : changes.fromToken(resumeToken);
  const missed = since === undefined ? undefined : changes.after(since);
  const now = changes.newest();
  const rows = missed === undefined ? table.sorted("namespace").all().filter(matches) : [];
  try {
    if (missed === undefined) {
      if (resumeToken !== "") yield { kind: "reset" };
      // A reader that is cut off in between begins anew: what it has is not all there was.
      for (const row of rows) yield { kind: "added", release: toListed(row, stuckOf), resumeToken: "" };
    } else {
      const folded = new Map<string, NumberedChange>();
      for (const change of missed) fold(folded, change);
      for (const change of folded.values()) yield* newsOf(change, matches, told);
    }
    yield { kind: "synced", resumeToken: changes.toToken(now) };
    for (let change = await queue.next(); change !== undefined; change = await queue.next()) {
      await rights.renew(change);
      yield* newsOf(change, matches, told);
    }
  } finally {
    queue.end();
  }
}

/** How long rights count that were asked, in milliseconds; a namespace that is new is asked for at once. */
const RENEW = 10_000;

/** What a reader may see while it reads on. */
async function createRights(ask: () => Promise<RowMatcher>) {
  let sees = await ask();
  let asked = performance.now();
  const known = new Set<string>();
  return {
    sees: (row: Row) => sees(row),
    async renew({ before, after }: NumberedChange) {
      const { cluster, revision } = (after ?? before) as Row;
      const place = `${cluster}/${revision.namespace}`;
      if (known.has(place) && performance.now() - asked < RENEW) return;
      if (performance.now() - asked >= RENEW) known.clear();
      known.add(place);
      sees = await ask();
      asked = performance.now();
    },
  };
}

/** What a change is to a filtered list: rows come into it, and leave it. */
function* newsOf(
  { before, after, number }: NumberedChange,
  matches: RowMatcher,
  told: (kind: "added" | "modified" | "deleted", row: Row, at: number) => ReleaseNews,
): Generator<ReleaseNews> {
  const was = before !== undefined && matches(before);
  const is = after !== undefined && matches(after);
  if (is) yield told(was ? "modified" : "added", after, number);
  else if (was) yield told("deleted", before, number);
}

/** Adds a change to those that nobody has heard of yet: what became of a release in all. */
function fold(waiting: Map<string, NumberedChange>, change: NumberedChange): void {
  const row = (change.after ?? change.before) as Row;
  const key = rowKey({ ...row.revision, cluster: row.cluster });
  const earlier = waiting.get(key);
  // Behind the others, for the numbers are told in their order.
  waiting.delete(key);
  waiting.set(key, earlier === undefined ? change : { ...change, before: earlier.before });
}

/** Collects changes until they are read. */
function createQueue(changes: ChangeLog, waiting: Map<string, NumberedChange>, signal: AbortSignal) {
  let wake: (() => void) | undefined;
  let isOver = false;
  const end = changes.onChange((change) => {
    fold(waiting, change);
    isOver ||= waiting.size > MAX_WAITING;
    wake?.();
  });
  const onAbort = () => wake?.();
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    async next(): Promise<NumberedChange | undefined> {
      while (!signal.aborted) {
        if (isOver)
          throw new BerthError("EXHAUSTED", "More has changed than the reader could follow.", { hint: "Watch again." });
        const [first] = waiting;
        if (first !== undefined) {
          waiting.delete(first[0]);
          return first[1];
        }
        await new Promise<void>((resolve) => (wake = resolve));
      }
      return undefined;
    },
    end() {
      end();
      signal.removeEventListener("abort", onAbort);
    },
  };
}
