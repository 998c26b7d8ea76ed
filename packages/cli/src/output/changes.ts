import { toAnswer } from "@berth/contract";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";

import type { Io } from "../io.ts";
import { printJson } from "./print.ts";
import type { Format } from "./print.ts";
import { formatTable } from "./table.ts";
import type { Table } from "./table.ts";

/** Prints what happens to objects, one after the other, as `kubectl get --watch` does. */
export interface ChangePrinter<T> {
  show(type: string, object: T): void;
}

/** Rows with their change before them, under one head; as JSON or YAML each object as REST has it. */
export function createChangePrinter<D extends DescMessage>(
  io: Io,
  format: Format,
  schema: D,
  toTable: (objects: readonly MessageShape<D>[], wide: boolean) => Table,
): ChangePrinter<MessageShape<D>> {
  let isFirst = true;
  return {
    show(type, object) {
      if (format.type !== "table" && format.type !== "wide") {
        if (format.type === "yaml") io.stdout.write("---\n");
        return printJson(io, format, toAnswer(schema, object));
      }
      const { columns, rows } = toTable([object], format.type === "wide");
      const marked = rows.map((row) => [type.toUpperCase(), ...row]);
      const text = formatTable({ columns: ["CHANGE", ...columns], rows: marked });
      io.stdout.write(isFirst ? text : text.slice(text.indexOf("\n") + 1));
      isFirst = false;
    },
  };
}

/** Shows the changes of a watch of the SDK's until Ctrl-C. */
export async function showChanges<T>(
  { signal }: Io,
  changes: AsyncIterable<{ readonly type: "synced" } | { readonly type: string; readonly object: T }>,
  printer: ChangePrinter<T>,
  isMeant: (object: T) => boolean = () => true,
): Promise<void> {
  try {
    for await (const change of changes) {
      if ("object" in change && isMeant(change.object)) printer.show(change.type, change.object);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Milliseconds between two looks: lists are answered from memory. */
const LOOK = 1_000;

/** What is looked at again and again. */
export interface Looked<T> {
  /** Tells objects apart. */
  readonly key: (one: T) => string;
  /** Another text where an object has changed in what matters. */
  readonly version: (one: T) => string;
  readonly look: () => Promise<readonly T[]>;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Looks at a list until the signal aborts, and shows what has come, changed or gone. */
export async function watchList<T>(
  signal: AbortSignal,
  { key, version, look, sleep }: Looked<T>,
  printer: ChangePrinter<T>,
): Promise<void> {
  let known = new Map<string, T>();
  try {
    while (!signal.aborted) {
      const now = new Map((await look()).map((one) => [key(one), one]));
      for (const [name, one] of now) {
        const before = known.get(name);
        if (before === undefined) printer.show("added", one);
        else if (version(before) !== version(one)) printer.show("modified", one);
      }
      for (const [name, one] of known) if (!now.has(name)) printer.show("deleted", one);
      known = now;
      await sleep(LOOK, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
