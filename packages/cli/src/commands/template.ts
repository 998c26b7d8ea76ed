import { releaseService as api } from "@berth/sdk";
import type { Command } from "commander";

import { speaks } from "../command.ts";
import type { Maker } from "../command.ts";
import { print } from "../output/print.ts";
import { ended, hooksText } from "./get.ts";
import { addInstallOptions, toInstallRequest } from "./install.ts";
import type { InstallOptions } from "./install.ts";

/** `berth template`. */
export function addTemplate(program: Command, maker: Maker): void {
  const command = program
    .command("template")
    .argument("[name]", "name of the release")
    .argument("[chart]", "folder or .tgz of this machine, URL, or name of the chart")
    .summary("render a chart with the cluster's eyes")
    .description("Renders a chart as its install would, with what the cluster has, and changes nothing.")
    .option("-g, --generate-name", "make a name out of the chart's");
  speaks<InstallOptions>(maker, addInstallOptions(command), async (session, options, first, second) => {
    const { format, hooks = true } = options;
    // Helm renders without a name, too.
    const args = second === undefined && options.generateName !== true ? ["release-name", first] : [first, second];
    const request = await toInstallRequest(session, options, args);
    const message = await session.berth.releases.renderRelease(request, session.call);
    const show = () => `${ended(message.manifest)}${hooks ? hooksText(message.hooks) : ""}`;
    print(session.io, format, { schema: api.RenderReleaseResponseSchema, message, show });
  });
}
