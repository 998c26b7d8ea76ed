import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { releaseService as api } from "@berth/sdk";
import type { Command } from "commander";

import { speaks } from "../command.ts";
import type { Maker } from "../command.ts";
import type { Io } from "../io.ts";
import { ofTemplates, toDocuments } from "../output/manifest.ts";
import { print } from "../output/print.ts";
import { inside, readDefinitions } from "../request/files.ts";
import { collect } from "../request/values.ts";
import { ended, hooksText } from "./get.ts";
import { addInstallOptions, toInstallRequest } from "./install.ts";
import type { InstallOptions } from "./install.ts";

interface Options extends InstallOptions {
  readonly showOnly?: readonly string[];
  readonly skipTests?: boolean;
  readonly includeCrds?: boolean;
  readonly outputDir?: string;
  readonly releaseName?: boolean;
}

/** `berth template`. */
export function addTemplate(program: Command, maker: Maker): void {
  const command = program
    .command("template")
    .argument("[name]", "name of the release")
    .argument("[chart]", "folder or .tgz of this machine, URL, or name of the chart")
    .summary("render a chart with the cluster's eyes")
    .description("Renders a chart as its install would, with what the cluster has, and changes nothing.")
    .option("-g, --generate-name", "make a name out of the chart's")
    .option("--create-namespace", "render it for a namespace that is not there")
    .option("--replace", "render it for the name of a release that was uninstalled with its history kept")
    .option("-s, --show-only <template>", "only what this template renders; may be given more than once", collect)
    .option("--skip-tests", "without the hooks that test it")
    .option("--include-crds", "with the definitions of its crds folders")
    .option("--output-dir <folder>", "write a file for each template instead of printing them")
    .option("--release-name", "with --output-dir, in a folder of the release's name");
  speaks<Options>(maker, addInstallOptions(command), async (session, options, first, second) => {
    // Helm renders without a name, too.
    const args = second === undefined && options.generateName !== true ? ["release-name", first] : [first, second];
    const request = await toInstallRequest(session, options, args);
    const { berth, namespace, call, io } = session;
    const rendered = await berth.releases.renderRelease(request, call);
    const { chart } = request;
    const isWanted = options.includeCrds === true;
    const definitions = isWanted
      ? await readDefinitions(session, chart, await berth.charts.showChart({ namespace, chart }, call))
      : "";
    const message = { ...rendered, hooks: hooksOf(rendered, options) };
    const documents = toDocuments(`${definitions}${ended(message.manifest)}${hooksText(message.hooks)}`);
    const shown = options.showOnly === undefined ? documents : ofTemplates(documents, options.showOnly);
    if (options.outputDir !== undefined) {
      const folder = options.releaseName === true ? join(options.outputDir, request.name) : options.outputDir;
      return writeTemplates(io, folder, shown);
    }
    const show = () => shown.map(({ text }) => ended(text)).join("");
    print(io, options.format, { schema: api.RenderReleaseResponseSchema, message, show });
  });
}

function hooksOf({ hooks }: api.RenderReleaseResponse, options: Options): api.RenderReleaseResponse["hooks"] {
  if (options.hooks === false) return [];
  return options.skipTests === true ? hooks.filter(({ events }) => !events.includes("test")) : hooks;
}

async function writeTemplates(io: Io, folder: string, documents: ReturnType<typeof toDocuments>): Promise<void> {
  const files = Map.groupBy(documents, ({ source }) => inside(source === "" ? "definitions.yaml" : source));
  for (const [name, texts] of files) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, texts.map(({ text }) => ended(text)).join(""));
    io.stdout.write(`wrote ${path}\n`);
  }
}
