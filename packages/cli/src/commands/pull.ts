import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

import type { chartService } from "@berth/sdk";
import type { Command } from "commander";
import { packTar } from "modern-tar";

import { speaks } from "../command.ts";
import type { Maker } from "../command.ts";
import { CliError, EXIT } from "../errors.ts";
import { entryOf } from "../request/archive.ts";
import { addChartOptions, toChart } from "../request/chart.ts";
import type { ChartOptions } from "../request/chart.ts";
import { readFiles } from "../request/files.ts";
import type { ChartFile } from "../request/files.ts";
import type { Session } from "../session.ts";

interface Options extends ChartOptions {
  readonly destination?: string;
  readonly untar?: boolean;
  readonly untardir?: string;
}

/** `berth pull`. */
export function addPull(program: Command, maker: Maker): void {
  const command = program
    .command("pull")
    .alias("fetch")
    .argument("<chart...>", "URLs, or names of charts")
    .summary("fetch charts' files")
    .description(
      "Fetches charts' files through Berth, which reaches repositories that you may not, and writes them as NAME-VERSION.tgz. The archive is put together here: its digest is not that of its source.",
    )
    .option("-d, --destination <folder>", "folder to write to", ".")
    .option("--untar", "write a folder instead of an archive")
    .option("--untardir <folder>", "with --untar, folder in the destination that the chart's folder is made in");
  speaks<Options>(maker, addChartOptions(command), async (session, options, ...charts) => {
    for (const chart of charts) session.io.stdout.write(`${await pull(session, options, chart ?? "")}\n`);
  });
}

/** Writes a chart, and gives where. */
async function pull(session: Session, options: Options, argument: string): Promise<string> {
  const { berth, namespace, call, io } = session;
  const reference = await toChart(io, argument, options);
  const shown = await berth.charts.showChart({ namespace, chart: reference }, call);
  const name = textOf(shown, "name");
  const files = await readFiles(session, reference, shown, () => true);
  const { destination = ".", untardir = "." } = options;
  const archive = join(destination, `${name}-${textOf(shown, "version")}.tgz`);
  const target = options.untar === true ? join(destination, untardir, name) : archive;
  await (options.untar === true ? writeFolder(target, files) : writeArchive(target, name, files));
  return target;
}

/** A word of the metadata that becomes part of a path. */
function textOf({ metadata }: chartService.ShowChartResponse, key: string): string {
  const text = metadata?.[key];
  if (typeof text === "string" && /^[\w][\w.+-]*$/.test(text)) return text;
  throw new CliError(`The chart's ${key} cannot be the name of a file.`, "", EXIT.failed);
}

async function writeFolder(target: string, files: readonly ChartFile[]): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await mkdir(target).catch((error: unknown) => {
    throw (error as NodeJS.ErrnoException).code === "EEXIST"
      ? new CliError(`${target} is there already.`, "Remove it, or name another --destination.")
      : error;
  });
  for (const { name, content } of files) {
    await mkdir(dirname(join(target, name)), { recursive: true });
    await writeFile(join(target, name), content);
  }
}

async function writeArchive(target: string, chart: string, files: readonly ChartFile[]): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const entries = files.map(({ name, content }) => entryOf(`${chart}/${name}`, content));
  await writeFile(target, await promisify(gzip)(await packTar(entries)));
}
