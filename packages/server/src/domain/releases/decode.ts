import { promisify } from "node:util";
import { gunzip } from "node:zlib";

import { z } from "zod";

import type { ChartName } from "./types.ts";

/** Bytes a stored release may inflate to; a larger one is marked unreadable. */
const MAX_INFLATED = 32 * 1024 * 1024;

/** What a list needs to know of a stored revision beyond its labels. */
export interface Summary {
  readonly chart: ChartName | undefined;
  readonly description: string;
  readonly firstDeployed: Date | undefined;
  readonly lastDeployed: Date | undefined;
  readonly deleted: Date | undefined;
  readonly provenance: Readonly<Record<string, string>>;
  /** Why the rest is missing; empty where it is there. */
  readonly unreadable: string;
}

const time = z
  .string()
  .optional()
  .transform((text) => parseTime(text));

const storedRelease = z.object({
  info: z
    .object({ first_deployed: time, last_deployed: time, deleted: time, description: z.string().default("") })
    .prefault({}),
  chart: z
    .object({
      metadata: z.object({
        name: z.string().default(""),
        version: z.string().default(""),
        appVersion: z.string().default(""),
        annotations: z.record(z.string(), z.string()).nullish(),
      }),
    })
    .optional(),
});

const inflate = promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip);

/**
 * Decodes the `release` entry of a stored release: base64 of a gzip of JSON, as
 * Helm writes it (the API's own base64 already removed). Never rejects: what
 * cannot be read says so in `unreadable`.
 */
export async function decodeSummary(data: string): Promise<Summary> {
  try {
    const packed = Buffer.from(data, "base64");
    const isGzip = packed[0] === 0x1f && packed[1] === 0x8b;
    const json = isGzip ? await inflate(packed, { maxOutputLength: MAX_INFLATED }) : packed;
    const { info, chart } = storedRelease.parse(JSON.parse(json.toString("utf8")));
    return {
      chart: chart === undefined ? undefined : toName(chart.metadata),
      description: info.description,
      firstDeployed: info.first_deployed,
      lastDeployed: info.last_deployed,
      deleted: info.deleted,
      provenance: berthAnnotations(chart?.metadata.annotations ?? {}),
      unreadable: "",
    };
  } catch (error) {
    return unreadable(reasonOf(error));
  }
}

function toName({ name, version, appVersion }: ChartName): ChartName {
  return { name, version, appVersion };
}

/** A summary that says only why there is none. */
export function unreadable(reason: string): Summary {
  return {
    chart: undefined,
    description: "",
    firstDeployed: undefined,
    lastDeployed: undefined,
    deleted: undefined,
    provenance: {},
    unreadable: reason,
  };
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : "";
  return code === "ERR_BUFFER_TOO_LARGE"
    ? `The stored release inflates to more than ${String(MAX_INFLATED)} bytes.`
    : "The stored release cannot be decoded.";
}

function berthAnnotations(annotations: Readonly<Record<string, string>>): Record<string, string> {
  const prefix = "berth.dev/";
  const own = Object.entries(annotations).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value]));
}

function parseTime(text: string | undefined): Date | undefined {
  const parsed = new Date(text ?? "");
  // Go writes the zero time as year 1.
  return Number.isNaN(parsed.getTime()) || parsed.getUTCFullYear() < 1971 ? undefined : parsed;
}
