import { normalize } from "node:path";

import type { chartService, releaseService } from "@berth/sdk";
import type { MessageInitShape } from "@bufbuild/protobuf";

import { CliError, EXIT } from "../errors.ts";
import type { Session } from "../session.ts";

/** Files that are asked for at once. */
const ABREAST = 4;

/** A file of a chart, by its path within the chart. */
export interface ChartFile {
  readonly name: string;
  readonly content: Uint8Array;
}

type Reference = MessageInitShape<typeof releaseService.ChartReferenceSchema>;

/** Reads files of the very archive that was shown. */
export async function readFiles(
  { berth, namespace, call }: Session,
  reference: Reference,
  shown: chartService.ShowChartResponse,
  isWanted: (name: string) => boolean,
): Promise<ChartFile[]> {
  const chart = { ...reference, digest: shown.digest };
  const read = async ({ name: file }: chartService.ChartFile): Promise<ChartFile> => {
    const { content } = await berth.charts.showChart({ namespace, chart, file }, call);
    return { name: inside(file), content };
  };
  const wanted = shown.files.filter(({ name }) => isWanted(name));
  const files: ChartFile[] = [];
  for (let at = 0; at < wanted.length; at += ABREAST) {
    files.push(...(await Promise.all(wanted.slice(at, at + ABREAST).map(read))));
  }
  return files;
}

/** The definitions of a chart's crds folders as YAML documents, as Helm shows them. */
export async function readDefinitions(
  session: Session,
  reference: Reference,
  shown: chartService.ShowChartResponse,
): Promise<string> {
  const files = await readFiles(session, reference, shown, (name) => /(^|\/)crds\/.+\.(ya?ml|json)$/.test(name));
  return files.map(({ content }) => `---\n${new TextDecoder().decode(content).trimEnd()}\n`).join("");
}

/** A path that stays where it is written to. */
export function inside(name: string): string {
  const path = normalize(name);
  if (path.startsWith("..") || path.startsWith("/") || name.includes("\\")) {
    throw new CliError(`The chart has a file outside of itself: ${name}`, "Do not trust it.", EXIT.failed);
  }
  return path;
}
