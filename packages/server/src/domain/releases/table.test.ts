import assert from "node:assert/strict";
import { test } from "node:test";

import { silentLogger, systemClock } from "@berth/base";
import fc from "fast-check";

import { createChangeLog } from "./changes.ts";
import { comparePlaces, placeIn } from "./columns.ts";
import type { Column } from "./columns.ts";
import { unreadable } from "./decode.ts";
import type { NewestChange } from "./release-index.ts";
import { createSortedRows } from "./sorted-rows.ts";
import { toRow } from "./row.ts";
import type { Row } from "./row.ts";
import type { StoredRevision } from "./stored-revision.ts";
import { createReleaseTable } from "./table.ts";

function revisionOf(name: string, revision: number, status = "deployed"): StoredRevision {
  return {
    ...{ storage: "secrets", namespace: "ns", objectName: `${name}.v${String(revision)}`, name, revision, status },
    ...{ resourceVersion: `${name}-${String(revision)}-${status}`, labels: {}, operationId: "", changedAt: revision },
  };
}

/** A source that is told what becomes of releases. */
function sourceOf(summaries: (revision: StoredRevision) => Promise<ReturnType<typeof unreadable>>) {
  const listeners = new Set<(change: NewestChange) => void>();
  const known = new Map<string, StoredRevision>();
  const tell = (name: string, after: StoredRevision | undefined) => {
    const key = `ns/${name}`;
    for (const listener of listeners) listener({ key, before: known.get(key), after });
    if (after === undefined) known.delete(key);
    else known.set(key, after);
  };
  const onNewest = (listener: (change: NewestChange) => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  return { tell, source: { index: { onNewest }, summaries: { of: summaries } } };
}

test("rows stay sorted by every column whatever becomes of them", () => {
  const columns: Column[] = ["namespace", "status", "revision", "updated", "chart"];
  const step = fc.record({
    name: fc.integer({ min: 0, max: 12 }),
    revision: fc.integer({ min: 1, max: 5 }),
    status: fc.constantFrom("deployed", "failed"),
    isGone: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(...columns), (steps, column) => {
      const rows = new Map<number, Row>();
      const sorted = createSortedRows(column, []);
      for (const { name, revision, status, isGone } of steps) {
        const before = rows.get(name);
        const after = isGone ? undefined : toRow("c", revisionOf(`r${String(name)}`, revision, status), undefined);
        sorted.replace(before, after);
        if (after === undefined) rows.delete(name);
        else rows.set(name, after);
        const wanted = [...rows.values()].sort((a, b) => comparePlaces(placeIn(column, a), placeIn(column, b)));
        assert.deepEqual(sorted.all(), wanted);
      }
    }),
  );
});

test("a table has the newest revision with its summary, and nothing of a cluster that left", async () => {
  const table = createReleaseTable(silentLogger, systemClock);
  const { tell, source } = sourceOf(({ name }) => Promise.resolve({ ...unreadable(""), description: name }));
  const leave = table.join("c", source);
  tell("a", revisionOf("a", 1));
  tell("b", revisionOf("b", 1));
  tell("a", revisionOf("a", 2));
  await table.filled(["c"], 1000);
  const row = table.get({ cluster: "c", namespace: "ns", name: "a" });
  assert.deepEqual([row?.revision.revision, row?.summary?.description, table.pending("c")], [2, "a", 0]);
  leave();
  assert.deepEqual([table.size(), table.sorted("name").all().length], [0, 0]);
});

test("a record that was read for a revision that is none any more is not shown", async () => {
  const table = createReleaseTable(silentLogger, systemClock);
  const first = Promise.withResolvers<ReturnType<typeof unreadable>>();
  const { tell, source } = sourceOf(({ revision }) =>
    revision === 1 ? first.promise : Promise.resolve({ ...unreadable(""), description: "second" }),
  );
  table.join("c", source);
  tell("a", revisionOf("a", 1));
  tell("a", revisionOf("a", 2));
  first.resolve({ ...unreadable(""), description: "first" });
  await table.filled(["c"], 1000);
  assert.equal(table.get({ cluster: "c", namespace: "ns", name: "a" })?.summary?.description, "second");
});

test("changes are kept for who was cut off, and a token of elsewhere is none", () => {
  const table = createReleaseTable(silentLogger, systemClock);
  const log = createChangeLog(table);
  const { tell, source } = sourceOf(() => new Promise(() => undefined));
  table.join("c", source);
  const start = log.newest();
  tell("a", revisionOf("a", 1));
  tell("a", revisionOf("a", 2));
  assert.deepEqual(
    log.after(start)?.map(({ after }) => after?.revision.revision),
    [1, 2],
  );
  assert.deepEqual(log.after(log.newest()), []);
  assert.equal(log.after(log.newest() + 1), undefined);
  assert.equal(log.fromToken(log.toToken(7)), 7);
  assert.equal(createChangeLog(table).fromToken(log.toToken(7)), undefined);
});
