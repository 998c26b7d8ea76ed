import { parse } from "yaml";

import { CliError } from "../errors.ts";

/** A document of a rendered manifest. */
export interface RenderedDocument {
  /** Path of its template, with the chart's name before it; empty where Helm does not say. */
  readonly source: string;
  /** The document with its first line, `---`. */
  readonly text: string;
}

/** Divides a manifest into its documents. */
export function toDocuments(manifest: string): RenderedDocument[] {
  const texts = manifest.split(/^---[ \t]*\n/m).filter((text) => text.trim() !== "");
  return texts.map((text) => ({ source: /^# Source: (.+)$/m.exec(text)?.[1] ?? "", text: `---\n${text}` }));
}

/** A manifest whose Secrets are not shown, in Helm's words. */
export function hideSecrets(manifest: string): string {
  return toDocuments(manifest)
    .map(({ source, text }) => {
      const isSecret = (parse(text, { logLevel: "silent" }) as { kind?: unknown } | null)?.kind === "Secret";
      return isSecret ? `---\n# Source: ${source}\n# HIDDEN: The Secret output has been suppressed\n` : text;
    })
    .join("");
}

/** The documents of some templates, named by their paths within the chart; CliError where there is none of a name. */
export function ofTemplates(documents: readonly RenderedDocument[], patterns: readonly string[]): RenderedDocument[] {
  return patterns.flatMap((pattern) => {
    const wanted = toPattern(pattern);
    const found = documents.filter(({ source }) => wanted.test(source.slice(source.indexOf("/") + 1)));
    if (found.length === 0) throw new CliError(`The chart renders nothing from ${pattern}.`, "berth show files CHART");
    return found;
  });
}

/** A path in which * and ? stand for what is not a slash. */
function toPattern(pattern: string): RegExp {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("*", "[^/]*").replaceAll("?", "[^/]")}$`);
}
