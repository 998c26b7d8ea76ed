import { randomBytes } from "node:crypto";

/** Helm's limit on a release name; a generated one leaves room for its suffix. */
const BASE_LIMIT = 42;

/** A new operation id: 26 lower-case letters and digits, so also a label value and an object name. */
export function newOperationId(): string {
  return `op-${BigInt(`0x${randomBytes(15).toString("hex")}`)
    .toString(36)
    .padStart(23, "0")
    .slice(-23)}`;
}

/**
 * Makes release names as Helm's --generate-name does, chart name and Unix
 * seconds, but never the same twice in one process: the seconds count on where
 * two fall into one.
 */
export function createNameGenerator(now: () => number): (chart: string) => string {
  let last = 0;
  return (chart) => {
    last = Math.max(last + 1, Math.floor(now() / 1000));
    return `${baseName(chart)}-${last}`;
  };
}

function baseName(chart: string): string {
  const file = chart.split("/").findLast((part) => part !== "" && part !== "." && part !== "..") ?? "chart";
  const name = file
    .replace(/\.tgz$|\.tar\.gz$/, "")
    .replace(/-\d+\.\d+\.\d+.*$/, "")
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, "-")
    .slice(0, BASE_LIMIT)
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "");
  return name === "" ? "chart" : name;
}
