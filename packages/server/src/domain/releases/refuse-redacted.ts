import { BerthError } from "@berth/base";
import { parseAllDocuments } from "yaml";

import type { ValuesInput } from "../command.ts";
import { REDACTED, hasRedacted } from "./redact.ts";

/** How whatever stands in place of a value begins. */
const BEGINNING = REDACTED.slice(0, -1);

/** INVALID_ARGUMENT where values were read redacted and are to be written back as they were read. */
export function refuseRedactedValues({
  documents = [],
  set = [],
  setString = [],
  setJson = [],
}: ValuesInput = {}): void {
  const pairs = [...set, ...setString, ...setJson].filter((text) => text.includes(BEGINNING));
  const isAny =
    documents.filter((text) => text.includes(BEGINNING)).some(hasRedactedText) ||
    pairs.some((pair) => hasRedacted(pair.slice(pair.indexOf("=") + 1).replaceAll('"', "")));
  if (!isAny) return;
  throw new BerthError(
    "INVALID_ARGUMENT",
    `A value is "${REDACTED}", which stands in place of one that was not shown.`,
    {
      field: "values",
      hint: "Read the values as somebody who may read Secrets there, or keep those that are stored by reuse_values.",
    },
  );
}

function hasRedactedText(text: string): boolean {
  try {
    const documents = parseAllDocuments(text);
    return documents.some((one) => hasRedacted(one.toJS({ maxAliasCount: 100 })));
  } catch {
    // Helm says what is wrong with it.
    return false;
  }
}
