import { fileURLToPath } from "node:url";

import { pool as createPool } from "workerpool";

import { unreadable } from "./decode.ts";
import type { Summary } from "./decode.ts";

/** Threads: one keeps up with what the API server gives. */
const THREADS = 1;
/** Milliseconds for one record; a thread that takes longer is ended. */
const LIMIT = 10_000;
/** MiB of a thread's memory: a record that needs more is unreadable, and nothing else is hurt. */
const MEMORY = 384;
/** Records that wait for a thread. */
const QUEUE = 1_000;

/** Decodes records beside the event loop. */
export interface Decoder {
  /** The `release` entry of a record, as `decodeSummary` takes it. Never rejects. */
  decode(data: string): Promise<Summary>;
  stop(): Promise<void>;
}

/** Makes a decoder; its thread begins with the first record. */
export function createDecoder(): Decoder {
  const pool = createPool(workerFile(), {
    maxWorkers: THREADS,
    maxQueueSize: QUEUE,
    workerType: "thread",
    workerTerminateTimeout: LIMIT,
    workerThreadOpts: { resourceLimits: { maxOldGenerationSizeMb: MEMORY } },
  });
  return {
    async decode(data) {
      try {
        return (await pool.exec("decode", [data]).timeout(LIMIT)) as Summary;
      } catch {
        return unreadable("The record took too much time or memory to be read.");
      }
    },
    stop: async () => void (await pool.terminate(true)),
  };
}

/** The worker beside this file, or beside the one file that the image has of Berth. */
function workerFile(): string {
  const name = import.meta.url.endsWith(".ts") ? "./decode-worker.ts" : "./decode-worker.mjs";
  return fileURLToPath(new URL(name, import.meta.url));
}
