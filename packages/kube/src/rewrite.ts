import { BerthError } from "@berth/base";

import { isConflict } from "./errors.ts";
import type { KubeObject } from "./object.ts";

/** How often a write is tried that somebody else was faster with. */
const TRIES = 5;

/** What is to be rewritten. */
export interface Rewriting<T> {
  /** Reads it as it is stored now; rejects where there is none. */
  readonly read: () => Promise<T>;
  /** What it is called, such as `cluster`. */
  readonly what: string;
  /** GENERATION_STALE, field `expected_generation`, where it has another. */
  readonly expectedGeneration?: number | undefined;
}

/** Reads an object and writes it by what is stored, again where its status was written in between. */
export async function rewrite<T extends KubeObject>(
  { read, what, expectedGeneration }: Rewriting<T>,
  write: (current: T) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    const current = await read();
    const { generation = 0 } = current.metadata;
    if (expectedGeneration !== undefined && expectedGeneration !== generation) {
      throw new BerthError("GENERATION_STALE", `The ${what} has generation ${generation}, not ${expectedGeneration}.`, {
        field: "expected_generation",
      });
    }
    try {
      return await write(current);
    } catch (error) {
      if (!isConflict(error) || tries === TRIES) throw error;
    }
  }
}
