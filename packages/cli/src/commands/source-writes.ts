import { chartSourceService as api } from "@berth/sdk";
import { Option } from "commander";
import type { Command } from "commander";

import { speaks } from "../command.ts";
import type { Maker } from "../command.ts";
import { print } from "../output/print.ts";
import type { Table } from "../output/table.ts";
import { timeText, toDuration, wordOf } from "../output/text.ts";
import { addCredentialOptions, toCredentials } from "../request/credentials.ts";
import type { CredentialOptions } from "../request/credentials.ts";

interface Options extends CredentialOptions {
  readonly url?: string;
  readonly refreshInterval?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly passCredentials?: boolean;
  readonly plainHttp?: boolean;
  readonly suspend?: boolean;
  readonly clearCredentials?: boolean;
  readonly dryRun?: boolean;
}

/** Options that are on or off, and what they do. */
const SWITCHES = {
  "insecure-skip-tls-verify": "accept any certificate of the source",
  "pass-credentials": "send the credentials to other hosts that the index names, too",
  "plain-http": "speak HTTP with a registry",
  suspend: "do not ask it by itself",
} as const;

/** `berth sources create|update`. */
export function addSourceWrites(maker: Maker, sources: Command): void {
  const create = sources
    .command("create")
    .alias("add")
    .argument("<name>", "name of the source: what stands before the slash in NAME/CHART")
    .argument("<url>", "URL of a repository, or oci://registry/path")
    .summary("make a chart source")
    .description("Makes a chart source. Its credentials are stored in a Secret beside it, and never shown again.")
    .option("--refresh-interval <duration>", "how often it is asked (default: 10m)");
  for (const [name, what] of Object.entries(SWITCHES)) create.option(`--${name}`, what);
  addCredentialOptions(create).option("--dry-run", "check all that can be checked, change nothing");
  speaks<Options>(maker, create, async ({ io, berth, namespace, call }, options, name = "", url = "") => {
    const credentials = await toCredentials(io, options);
    const request = { namespace, name, ...toSettings(options, { url }), ...(credentials && { credentials }) };
    const message = await berth.chartSources.createChartSource(request, call);
    print(io, options.format, { schema: api.ChartSourceSchema, message, show: () => sourceTable([message]) });
  });
  addUpdate(maker, sources);
}

function addUpdate(maker: Maker, sources: Command): void {
  const update = sources
    .command("update")
    .argument("<name>", "name of the source")
    .summary("change a chart source")
    .description("Changes what is given of a chart source, and leaves the rest as it is.")
    .option("--url <url>", "URL of a repository, or oci://registry/path")
    .option("--refresh-interval <duration>", "how often it is asked");
  for (const [name, what] of Object.entries(SWITCHES)) {
    update.option(`--${name}`, what).addOption(new Option(`--no-${name}`, "not so any more"));
  }
  addCredentialOptions(update)
    .option("--clear-credentials", "take its credentials away")
    .option("--dry-run", "check all that can be checked, change nothing");
  speaks<Options>(maker, update, async ({ io, berth, namespace, call }, options, name = "") => {
    const before = await berth.chartSources.getChartSource({ namespace, name }, call);
    const credentials = await toCredentials(io, options);
    const request = {
      ...{ namespace, name, ...toSettings(options, before) },
      ...(credentials && { credentials }),
      clearCredentials: options.clearCredentials ?? false,
      // Whoever has changed it meanwhile is not overwritten.
      expectedGeneration: before.generation,
    };
    const message = await berth.chartSources.updateChartSource(request, call);
    print(io, options.format, { schema: api.ChartSourceSchema, message, show: () => sourceTable([message]) });
  });
}

type Settings = Partial<
  Pick<
    api.ChartSource,
    "url" | "refreshInterval" | "insecureSkipTlsVerify" | "passCredentials" | "plainHttp" | "suspend"
  >
>;

/** What is given, over what there is. */
function toSettings(options: Options, before: Settings) {
  const refreshInterval =
    options.refreshInterval === undefined ? before.refreshInterval : toDuration(options.refreshInterval);
  return {
    url: options.url ?? before.url ?? "",
    ...(refreshInterval && { refreshInterval }),
    insecureSkipTlsVerify: options.insecureSkipTlsVerify ?? before.insecureSkipTlsVerify ?? false,
    passCredentials: options.passCredentials ?? before.passCredentials ?? false,
    plainHttp: options.plainHttp ?? before.plainHttp ?? false,
    suspend: options.suspend ?? before.suspend ?? false,
    validateOnly: options.dryRun ?? false,
  };
}

/** Chart sources for people. */
export function sourceTable(sources: readonly api.ChartSource[]): Table {
  return {
    columns: ["NAME", "NAMESPACE", "URL", "STATE", "REFRESHED", "MESSAGE"],
    rows: sources.map(({ name, namespace, url, status }) => [
      ...[name, namespace, url, wordOf(api.ChartSourceState, status?.state ?? 0)],
      ...[timeText(status?.lastRefreshTime), status?.message ?? ""],
    ]),
  };
}
