import { Option } from "commander";
import type { Command } from "commander";

import { speaks, targetOf, toNumber } from "../command.ts";
import type { Maker } from "../command.ts";
import { CliError } from "../errors.ts";
import { toDuration } from "../output/text.ts";
import { addDetach, write } from "../operations/write.ts";
import type { WriteOptions } from "../operations/write.ts";
import { addApplyOptions, addHelmOptions, addPolicyOptions, toOptions, toPolicy } from "../request/options.ts";
import type { HelmOptions, PolicyOptions } from "../request/options.ts";
import { collect } from "../request/values.ts";
import type { Session } from "../session.ts";

interface Options extends HelmOptions, PolicyOptions, WriteOptions {
  readonly cleanupOnFail?: boolean;
  readonly keepHistory?: boolean;
  readonly ignoreNotFound?: boolean;
  readonly cascade?: string;
  readonly filter?: readonly string[];
  readonly wait?: boolean;
  readonly dryRun?: boolean;
}

/** `berth rollback`. */
export function addRollback(program: Command, maker: Maker): void {
  const command = program
    .command("rollback")
    .argument("<name>", "name of the release")
    .argument("[revision]", "the one before where absent")
    .summary("make a new revision out of an older one")
    .description("Makes a new revision out of an older one and waits for the operation's end.")
    .option("--cleanup-on-fail", "delete what the rollback has made where it fails");
  addDetach(addPolicyOptions(addApplyOptions(command), false));
  speaks<Options>(maker, command, async (session, options, name, revision = "0") => {
    if (!/^\d{1,9}$/.test(revision)) throw new CliError(`"${revision}" is no number of a revision.`, "berth history");
    const request = {
      ...targetOf(session, name),
      ...toPolicy(options),
      revision: Number(revision),
      cleanupOnFail: options.cleanupOnFail ?? false,
      options: toOptions(options),
    };
    await write(session, options.format, options, () => session.berth.releases.rollbackRelease(request, session.call));
  });
}

/** `berth uninstall`. */
export function addUninstall(program: Command, maker: Maker): void {
  const command = program
    .command("uninstall")
    .aliases(["del", "delete", "un"])
    .argument("<name...>", "names of releases")
    .summary("remove releases")
    .description("Removes releases with their objects and history, one after the other.")
    .option("--keep-history", "keep the stored revisions")
    .option("--ignore-not-found", "be content where there is no such release")
    .addOption(new Option("--cascade <how>", "how objects go").choices(["background", "foreground", "orphan"]));
  addDetach(addPolicyOptions(addHelmOptions(command), false));
  speaks<Options>(maker, command, async (session, options, ...names) => {
    for (const name of names) {
      const request = {
        ...targetOf(session, name),
        ...toPolicy(options),
        keepHistory: options.keepHistory ?? false,
        ignoreNotFound: options.ignoreNotFound ?? false,
        deletionPropagation: options.cascade ?? "",
        options: toOptions(options),
      };
      await write(session, options.format, options, () =>
        session.berth.releases.uninstallRelease(request, session.call),
      );
    }
  });
}

/** `berth test`. */
export function addTest(program: Command, maker: Maker): void {
  const command = program
    .command("test")
    .argument("<name>", "name of the release")
    .summary("run the tests of a release")
    .description("Runs the test hooks of a release, shows what they print, and waits for their end.")
    .option("--filter <name=test>", "only this test, or all but this one (!name=test)", collect)
    .option("--logs", "show what the tests print, which is done always")
    .option("--timeout <duration>", "for each test, such as 90s or 5m (default: 5m)")
    .option("--dry-run", "check all that can be checked, run nothing");
  addDetach(addPolicyOptions(command, false));
  speaks<Options>(maker, command, async (session, options, name) => {
    const { timeout } = options;
    const request = {
      ...targetOf(session, name),
      ...toPolicy(options),
      names: await testsOf(session, name, options.filter),
      validateOnly: options.dryRun ?? false,
      ...(timeout === undefined ? {} : { timeout: toDuration(timeout) }),
    };
    // Its progress is what is wanted of it.
    const waiting = { ...options, wait: true };
    await write(session, options.format, waiting, () => session.berth.releases.testRelease(request, session.call));
  });
}

/** The tests that --filter leaves: those that are named, or all but those behind a `!`. */
async function testsOf(session: Session, name: string | undefined, filter: readonly string[] = []): Promise<string[]> {
  const words = filter.flatMap((one) => one.split(","));
  const named = words.filter((one) => !one.startsWith("!")).map((one) => one.replace(/^name=/, ""));
  const left = new Set(words.filter((one) => one.startsWith("!")).map((one) => one.replace(/^!(name=)?/, "")));
  if (left.size === 0) return named;
  const { hooks } = await session.berth.releases.getReleaseHooks(targetOf(session, name), session.call);
  const tests = hooks.filter(({ events }) => events.includes("test")).map((hook) => hook.name);
  const wanted = (named.length === 0 ? tests : named).filter((one) => !left.has(one));
  // No names mean all of them to the API.
  if (wanted.length === 0) throw new CliError("The filter leaves no test.", "berth get hooks NAME");
  return wanted;
}

/** `berth unlock`. */
export function addUnlock(program: Command, maker: Maker): void {
  const command = program
    .command("unlock")
    .argument("<name>", "name of the release")
    .summary("give a stuck release its ending")
    .description("Writes the ending of a release on which nobody works any more, so that it can be written again.")
    .option("--expected-revision <n>", "refuse unless the newest revision has this number", toNumber);
  speaks<Options>(maker, addDetach(command), async (session, options, name) => {
    const request = { ...targetOf(session, name), ...toPolicy(options) };
    await write(session, options.format, options, () => session.berth.releases.unlockRelease(request, session.call));
  });
}
