import { BerthError } from "@berth/base";

import { fromStatus } from "./errors.ts";
import type { KubeStatus } from "./errors.ts";

/** Bytes of an error's answer that are read. */
const STATUS_LIMIT = 1024 * 1024;

/** An answer whose body is not read yet. */
export interface Answer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: AsyncIterable<Buffer>;
}

/** Reads JSON of at most `limit` bytes; CLUSTER_REFUSED where it is more. */
export async function readJson<T>(answer: Answer, limit: number): Promise<T> {
  const text = await readBounded(answer.body, limit);
  try {
    return (text === "" ? {} : JSON.parse(text)) as T;
  } catch (error) {
    throw new BerthError("CLUSTER_UNREACHABLE", "What answers there is no Kubernetes API server.", { cause: error });
  }
}

/** Throws what an answer of 300 or more means; others pass, unread. */
export async function throwUnlessGood(answer: Answer): Promise<void> {
  if (answer.statusCode < 300) return;
  const retryAfter = answer.headers["retry-after"];
  const status = parseStatus(await readBounded(answer.body, STATUS_LIMIT));
  throw fromStatus(answer.statusCode, status, typeof retryAfter === "string" ? retryAfter : undefined);
}

async function readBounded(body: AsyncIterable<Buffer>, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) {
      throw new BerthError("CLUSTER_REFUSED", `An answer of the API server is over ${limit} bytes.`, {
        details: { limit: String(limit) },
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseStatus(text: string): KubeStatus {
  try {
    return JSON.parse(text) as KubeStatus;
  } catch {
    return { message: text.slice(0, 500) };
  }
}
