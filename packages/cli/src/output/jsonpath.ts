import { JSONPathError, query } from "json-p3";

import { CliError } from "../errors.ts";

/**
 * A template as `kubectl -o jsonpath=` has it: text, {.path.of[*].fields}, {"quoted text"} and {range .list[*]}…{end}.
 * Paths are those of RFC 9535 with or without the leading $; several values are divided by blanks.
 */
export function formatJsonPath(template: string, data: unknown): string {
  const parts = parse(template);
  const end = { at: 0 };
  const text = render(parts, data, end);
  if (end.at < parts.length) throw invalid("there is an {end} without its {range}");
  return text;
}

type Part = { readonly type: "text" | "path" | "range"; readonly value: string } | { readonly type: "end" };

function parse(template: string): Part[] {
  const parts: Part[] = [];
  // A brace inside quotes is none.
  const pattern = /\{((?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^{}"'])*)\}|([^{}]+)|[{}]/gs;
  for (const [whole, inner, text] of template.matchAll(pattern)) {
    if (text !== undefined) parts.push({ type: "text", value: text });
    else if (inner === undefined) throw invalid(`"${whole}" has no counterpart`);
    else parts.push(toPart(inner.trim()));
  }
  // kubectl takes a path without braces too.
  const [only] = parts;
  if (parts.length === 1 && only?.type === "text" && /^[.$]/.test(only.value)) return [{ ...only, type: "path" }];
  return parts;
}

function toPart(inner: string): Part {
  if (inner === "end") return { type: "end" };
  if (/^range\s/.test(inner)) return { type: "range", value: inner.replace(/^range\s+/, "") };
  const quoted = /^(["'])(.*)\1$/s.exec(inner)?.[2];
  if (quoted !== undefined) return { type: "text", value: quoted.replaceAll("\\n", "\n").replaceAll("\\t", "\t") };
  return { type: "path", value: inner };
}

function render(parts: readonly Part[], data: unknown, position: { at: number }): string {
  let text = "";
  while (position.at < parts.length) {
    const part = parts[position.at] as Part;
    if (part.type === "end") return text;
    position.at++;
    if (part.type === "text") text += part.value;
    else if (part.type === "path") text += find(part.value, data).map(toText).join(" ");
    else text += renderRange(parts, find(part.value, data), position);
  }
  return text;
}

function renderRange(parts: readonly Part[], items: readonly unknown[], position: { at: number }): string {
  const start = position.at;
  const after = endOf(parts, start);
  const texts = items.map((item) => render(parts, item, { at: start }));
  position.at = after + 1;
  return texts.join("");
}

function endOf(parts: readonly Part[], start: number): number {
  let depth = 1;
  for (let at = start; at < parts.length; at++) {
    const { type } = parts[at] as Part;
    if (type === "range") depth++;
    if (type === "end" && --depth === 0) return at;
  }
  throw invalid("a {range} has no {end}");
}

function find(path: string, data: unknown): unknown[] {
  const full = path.startsWith("$") ? path : `$${/^[.[]/.test(path) ? path : `.${path}`}`;
  try {
    return query(full === "$." ? "$" : full, data as never).values();
  } catch (error) {
    throw error instanceof JSONPathError ? invalid(error.message) : error;
  }
}

function toText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function invalid(why: string): CliError {
  return new CliError(`The jsonpath is not valid: ${why}.`, "Such as -o jsonpath='{.releases[*].name}'.");
}
