import { BerthError } from "@berth/base";

/** The place in a list, sorted by namespace and name, after which a page begins. */
export interface PageCursor {
  readonly namespace: string;
  readonly name: string;
}

/** Reads a page token; undefined for the first page. INVALID_ARGUMENT where it is none of ours. */
export function parsePageToken(token: string): PageCursor | undefined {
  if (token === "") return undefined;
  const [namespace, name, ...rest] = Buffer.from(token, "base64url").toString("utf8").split("/");
  if (namespace === undefined || name === undefined || name === "" || rest.length > 0) {
    throw new BerthError("INVALID_ARGUMENT", "The page token is not one of this list.", {
      field: "page_token",
      hint: "Give next_page_token of the page before, unchanged, or leave it out for the first page.",
    });
  }
  return { namespace, name };
}

/** Makes the token of the page that begins after `last`. */
export function toPageToken(last: PageCursor): string {
  return Buffer.from(`${last.namespace}/${last.name}`).toString("base64url");
}

/** Order of lists: namespace, then name, by code units. */
export function comparePlaces(a: PageCursor, b: PageCursor): number {
  return compareText(a.namespace, b.namespace) || compareText(a.name, b.name);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
