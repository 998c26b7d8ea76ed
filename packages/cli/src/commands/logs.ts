import { toAnswer } from "@berth/contract";
import { BerthApiError, releaseLiveService as api } from "@berth/sdk";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Command } from "commander";

import { speaks, targetOf, toNumber } from "../command.ts";
import type { Maker } from "../command.ts";
import { CliError, EXIT } from "../errors.ts";
import { printJson } from "../output/print.ts";
import type { Format } from "../output/print.ts";
import { plainText } from "../output/table.ts";
import { toDuration } from "../output/text.ts";
import type { Session } from "../session.ts";

/** Logs that are followed at once. */
const MAX_FOLLOWED = 20;

interface Options {
  readonly container?: string;
  readonly allContainers?: boolean;
  readonly follow?: boolean;
  readonly since?: string;
  readonly previous?: boolean;
  readonly tail?: number;
  readonly timestamps?: boolean;
}

/** Whose log is printed, and what stands before each line. */
interface Log {
  readonly pod: string;
  readonly podNamespace: string;
  readonly container: string;
  readonly prefix: string;
}

/** `berth logs`. */
export function addLogs(program: Command, maker: Maker): void {
  const command = program
    .command("logs")
    .argument("<name>", "name of the release")
    .argument("[pod]", "one of its pods; all of them where it is left out")
    .summary("print what the containers of a release print")
    .description("Prints the log of a pod of a release; of all its pods, each line with pod and container before it.")
    .option("-c, --container <name>", "of this container")
    .option("--all-containers", "of each container, those too that run before the others")
    .option("-f, --follow", "go on with what is printed, until Ctrl-C or the container ends")
    .option("--since <duration>", "of this last time alone, such as 10m")
    .option("-p, --previous", "of the container's run before this one")
    .option("--tail <n>", "the last so many lines", toNumber)
    .option("--timestamps", "with the time of each line");
  speaks<Options>(maker, command, async (session, options, name, pod) => {
    const isAll = options.allContainers === true;
    const { container = "" } = options;
    const named = { pod: pod ?? "", podNamespace: "", container, prefix: "" };
    const logs = pod === undefined || isAll ? await find(session, options, name, pod) : [named];
    const one = (log: Log) => read(session, options, name, log).catch((error: unknown) => warn(session, log, error));
    if (options.follow !== true) {
      for (const log of logs) await one(log);
      return;
    }
    if (logs.length > MAX_FOLLOWED) {
      throw new CliError(`There are ${String(logs.length)} logs to follow.`, "Name a pod, or a container.");
    }
    try {
      await Promise.all(logs.map((log) => one(log)));
    } catch (error) {
      if (!session.io.signal.aborted) throw error;
    }
  });
}

/** The logs of a release's pods that are meant. */
async function find(session: Session, options: Options, name: string | undefined, pod?: string): Promise<Log[]> {
  const { nodes } = await session.berth.live.getReleaseTree(targetOf(session, name), session.call);
  const pods = nodes.filter((node) => node.pod !== undefined && (pod ?? node.object?.name) === node.object?.name);
  const { container: wanted } = options;
  const logs = pods.flatMap(({ object, pod: state }) => {
    const all = state?.containers ?? [];
    const mains = all.filter(({ init }) => !init);
    const meant = options.allContainers === true ? all : wanted === undefined ? mains.slice(0, 1) : all;
    return meant
      .filter((one) => wanted === undefined || one.name === wanted)
      .map((one) => ({
        ...{ pod: object?.name ?? "", podNamespace: object?.namespace ?? "", container: one.name },
        prefix: `[${object?.name ?? ""}/${one.name}] `,
      }));
  });
  if (logs.length > 0) return logs;
  const what = wanted === undefined ? "no pods" : `no container "${wanted}"`;
  throw new CliError(`The release has ${what}.`, "berth tree shows what of it runs.", EXIT.notFound);
}

/** Of all pods, one that has no log is no reason to tell nothing of the others. */
function warn({ io }: Session, { prefix }: Log, error: unknown): void {
  const isMissing = error instanceof BerthApiError && /^(LOG_NOT_AVAILABLE|POD_NOT_FOUND)$/.test(error.code);
  if (prefix === "" || !isMissing) throw error;
  io.stderr.write(`warning: ${plainText(error.message)}\n`);
}

async function read(
  { io, berth, call, ...session }: Session,
  options: Options & { readonly format: Format },
  name: string | undefined,
  { prefix, ...log }: Log,
): Promise<void> {
  const { follow = false, previous = false, timestamps = false, tail, since, format } = options;
  const request = {
    ...{ ...targetOf({ io, berth, call, ...session }, name), ...log, follow, previous, timestamps },
    ...(tail === undefined || tail < 0 ? {} : { tailLines: tail }),
    ...(since === undefined ? {} : { since: toDuration(since) }),
  };
  for await (const { type, lines } of berth.live.streamPodLogs(request, call)) {
    if (type === "cut") io.stderr.write("warning: there is more than is told: take --tail or --since\n");
    for (const line of lines) {
      if (format.type !== "table" && format.type !== "wide") {
        printJson(io, format, toAnswer(api.LogLineSchema, line));
      } else {
        const time = line.time === undefined ? "" : `${timeOf(line.time)} `;
        const text = io.stdout.isTerminal ? plainText(line.text) : line.text;
        io.stdout.write(`${prefix}${time}${text}\n`);
      }
    }
  }
}

/** A time with its nanoseconds, as kubectl prints it. */
function timeOf(time: Timestamp): string {
  const seconds = timestampDate({ ...time, nanos: 0 })
    .toISOString()
    .slice(0, -5);
  return `${seconds}.${String(time.nanos).padStart(9, "0")}Z`;
}
