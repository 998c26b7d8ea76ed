import type { LogLine } from "./types.ts";

/** Bytes of a line that are told. */
const MAX_LINE = 64 * 1024;
/** Lines that are told at once. */
const MAX_LINES = 500;
const LINE_FEED = 10;
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z) /;

/**
 * Cuts what a container prints into lines, those of one chunk together. Of a
 * line that is too long only the beginning is kept; the last may have no line feed.
 */
export async function* readLogLines(
  chunks: AsyncIterable<Buffer>,
  timestamps: boolean,
  maxLine: number = MAX_LINE,
): AsyncGenerator<readonly LogLine[]> {
  let parts: Buffer[] = [];
  let size = 0;
  let cut = false;
  const take = (part: Buffer) => {
    const kept = part.subarray(0, Math.max(0, maxLine - size));
    cut ||= kept.length < part.length;
    if (kept.length > 0) parts.push(kept);
    size += kept.length;
  };
  const finish = (): LogLine => {
    const line = toLine(Buffer.concat(parts, size).toString("utf8"), timestamps, cut);
    parts = [];
    size = 0;
    cut = false;
    return line;
  };
  for await (const chunk of chunks) {
    let lines: LogLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      take(chunk.subarray(start, end));
      lines.push(finish());
      start = end + 1;
      if (lines.length < MAX_LINES) continue;
      yield lines;
      lines = [];
    }
    if (start < chunk.length) take(chunk.subarray(start));
    if (lines.length > 0) yield lines;
  }
  if (size > 0 || cut) yield [finish()];
}

function toLine(raw: string, timestamps: boolean, cut: boolean): LogLine {
  const text = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
  const found = timestamps ? TIME.exec(text) : null;
  if (found === null) return { text, time: "", cut };
  return { text: text.slice(found[0].length), time: found[1] ?? "", cut };
}
