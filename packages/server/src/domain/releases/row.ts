import type { Summary } from "./decode.ts";
import type { StoredRevision } from "./stored-revision.ts";

/** A release as lists have it. It is never changed: a new one takes its place. */
export interface Row {
  readonly cluster: string;
  /** The newest one, but in lists of all revisions. */
  readonly revision: StoredRevision;
  /** Undefined until its record is read. */
  readonly summary: Summary | undefined;
  /** Orders charts by name, then by version. */
  readonly chartKey: string;
}

/** Where a release is. */
export interface RowPlace {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}

/** Makes a row. */
export function toRow(cluster: string, revision: StoredRevision, summary: Summary | undefined): Row {
  const { name = "", version = "" } = summary?.chart ?? {};
  return { cluster, revision, summary, chartKey: name === "" ? "" : `${name} ${versionKey(version)}` };
}

/** The key of a row in tables. */
export function rowKey({ cluster, namespace, name }: RowPlace): string {
  return `${cluster}/${namespace}/${name}`;
}

/** A text that sorts as the version does (SemVer 2.0.0, section 11); what is no version sorts as text. */
export function versionKey(version: string): string {
  const parts = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+.*)?$/.exec(version);
  if (parts === null) return version;
  const [, major = "", minor = "0", patch = "0", prerelease] = parts;
  const core = [major, minor, patch].map(padded).join(".");
  // A release sorts after all its pre-releases; numbers before words.
  if (prerelease === undefined) return `${core}~`;
  const identifiers = prerelease.split(".").map((one) => (/^\d+$/.test(one) ? `0${padded(one)}` : `1${one}`));
  return `${core}-${identifiers.join(" ")}`;
}

function padded(digits: string): string {
  return digits.padStart(16, "0");
}
