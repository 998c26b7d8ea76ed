import { styleText } from "node:util";

import type { Io, Output } from "../io.ts";

/** `--color never|auto|always`, wherever it stands in the line: errors of the line itself have it too. */
export function withColor(io: Io, args: readonly string[]): Io {
  const at = args.findIndex((word) => /^--colou?r(=|$)/.test(word));
  if (at < 0) return io;
  const when = args[at]?.split("=")[1] ?? args[at + 1];
  if (when === "never") return { ...io, env: { ...io.env, NO_COLOR: "1" } };
  return when === "always" ? { ...io, env: { ...io.env, NO_COLOR: "", FORCE_COLOR: "1" } } : io;
}

/** Colours where somebody sees them: on a terminal or with FORCE_COLOR, and never where NO_COLOR is set. */
export function paint({ env }: Io, output: Output, color: "green" | "red" | "yellow" | "dim", text: string): string {
  const isSeen = output.isTerminal && env["TERM"] !== "dumb";
  const isOn = (env["NO_COLOR"] ?? "") === "" && (isSeen || (env["FORCE_COLOR"] ?? "") !== "");
  return isOn ? styleText(color, text, { validateStream: false }) : text;
}

/** A diff with its lines in colour. */
export function paintDiff(io: Io, diff: string): string {
  return diff
    .split("\n")
    .map((line) => {
      if (line.startsWith("+")) return paint(io, io.stdout, "green", line);
      return line.startsWith("-") ? paint(io, io.stdout, "red", line) : line;
    })
    .join("\n");
}
