import { open } from "node:fs/promises";

const BYTES = 4096;
const LINES = 12;

/** Gives the last lines of a log: what a program said before it died. */
export async function logTail(path: string): Promise<string> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, BYTES));
    await file.read(buffer, 0, buffer.length, Math.max(0, size - BYTES));
    return buffer.toString().trimEnd().split("\n").slice(-LINES).join("\n");
  } catch {
    return "";
  }
}
