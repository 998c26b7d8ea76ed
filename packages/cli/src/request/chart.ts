import { readFile } from "node:fs/promises";

import type { releaseService as api } from "@berth/sdk";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Command } from "commander";

import { CliError } from "../errors.ts";
import type { Io } from "../io.ts";
import { isLocal, isUrl, readChart } from "./archive.ts";

/** What a command line says of where a chart comes from. */
export interface ChartOptions {
  readonly version?: string;
  readonly devel?: boolean;
  readonly repo?: string;
  readonly source?: string;
  readonly digest?: string;
  readonly verify?: boolean;
  readonly refresh?: boolean;
  readonly username?: string;
  readonly passwordStdin?: boolean;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly passCredentials?: boolean;
  readonly plainHttp?: boolean;
}

/** The range that --devel means. */
export const ALSO_UNRELEASED = ">0.0.0-0";

/** Adds the options of ChartOptions. */
export function addChartOptions(command: Command): Command {
  return command
    .option("--version <range>", "version of the chart, or a range; the newest stable one where absent")
    .option("--devel", "take versions that are no release yet, too")
    .option("--repo <url>", "URL of the chart's repository")
    .option("--source <name>", "ChartSource of the namespace that has the chart")
    .option("--digest <sha256>", "digest that the archive must have")
    .option("--verify", "refuse a chart that no known key has signed")
    .option("--refresh", "ask the repository whether its index has changed")
    .option("--username <name>", "user of the repository or registry")
    .option("--password-stdin", "read the password from standard input")
    .option("--ca-file <file>", "authorities of the repository's certificate, PEM")
    .option("--cert-file <file>", "client certificate, PEM")
    .option("--key-file <file>", "key of the client certificate, PEM")
    .option("--insecure-skip-tls-verify", "accept any certificate of the repository")
    .option("--pass-credentials", "send the credentials to other hosts that the index names, too")
    .option("--plain-http", "speak HTTP with a registry");
}

/**
 * Makes a reference of an argument: a folder or .tgz of this machine, which is uploaded; a URL; or a name, with or
 * without its repository before it.
 */
export async function toChart(
  io: Io,
  chart: string,
  options: ChartOptions,
): Promise<MessageInitShape<typeof api.ChartReferenceSchema>> {
  const { repo = "", source = "", digest = "", username = "", verify = false, refresh = false } = options;
  const version = options.version ?? (options.devel === true ? ALSO_UNRELEASED : "");
  const isNamed = repo !== "" || source !== "";
  if (!isNamed && (await isLocal(chart))) {
    const provenance = await readFile(`${chart}.prov`).catch(() => undefined);
    return { archive: await readChart(chart), digest, verify, ...(provenance === undefined ? {} : { provenance }) };
  }
  const password = options.passwordStdin === true ? (await io.readStdin()).toString("utf8").replace(/\r?\n$/, "") : "";
  if (isUrl(chart) && isNamed) throw new CliError(`${chart} is a URL already.`, "Leave --repo and --source away.");
  return {
    ...(isUrl(chart) ? { url: chart } : { name: chart, repository: repo }),
    ...{ source, version, digest, username, password, verify, refresh },
    ...(await accessOf(options)),
  };
}

async function accessOf(options: ChartOptions): Promise<MessageInitShape<typeof api.ChartReferenceSchema>> {
  const { caFile, certFile, keyFile, insecureSkipTlsVerify, passCredentials, plainHttp } = options;
  const access = {
    ...(caFile === undefined ? {} : { certificateAuthority: await readText(caFile) }),
    ...(certFile === undefined ? {} : { clientCertificate: await readText(certFile) }),
    ...(keyFile === undefined ? {} : { clientKey: await readText(keyFile) }),
    ...(insecureSkipTlsVerify === true ? { insecureSkipTlsVerify } : {}),
    ...(passCredentials === true ? { passCredentials } : {}),
    ...(plainHttp === true ? { plainHttp } : {}),
  };
  return Object.keys(access).length === 0 ? {} : { access };
}

/** Reads a file of the user's; CliError where it cannot be read. */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    throw new CliError(`The file ${path} cannot be read.`);
  }
}
