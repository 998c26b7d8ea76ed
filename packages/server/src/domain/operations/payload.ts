import { createHash } from "node:crypto";

import { BerthError } from "@berth/base";

import type { Command } from "../command.ts";

/** Data of a payload's Secret: each entry base64, as Kubernetes stores it. */
export type PayloadData = Readonly<Record<string, string>>;

/** A command as the data of a Secret: what is bytes stands in an entry of its own, unblown by JSON. */
export function toPayload(command: Command): PayloadData {
  const { chart } = command as { chart?: { archive?: Uint8Array; provenance?: Uint8Array } };
  const { archive, provenance, ...reference } = chart ?? {};
  const plain = chart === undefined ? command : { ...command, chart: reference };
  return {
    command: Buffer.from(JSON.stringify(plain)).toString("base64"),
    ...(archive === undefined ? {} : { archive: Buffer.from(archive).toString("base64") }),
    ...(provenance === undefined ? {} : { provenance: Buffer.from(provenance).toString("base64") }),
  };
}

/** The command of a payload. */
export function fromPayload(data: PayloadData): Command {
  const text = data.command;
  if (text === undefined) throw new BerthError("INTERNAL", "The operation's request is not stored any more.");
  const command = JSON.parse(Buffer.from(text, "base64").toString()) as Command;
  if (command.verb !== "install" && command.verb !== "upgrade") return command;
  const { archive, provenance } = data;
  const bytes = (part: string) => new Uint8Array(Buffer.from(part, "base64"));
  return {
    ...command,
    chart: {
      ...command.chart,
      ...(archive === undefined ? {} : { archive: bytes(archive) }),
      ...(provenance === undefined ? {} : { provenance: bytes(provenance) }),
    },
  };
}

/** SHA-256 of all that a request asks, to tell whether two are the same. */
export function digestOf(command: Command, policy: object): string {
  const hash = createHash("sha256");
  const payload = toPayload(command);
  hash.update(canonical(JSON.parse(Buffer.from(payload.command ?? "", "base64").toString())));
  for (const name of ["archive", "provenance"]) hash.update(`\n${name} ${payload[name] ?? ""}`);
  return hash.update(canonical(policy)).digest("hex");
}

/** JSON with sorted keys, so that the order in which fields came does not count. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, nested: unknown) =>
    typeof nested === "object" && nested !== null && !Array.isArray(nested)
      ? Object.fromEntries(Object.entries(nested).sort(([a], [b]) => (a < b ? -1 : 1)))
      : nested,
  );
}
