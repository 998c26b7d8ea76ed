import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const repository = join(import.meta.dirname, "../..");

/** Lines of a page that are to be typed, and what it shows to be answered. */
export interface GuideStep {
  readonly heading: string;
  readonly lines: string;
  readonly reply: string | undefined;
}

/** Reads the `sh` blocks of a page, each with the `json` block that follows it at once. */
export async function readGuide(page: string): Promise<readonly GuideStep[]> {
  const text = await readFile(join(repository, page), "utf8");
  const steps: GuideStep[] = [];
  let heading = "";
  const pattern = /^#+ (?<title>.+)$|^```sh\n(?<lines>[^]*?)^```\n(?:\n```json\n(?<reply>[^]*?)^```)?/gm;
  for (const { groups = {} } of text.matchAll(pattern)) {
    if (groups["title"] !== undefined) heading = groups["title"];
    else steps.push({ heading, lines: groups["lines"] ?? "", reply: groups["reply"] });
  }
  assert.ok(steps.length > 0, `${page} has lines to type`);
  return steps;
}

/** All `sh` lines of a page's section. */
export async function linesOf(page: string, section: string): Promise<string> {
  const text = await readFile(join(repository, page), "utf8");
  const part = text.split(/^## /m).find((one) => one.startsWith(`${section}\n`)) ?? "";
  const blocks = [...part.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block ?? "");
  assert.ok(blocks.length > 0, `${page} has no lines in "${section}"`);
  return blocks.join("\n");
}

/** Types lines into a shell, and gives what they print. curl is quiet, and an error's answer is printed, too. */
export async function typeLines(lines: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const script = `set -e\ncurl() { command curl -sS "$@"; echo; }\n${lines}`;
  const options = { cwd: repository, env: { PATH: process.env["PATH"], ...env }, timeout: 120_000 };
  return (await promisify(execFile)("bash", ["-c", script], options)).stdout;
}

/**
 * Asserts that an answer is what the page shows: all that it shows is there, and the same; the rest it leaves out. What
 * is another each time (addresses, ports that were chosen, names that were made, digests) is compared by its kind.
 */
export function assertShown(step: GuideStep, printed: string): void {
  assert.ok(step.reply !== undefined);
  const where = `${step.heading}: ${step.lines}\n${printed}`;
  const wanted: unknown = JSON.parse(toKinds(step.reply));
  const found: unknown = JSON.parse(toKinds(printed));
  assert.ok(contains(found, wanted), `${where}\nis not\n${step.reply}`);
}

function toKinds(text: string): string {
  return text
    .replaceAll(/\b\d+\.\d+\.\d+\.\d+\b/g, "ADDRESS")
    .replaceAll(/-\d{10}\b/g, "-NUMBER")
    .replaceAll(/"port": ?200\d\d/g, '"port":200')
    .replaceAll(/op-[a-z0-9]{10,}/g, "OPERATION")
    .replaceAll(/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replaceAll(/sha256:[0-9a-f]{64}/g, "DIGEST");
}

/** Whether all that is wanted is found: of an object its fields, of a list its members. */
function contains(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(found) && wanted.every((one) => found.some((other) => contains(other, one)));
  }
  if (typeof wanted !== "object" || wanted === null) return found === wanted;
  if (typeof found !== "object" || found === null) return false;
  return Object.entries(wanted).every(([key, value]) => contains((found as Record<string, unknown>)[key], value));
}
