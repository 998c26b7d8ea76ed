import type { release as rel } from "@berth/sdk";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";

import { CliError } from "../errors.ts";

/** A time as people read it, in UTC; empty where there is none. */
export function timeText(time: Timestamp | undefined): string {
  return time === undefined
    ? ""
    : timestampDate(time)
        .toISOString()
        .replace(/\.\d+Z$/, "Z");
}

/** A chart as Helm writes it: name-version. */
export function chartText(chart: rel.Chart | undefined): string {
  return chart === undefined ? "" : `${chart.name}-${chart.version}`;
}

/** Where a port of a release is reached. */
export function exposedText({ service, endpoint }: rel.ReleaseExposure): string {
  return `EXPOSED: ${service} at ${endpoint || "(not known yet)"}`;
}

/** A word of an enum as people say it: IN_SYNC is in-sync. */
export function wordOf(values: Readonly<Record<string, number>>, value: number): string {
  const found = Object.entries(values).find(([, one]) => one === value);
  return (found?.[0] ?? String(value)).toLowerCase().replaceAll("_", "-");
}

/** Reads a duration: 90, 90s, 5m, 1h30m. */
export function toDuration(text: string): Pick<Duration, "seconds"> {
  const units = { h: 3600, m: 60, s: 1 } as const;
  const parts = [...text.matchAll(/(\d+)(h|m|s)/g)];
  const isWhole = parts.map(([part]) => part).join("") === text && parts.length > 0;
  if (/^\d+$/.test(text)) return { seconds: BigInt(text) };
  if (!isWhole) throw new CliError(`"${text}" is no duration.`, "Such as 90s, 5m or 1h30m.");
  return {
    seconds: BigInt(parts.reduce((sum, [, count, unit]) => sum + Number(count) * units[unit as keyof typeof units], 0)),
  };
}
