import { toAnswer } from "@berth/contract";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { stringify } from "yaml";

import { CliError } from "../errors.ts";
import type { Io } from "../io.ts";
import { formatJsonPath } from "./jsonpath.ts";
import { formatTable, plainText } from "./table.ts";
import type { Table } from "./table.ts";

/** What `-o` says. */
export type Format =
  { readonly type: "table" | "wide" | "json" | "yaml" } | { readonly type: "jsonpath"; readonly template: string };

/** Reads what `-o` says; CliError where there is no such format. */
export function toFormat(text: string): Format {
  if (text === "table" || text === "wide" || text === "json" || text === "yaml") return { type: text };
  if (text.startsWith("jsonpath=")) return { type: "jsonpath", template: text.slice("jsonpath=".length) };
  throw new CliError(`There is no output "${text}".`, "One of table, wide, json, yaml, jsonpath=….");
}

/** Something to print: a message as REST answers it, and how people read it. */
export interface Printed<D extends DescMessage> {
  readonly schema: D;
  readonly message: MessageShape<D>;
  /** A table or text for people. `wide`: with what is rarely wanted. */
  readonly show: (wide: boolean) => Table | string;
}

/** Prints a message in the format that is asked for: JSON and YAML are REST's answer. */
export function print<D extends DescMessage>(io: Io, format: Format, printed: Printed<D>): void {
  if (format.type === "table" || format.type === "wide") {
    const shown = printed.show(format.type === "wide");
    io.stdout.write(typeof shown === "string" ? onTerminal(io, shown) : formatTable(shown));
    return;
  }
  printJson(io, format, toAnswer(printed.schema, printed.message));
}

/** Prints data that is no message. */
export function printJson(io: Io, format: Format, data: unknown): void {
  if (format.type === "jsonpath") io.stdout.write(formatJsonPath(format.template, data));
  else io.stdout.write(format.type === "yaml" ? stringify(data) : `${JSON.stringify(data, undefined, 2)}\n`);
}

/** Text as it is, but for what would command a terminal. */
function onTerminal(io: Io, text: string): string {
  return io.stdout.isTerminal ? plainText(text) : text;
}
