import { BerthError } from "@berth/base";

import type { Access } from "../access/index.ts";
import type { Cluster } from "../clusters/index.ts";
import type { SourceCache } from "./cache.ts";
import { readSource } from "./objects.ts";
import { fromObject } from "./resource.ts";
import type { SourceName, SourceView } from "./types.ts";

/** Makes the view: one source as it is stored now, lists from the cache. */
export function createSourceView(parts: {
  readonly access: Access;
  readonly home: Cluster;
  readonly cache: SourceCache;
}): SourceView {
  const { access, home, cache } = parts;
  const place = { resource: "chartsources", cluster: home.name };
  return {
    async get(principal, target, options) {
      await access.check(principal, { verb: "get", ...place, ...target });
      return fromObject(await readSource(home.client, target, options));
    },
    async list(principal, { namespace, pageSize, pageToken }) {
      await access.check(principal, { verb: "list", ...place, namespace, name: "" });
      const after = parsePageToken(pageToken);
      const all = cache
        .list()
        .map(fromObject)
        .filter((source) => namespace === "" || source.namespace === namespace)
        .sort(compareNames);
      const rest = after === undefined ? all : all.filter((source) => compareNames(source, after) > 0);
      const sources = rest.slice(0, pageSize);
      const last = sources.at(-1);
      const isLast = last === undefined || sources.length === rest.length;
      return { sources, nextPageToken: isLast ? "" : toPageToken(last), totalSize: all.length };
    },
  };
}

function toPageToken({ namespace, name }: SourceName): string {
  return Buffer.from(`${namespace}/${name}`).toString("base64url");
}

function parsePageToken(token: string): SourceName | undefined {
  if (token === "") return undefined;
  const [namespace = "", name = "", ...rest] = Buffer.from(token, "base64url").toString("utf8").split("/");
  if (namespace !== "" && name !== "" && rest.length === 0) return { namespace, name };
  throw new BerthError("INVALID_ARGUMENT", "The page token is not one of this list.", { field: "page_token" });
}

function compareNames(a: SourceName, b: SourceName): number {
  return compareText(a.namespace, b.namespace) || compareText(a.name, b.name);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
