import { BerthError } from "@berth/base";
import { swift } from "@berth/contract";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { RE2JS } from "re2js";

import type { Berth } from "../../berth.ts";
import type { AskOptions } from "../../domain/command.ts";
import type { Release } from "../../domain/releases/index.ts";
import { listAll } from "./find.ts";
import { toStatuses, toSummary } from "./messages.ts";

const DEFAULT_PAGE = 256;
const MAX_PAGE = 1000;
/** Revisions that are read at once. */
const READS = 8;

/** A page of the list of releases. */
export async function summarize(
  berth: Berth,
  request: swift.SummarizeReleasesRequest,
  options: AskOptions = {},
): Promise<MessageInitShape<typeof swift.SummarizeReleasesResponseSchema>> {
  const { namespace, all, limit, offset } = request;
  const status = all ? [] : request.statusCodes.length === 0 ? ["deployed"] : toStatuses(request.statusCodes);
  const isNone = !all && status.length === 0;
  const fits = toFilter(request.filter);
  const found = isNone
    ? []
    : (await listAll(berth, { namespace, status, filter: "" })).filter(({ name }) => fits(name));
  found.sort(toOrder(request));
  const start = offset === "" ? 0 : found.findIndex((release) => isAt(offset, release));
  if (start < 0) {
    throw new BerthError("INVALID_ARGUMENT", '"offset" is no release of this list.', {
      field: "offset",
      hint: "Give the `next` of the page before.",
    });
  }
  const size = limit <= 0n ? DEFAULT_PAGE : Math.min(Number(limit), MAX_PAGE);
  const page = found.slice(start, start + size);
  const next = found[start + size];
  return {
    count: BigInt(page.length),
    next: next === undefined ? "" : toOffset(next, found),
    total: BigInt(found.length),
    releases: await readAll(berth, page, options),
  };
}

/** Reads what a list shows of each release; what went away meanwhile is left out. */
async function readAll(berth: Berth, page: readonly Release[], { signal }: AskOptions) {
  const read: (ReturnType<typeof toSummary> | undefined)[] = [];
  const left = [...page.entries()];
  const reader = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      const [at, { cluster, namespace, name, revision }] = one;
      try {
        const target = { cluster, namespace, name };
        read[at] = toSummary(await berth.releases.content(berth.principal, target, revision, { signal }));
      } catch (error) {
        const isGone = error instanceof BerthError && error.kind === "not_found";
        if (!isGone) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: READS }, reader));
  return read.filter((summary) => summary !== undefined);
}

/** RE2, as Tiller had it: its time is linear, whatever the expression. */
function toFilter(expression: string): (name: string) => boolean {
  if (expression === "") return () => true;
  try {
    const compiled = RE2JS.compile(expression);
    return (name) => compiled.matcher(name).find();
  } catch (error) {
    throw new BerthError("INVALID_ARGUMENT", '"filter" is no regular expression.', {
      field: "filter",
      hint: "See https://github.com/google/re2/wiki/Syntax.",
      cause: error,
    });
  }
}

function toOrder({ sortBy, sortOrder }: swift.SummarizeReleasesRequest): (a: Release, b: Release) => number {
  const sign = sortOrder === swift.ListSort_SortOrder.DESC ? -1 : 1;
  const time = ({ lastDeployed }: Release) => lastDeployed?.getTime() ?? 0;
  const byPlace = (a: Release, b: Release) => compare(a.name, b.name) || compare(a.namespace, b.namespace);
  if (sortBy !== swift.ListSort_SortBy.LAST_RELEASED) return (a, b) => sign * byPlace(a, b);
  return (a, b) => sign * (time(a) - time(b) || byPlace(a, b));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A name, as Swift had it; with its namespace where it is not the only one of the list. */
function toOffset({ name, namespace }: Release, found: readonly Release[]): string {
  const isOnly = found.filter((one) => one.name === name).length === 1;
  return isOnly ? name : `${namespace}/${name}`;
}

function isAt(offset: string, { name, namespace }: Release): boolean {
  return offset === name || offset === `${namespace}/${name}`;
}
