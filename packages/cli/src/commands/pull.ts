import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
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

interface Options extends ChartOptions {
  readonly destination?: string;
  readonly untar?: boolean;
}

/** Files that are asked for at once. */
const ABREAST = 4;

interface PulledFile {
  readonly name: string;
  readonly content: Uint8Array;
}

/** `berth pull`. */
export function addPull(program: Command, maker: Maker): void {
  const command = program
    .command("pull")
    .argument("<chart>", "URL, or name of the chart")
    .summary("fetch a chart's files")
    .description(
      "Fetches a chart's files through Berth, which reaches repositories that you may not, and writes them as NAME-VERSION.tgz. The archive is put together here: its digest is not that of its source.",
    )
    .option("-d, --destination <folder>", "folder to write to", ".")
    .option("--untar", "write a folder instead of an archive");
  speaks<Options>(maker, addChartOptions(command), async (session, options, argument = "") => {
    const { berth, namespace, call, io } = session;
    const reference = await toChart(io, argument, options);
    const shown = await berth.charts.showChart({ namespace, chart: reference }, call);
    const name = textOf(shown, "name");
    // All files of the very archive that was shown first.
    const chart = { ...reference, digest: shown.digest };
    const read = async (file: string): Promise<PulledFile> => {
      const { content } = await berth.charts.showChart({ namespace, chart, file }, call);
      return { name: inside(file), content };
    };
    const files: PulledFile[] = [];
    for (let at = 0; at < shown.files.length; at += ABREAST) {
      files.push(...(await Promise.all(shown.files.slice(at, at + ABREAST).map((file) => read(file.name)))));
    }
    const { destination = "." } = options;
    const target = join(destination, options.untar === true ? name : `${name}-${textOf(shown, "version")}.tgz`);
    await (options.untar === true ? writeFolder(target, files) : writeArchive(target, name, files));
    io.stdout.write(`${target}\n`);
  });
}

/** A word of the metadata that becomes part of a path. */
function textOf({ metadata }: chartService.ShowChartResponse, key: string): string {
  const text = metadata?.[key];
  if (typeof text === "string" && /^[\w][\w.+-]*$/.test(text)) return text;
  throw new CliError(`The chart's ${key} cannot be the name of a file.`, "", EXIT.failed);
}

/** A path that stays where it is written to. */
function inside(name: string): string {
  const path = normalize(name);
  if (path.startsWith("..") || path.startsWith("/") || name.includes("\\")) {
    throw new CliError(`The chart has a file outside of itself: ${name}`, "Do not trust it.", EXIT.failed);
  }
  return path;
}

async function writeFolder(target: string, files: readonly PulledFile[]): Promise<void> {
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

async function writeArchive(target: string, chart: string, files: readonly PulledFile[]): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const entries = files.map(({ name, content }) => entryOf(`${chart}/${name}`, content));
  await writeFile(target, await promisify(gzip)(await packTar(entries)));
}
