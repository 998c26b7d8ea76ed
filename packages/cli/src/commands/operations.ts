import { operation as op, operationService as api, pages } from "@berth/sdk";
import { create } from "@bufbuild/protobuf";
import { Option } from "commander";
import type { Command } from "commander";

import { speaks, toNumber } from "../command.ts";
import type { Maker } from "../command.ts";
import { addDetach, write } from "../operations/write.ts";
import type { WriteOptions } from "../operations/write.ts";
import { createChangePrinter, watchList } from "../output/changes.ts";
import type { Table } from "../output/table.ts";
import { print } from "../output/print.ts";
import { timeText, wordOf } from "../output/text.ts";
import type { Session } from "../session.ts";

interface ListOptions {
  readonly allNamespaces?: boolean;
  readonly release?: string;
  readonly state?: keyof typeof STATES;
  readonly verb?: keyof typeof VERBS;
  readonly by?: string;
  readonly max?: number;
  readonly watch?: boolean;
}

const VERBS = {
  install: op.Verb.INSTALL,
  upgrade: op.Verb.UPGRADE,
  rollback: op.Verb.ROLLBACK,
  uninstall: op.Verb.UNINSTALL,
  test: op.Verb.TEST,
  unlock: op.Verb.UNLOCK,
} as const;

const STATES = {
  queued: op.OperationState.QUEUED,
  running: op.OperationState.RUNNING,
  succeeded: op.OperationState.SUCCEEDED,
  failed: op.OperationState.FAILED,
  cancelled: op.OperationState.CANCELLED,
} as const;

/** `berth operations list|get|watch|cancel|retry`. */
export function addOperations(program: Command, maker: Maker): void {
  const operations = program
    .command("operations")
    .aliases(["operation", "op", "ops"])
    .summary("see, cancel and repeat operations")
    .description("Sees, cancels and repeats operations. Each write is one, and goes on without this program.");
  addListing(maker, operations);
  const one = (name: string, what: string) =>
    operations
      .command(name)
      .argument("<id>", "id of the operation")
      .summary(what)
      .description(`${what[0]?.toUpperCase() ?? ""}${what.slice(1)}.`);
  speaks<object>(maker, one("get", "show an operation"), async ({ io, berth, call }, { format }, id = "") => {
    const message = await berth.operations.getOperation({ id }, call);
    print(io, format, { schema: op.OperationSchema, message, show: (wide) => table([message], wide) });
  });
  speaks<object>(maker, one("watch", "follow an operation to its end"), async (session, { format }, id = "") => {
    await write(session, format, { wait: true }, async () => {
      const found = await session.berth.operations.getOperation({ id }, session.call);
      // An operation that has ended has events, too.
      return { ...found, done: false };
    });
  });
  speaks<object>(
    maker,
    one("cancel", "ask for the end of an operation"),
    async ({ io, berth, call }, { format }, id = "") => {
      const message = await berth.operations.cancelOperation({ id }, call);
      print(io, format, { schema: op.OperationSchema, message, show: (wide) => table([message], wide) });
    },
  );
  const retry = addDetach(one("retry", "repeat an operation that failed or was cancelled"));
  speaks<WriteOptions>(maker, retry, async (session, options, id = "") => {
    await write(session, options.format, options, () => session.berth.operations.retryOperation({ id }, session.call));
  });
}

function addListing(maker: Maker, operations: Command): void {
  const command = operations
    .command("list")
    .alias("ls")
    .summary("list operations, the newest first")
    .description("Lists operations, the newest first.")
    .option("-A, --all-namespaces", "of all namespaces")
    .option("--release <name>", "of this release")
    .addOption(new Option("--state <word>", "in this state").choices(Object.keys(STATES)))
    .addOption(new Option("--verb <word>", "with this verb").choices(Object.keys(VERBS)))
    .option("--by <principal>", "that this caller has asked for")
    .option("-m, --max <n>", "at most so many", toNumber)
    .option("-w, --watch", "show them, then what changes, until Ctrl-C");
  speaks<ListOptions>(maker, command, async (session, options) => {
    const { io, berth } = session;
    if (options.watch === true) {
      const looked = {
        key: ({ id }: op.Operation) => id,
        version: ({ state, phase, attempts }: op.Operation) => `${state} ${phase} ${attempts}`,
        // The newest first is the last of what one reads.
        look: async () => (await operationsOf(session, options)).operations.toReversed(),
        sleep: (ms: number, signal: AbortSignal) => berth.connection.clock.sleep(ms, signal),
      };
      return watchList(io.signal, looked, createChangePrinter(io, options.format, op.OperationSchema, table));
    }
    const message = await operationsOf(session, options);
    const show = (wide: boolean) => table(message.operations, wide);
    print(io, options.format, { schema: api.ListOperationsResponseSchema, message, show });
  });
}

async function operationsOf(session: Session, options: ListOptions): Promise<api.ListOperationsResponse> {
  const { berth, cluster, call } = session;
  const { release = "", state, verb, by: principal = "", max = Infinity } = options;
  const request = {
    ...{ cluster, release, principal, namespace: options.allNamespaces === true ? "" : session.namespace },
    state: state === undefined ? op.OperationState.UNSPECIFIED : STATES[state],
    verb: verb === undefined ? op.Verb.UNSPECIFIED : VERBS[verb],
    pageSize: Math.max(1, Math.min(max, 500)),
  };
  const message = create(api.ListOperationsResponseSchema);
  for await (const page of pages((pageToken) => berth.operations.listOperations({ ...request, pageToken }, call))) {
    message.operations.push(...page.operations.slice(0, max - message.operations.length));
    message.totalSize = page.totalSize;
    if (message.operations.length >= max) break;
  }
  return message;
}

function table(operations: readonly op.Operation[], wide: boolean): Table {
  return {
    columns: [
      "ID",
      "RELEASE",
      "NAMESPACE",
      "VERB",
      "STATE",
      "PHASE",
      "CREATED",
      "ERROR",
      ...(wide ? ["BY", "ATTEMPTS", "MESSAGE"] : []),
    ],
    rows: operations.map((one) => [
      ...[one.id, one.release, one.namespace, wordOf(op.Verb, one.verb), wordOf(op.OperationState, one.state)],
      ...[one.phase, timeText(one.createTime), one.error?.code ?? ""],
      ...(wide ? [one.principal, String(one.attempts), one.error?.message ?? ""] : []),
    ]),
  };
}
