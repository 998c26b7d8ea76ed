import { releaseService as api } from "@berth/sdk";
import type { release } from "@berth/sdk";
import type { Command } from "commander";

import { speaks, targetOf, toNumber } from "../command.ts";
import type { Maker } from "../command.ts";
import { formatTable } from "../output/table.ts";
import type { Table } from "../output/table.ts";
import { print } from "../output/print.ts";
import { chartText, exposedText, timeText } from "../output/text.ts";

interface Options {
  readonly revision?: number;
  readonly max?: number;
}

/** `berth status`. */
export function addStatus(program: Command, maker: Maker): void {
  const command = program
    .command("status")
    .argument("<name>", "name of the release")
    .summary("show a release and the live state of its objects")
    .description("Shows a release with the live state of each of its objects, and why.")
    .option("--revision <n>", "of this revision", toNumber);
  speaks<Options>(maker, command, async (session, { format, revision = 0 }, name) => {
    const { berth, call } = session;
    const message = await berth.releases.getReleaseStatus({ ...targetOf(session, name), revision }, call);
    print(session.io, format, { schema: api.GetReleaseStatusResponseSchema, message, show: () => describe(message) });
  });
}

/** `berth history`. */
export function addHistory(program: Command, maker: Maker): void {
  const command = program
    .command("history")
    .alias("hist")
    .argument("<name>", "name of the release")
    .summary("list the revisions of a release")
    .description("Lists the stored revisions of a release, the oldest first.")
    .option("--max <n>", "at most so many", toNumber);
  speaks<Options>(maker, command, async (session, { format, max = 0 }, name) => {
    const { berth, call } = session;
    const message = await berth.releases.getReleaseHistory({ ...targetOf(session, name), max }, call);
    print(session.io, format, { schema: api.GetReleaseHistoryResponseSchema, message, show: () => revisions(message) });
  });
}

function describe({ release: found, ready, objects }: api.GetReleaseStatusResponse): string {
  const rows = objects.map(({ object, status, reason }) => [
    `${object?.kind ?? ""}/${object?.name ?? ""}`,
    status,
    reason,
  ]);
  const head = found === undefined ? "" : describeRelease(found);
  return `${head}READY: ${ready}\n\n${formatTable({ columns: ["OBJECT", "STATUS", "REASON"], rows })}`;
}

/** A release in Helm's words. */
export function describeRelease(found: release.Release): string {
  const lines = [
    `NAME: ${found.name}`,
    `LAST DEPLOYED: ${timeText(found.lastDeployed)}`,
    `NAMESPACE: ${found.namespace}`,
    `STATUS: ${found.status}`,
    `REVISION: ${found.revision}`,
    `CHART: ${chartText(found.chart)}`,
    `APP VERSION: ${found.chart?.appVersion ?? ""}`,
    `DESCRIPTION: ${found.description}`,
    ...(found.stuck === undefined ? [] : [`STUCK: since ${timeText(found.stuck.since)}: ${found.stuck.reason}`]),
    ...(found.managedBy === "" ? [] : [`MANAGED BY: ${found.managedBy}`]),
    ...found.exposures.map(exposedText),
  ];
  return `${lines.join("\n")}\n`;
}

function revisions({ revisions: found }: api.GetReleaseHistoryResponse): Table {
  return {
    columns: ["REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION", "DESCRIPTION"],
    rows: found.toReversed().map(({ revision, lastDeployed, status, chart, description }) => {
      return [String(revision), timeText(lastDeployed), status, chartText(chart), chart?.appVersion ?? "", description];
    }),
  };
}
