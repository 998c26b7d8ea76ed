import { randomUUID } from "node:crypto";

import type { ReleaseTable, RowChange } from "./table.ts";

/** Changes that can be resumed after. */
const KEPT = 10_000;

/** A change with its number. */
export interface NumberedChange extends RowChange {
  readonly number: number;
}

/** The last changes of the table, numbered: who was cut off goes on where it was. */
export interface ChangeLog {
  /** Number of the newest change; 0 before the first. */
  newest(): number;
  /** The changes after a number; undefined where they are not all kept. */
  after(number: number): readonly NumberedChange[] | undefined;
  onChange(listener: (change: NumberedChange) => void): () => void;
  toToken(number: number): string;
  /** The number in a token of this log; undefined for any other. */
  fromToken(token: string): number | undefined;
}

/** Keeps the changes of a table from now on. */
export function createChangeLog(table: Pick<ReleaseTable, "onChange">): ChangeLog {
  const id = randomUUID().slice(0, 8);
  const listeners = new Set<(change: NumberedChange) => void>();
  let kept: NumberedChange[] = [];
  let number = 0;
  table.onChange((change) => {
    const numbered = { ...change, number: ++number };
    kept.push(numbered);
    if (kept.length >= 2 * KEPT) kept = kept.slice(-KEPT);
    for (const listener of listeners) listener(numbered);
  });
  return {
    newest: () => number,
    after(since) {
      if (since > number || since < number - kept.length) return undefined;
      return kept.slice(kept.length - (number - since));
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    toToken: (at) => `${id}.${String(at)}`,
    fromToken(token) {
      const [from, at = "", ...rest] = token.split(".");
      return from === id && /^\d{1,15}$/.test(at) && rest.length === 0 ? Number(at) : undefined;
    },
  };
}
