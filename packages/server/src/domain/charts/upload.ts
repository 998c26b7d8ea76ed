import { BerthError } from "@berth/base";

import type { ChartReference, ValuesInput } from "../command.ts";

/** Bytes of an uploaded archive and its values together: what an operation's payload can hold. */
const UPLOAD_LIMIT = 700 * 1024;

/** Refuses an uploaded chart that is too large with its values. */
export function checkUpload({ archive }: ChartReference, values: ValuesInput = {}): void {
  if (archive === undefined) return;
  const size = archive.length + sizeOf(values);
  if (size <= UPLOAD_LIMIT) return;
  throw new BerthError(
    "BODY_TOO_LARGE",
    `The chart's archive has ${String(archive.length)} bytes, with its values ${String(size)}; at most ${String(UPLOAD_LIMIT)} can be uploaded.`,
    {
      field: "chart.archive",
      hint: "Push the chart to an OCI registry (helm push) and give its URL.",
      details: { size: String(size), limit: String(UPLOAD_LIMIT) },
    },
  );
}

function sizeOf({ documents, set, setString, setJson, setLiteral, setFile }: ValuesInput): number {
  const texts = [documents, set, setString, setJson, setLiteral, setFile?.map(({ content }) => content)];
  return texts
    .flatMap((some) => some ?? [])
    .map((text) => Buffer.byteLength(text))
    .reduce((a, b) => a + b, 0);
}
