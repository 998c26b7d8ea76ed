import { release as rel, releaseService as api } from "@berth/sdk";
import type { Command } from "commander";

import { speaks, targetOf, toNumber } from "../command.ts";
import type { Maker } from "../command.ts";
import type { Io } from "../io.ts";
import { print } from "../output/print.ts";
import { describeRelease } from "./read.ts";

interface Options {
  readonly revision?: number;
  readonly all?: boolean;
}

/** `berth get values|manifest|notes|hooks|metadata|all`. */
export function addGet(program: Command, maker: Maker): void {
  const get = program
    .command("get")
    .summary("show what is stored of a release")
    .description("Shows what is stored of a release.");
  const part = (name: string, what: string) =>
    get
      .command(name)
      .argument("<name>", "name of the release")
      .summary(what)
      .description(`Shows ${what}.`)
      .option("--revision <n>", "of this revision; the newest where absent", toNumber);
  speaks<Options>(
    maker,
    part("values", "the values that were given").option("-a, --all", "over the chart's own values"),
    async (session, { format, revision = 0, all: computed = false }, name) => {
      const request = { ...targetOf(session, name), revision, computed };
      const message = await session.berth.releases.getReleaseValues(request, session.call);
      print(session.io, format, {
        schema: api.GetReleaseValuesResponseSchema,
        message,
        show: () => message.valuesYaml,
      });
      noteRedacted(session.io, message);
    },
  );
  speaks<Options>(maker, part("manifest", "the rendered manifest"), async (session, { format, revision = 0 }, name) => {
    const request = { ...targetOf(session, name), revision };
    const message = await session.berth.releases.getReleaseManifest(request, session.call);
    print(session.io, format, { schema: api.GetReleaseManifestResponseSchema, message, show: () => message.manifest });
    noteRedacted(session.io, message);
  });
  speaks<Options>(maker, part("notes", "the notes"), async (session, { format, revision = 0 }, name) => {
    const request = { ...targetOf(session, name), revision };
    const message = await session.berth.releases.getReleaseNotes(request, session.call);
    print(session.io, format, { schema: api.GetReleaseNotesResponseSchema, message, show: () => ended(message.notes) });
  });
  speaks<Options>(maker, part("hooks", "the hooks"), async (session, { format, revision = 0 }, name) => {
    const request = { ...targetOf(session, name), revision };
    const message = await session.berth.releases.getReleaseHooks(request, session.call);
    print(session.io, format, {
      schema: api.GetReleaseHooksResponseSchema,
      message,
      show: () => hooksText(message.hooks),
    });
    noteRedacted(session.io, message);
  });
  speaks<Options>(maker, part("metadata", "the release itself"), async (session, { format, revision = 0 }, name) => {
    const request = { ...targetOf(session, name), revision };
    const message = await session.berth.releases.getRelease(request, session.call);
    print(session.io, format, { schema: rel.ReleaseSchema, message, show: () => describeRelease(message) });
  });
  addAll(maker, part("all", "all of it"));
}

function addAll(maker: Maker, command: Command): void {
  speaks<Options>(maker, command, async (session, { format, revision: wanted = 0 }, name) => {
    const { berth, call } = session;
    const message = await berth.releases.getRelease({ ...targetOf(session, name), revision: wanted }, call);
    const request = { ...targetOf(session, name), revision: message.revision };
    const [values, hooks, manifest, notes] = await Promise.all([
      berth.releases.getReleaseValues(request, call),
      berth.releases.getReleaseHooks(request, call),
      berth.releases.getReleaseManifest(request, call),
      berth.releases.getReleaseNotes(request, call),
    ]);
    const parts = [
      describeRelease(message),
      `USER-SUPPLIED VALUES:\n${ended(values.valuesYaml)}`,
      `HOOKS:\n${hooksText(hooks.hooks)}`,
      `MANIFEST:\n${ended(manifest.manifest)}`,
      `NOTES:\n${ended(notes.notes)}`,
    ];
    print(session.io, format, { schema: rel.ReleaseSchema, message, show: () => parts.join("\n") });
    noteRedacted(session.io, values, hooks, manifest);
  });
}

/** Says where something is hidden, beside what is printed. */
export function noteRedacted(io: Io, ...messages: readonly { readonly redacted: boolean }[]): void {
  if (!messages.some(({ redacted }) => redacted)) return;
  io.stderr.write("Some of it is redacted: it takes Kubernetes' right to get secrets in the namespace.\n");
}

/** Hooks as Helm prints them: documents of YAML with where they come from. */
export function hooksText(hooks: readonly rel.Hook[]): string {
  return hooks.map(({ path, manifest }) => `---\n# Source: ${path}\n${ended(manifest)}`).join("");
}

/** Text that ends its last line. */
export function ended(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}
