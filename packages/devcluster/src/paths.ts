import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** The repository this file stands in. */
export const repository = resolve(import.meta.dirname, "../../..");

/** Where built and fetched programs are kept, by the XDG base directory specification. */
export function cacheDirectory(): string {
  return join(absoluteOr(process.env.XDG_CACHE_HOME, join(homedir(), ".cache")), "berth");
}

/** Where `up` keeps its cluster unless told otherwise, by the XDG base directory specification. */
export function dataDirectory(): string {
  return join(absoluteOr(process.env.XDG_DATA_HOME, join(homedir(), ".local/share")), "berth");
}

/** The specification says that a relative path is to be ignored. */
function absoluteOr(path: string | undefined, otherwise: string): string {
  return path?.startsWith("/") === true ? path : otherwise;
}
