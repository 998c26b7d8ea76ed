import { BerthError } from "@berth/base";
import type { JsonObject } from "@bufbuild/protobuf";

/** Bytes of a body. */
export const BODY_LIMIT = 2 * 1024 * 1024;
/** Levels of a JSON body. */
const DEPTH_LIMIT = 200;

/** A body as text; empty where there is none. */
export function bodyText(body: unknown): string {
  return Buffer.isBuffer(body) ? body.toString("utf8") : "";
}

/**
 * Parses a body that has to be one JSON object. An integer that a JSON number
 * cannot carry exactly is refused with its place, never rounded.
 */
export function parseJsonBody(text: string): JsonObject {
  let parsed: unknown;
  let inexact: string | undefined;
  try {
    parsed = JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
      if (typeof value === "number" && inexact === undefined && !isExact(value, context?.source)) {
        inexact = context?.source;
      }
      return value;
    });
  } catch (error) {
    const where = /position \d+.*$/.exec(error instanceof Error ? error.message : "")?.[0] ?? "its end";
    throw new BerthError("MALFORMED_BODY", `The body is no JSON: it breaks at ${where}.`, { cause: error });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new BerthError("MALFORMED_BODY", "The body is not one JSON object.");
  }
  if (depthOf(parsed, 0) > DEPTH_LIMIT) {
    throw new BerthError("MALFORMED_BODY", `The body is nested deeper than ${String(DEPTH_LIMIT)} levels.`);
  }
  if (inexact !== undefined) throw inexactNumber(text, inexact);
  return parsed as JsonObject;
}

/** Integers are exact up to 2^53; fractions and exponents are floats in YAML too. */
function isExact(value: number, source: string | undefined): boolean {
  return source === undefined || !/^-?\d+$/.test(source) || Number.isSafeInteger(value);
}

function inexactNumber(text: string, source: string): BerthError {
  const field = findField(
    JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
      return context?.source === source && typeof value === "number" ? { [MARK]: true } : value;
    }),
    "",
  );
  return new BerthError("INVALID_ARGUMENT", `The number ${source} is beyond what a JSON number carries exactly.`, {
    field: field ?? "values",
    hint: "Give it in values_yaml, which is handed to Helm as it is, or as a string.",
  });
}

const MARK = " inexact";

function findField(value: unknown, at: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (MARK in value) return at;
  for (const [key, nested] of Object.entries(value)) {
    const found = findField(nested, at === "" ? key : `${at}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function depthOf(value: unknown, depth: number): number {
  if (typeof value !== "object" || value === null || depth > DEPTH_LIMIT) return depth;
  return Object.values(value).reduce<number>((deepest, nested) => Math.max(deepest, depthOf(nested, depth + 1)), depth);
}
