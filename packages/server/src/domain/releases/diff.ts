import { createTwoFilesPatch } from "diff";
import { parseAllDocuments } from "yaml";
import { z } from "zod";

import type { ObjectName } from "@berth/base";

import type { ObjectChange, RevisionContent, RevisionDiff } from "./types.ts";

const manifestObject = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.object({ name: z.string(), namespace: z.string().default("") }),
});

type Pair = readonly [from: RevisionContent, to: RevisionContent];

/** Compares two revisions; the texts are those of `shown`, what the caller may see of them. Pure. */
export function diffRevisions([from, to]: Pair, shown: Pair): RevisionDiff {
  return {
    from: from.release.revision,
    to: to.release.revision,
    manifest: patch("manifest", ...shown, (content) => content.manifest),
    values: patch("values", ...shown, (content) => content.valuesYaml),
    objects: diffObjects(from.manifest, to.manifest),
    redacted: shown.some(({ redacted }) => redacted.values || redacted.manifest),
  };
}

function patch(
  what: string,
  from: RevisionContent,
  to: RevisionContent,
  text: (content: RevisionContent) => string,
): string {
  const [before, after] = [text(from), text(to)];
  if (before === after) return "";
  const label = (content: RevisionContent) => `${what} of revision ${String(content.release.revision)}`;
  return createTwoFilesPatch(label(from), label(to), before, after, "", "", { context: 3 });
}

function diffObjects(before: string, after: string): ObjectChange[] {
  const [old, fresh] = [objectsOf(before), objectsOf(after)];
  const changes: ObjectChange[] = [];
  for (const [key, { object, text }] of fresh) {
    const previous = old.get(key);
    if (previous === undefined) changes.push({ object, change: "added" });
    else if (previous.text !== text) changes.push({ object, change: "changed" });
  }
  for (const [key, { object }] of old) {
    if (!fresh.has(key)) changes.push({ object, change: "removed" });
  }
  return changes;
}

/** Objects of a manifest by identity; the text is canonical, so comments and order do not count. */
function objectsOf(manifest: string): Map<string, { object: ObjectName; text: string }> {
  const objects = new Map<string, { object: ObjectName; text: string }>();
  for (const document of parseAllDocuments(manifest)) {
    const content: unknown = document.toJS({ maxAliasCount: 100 });
    const parsed = manifestObject.safeParse(content);
    if (!parsed.success) continue;
    const { apiVersion, kind, metadata } = parsed.data;
    const object = { apiVersion, kind, namespace: metadata.namespace, name: metadata.name };
    objects.set([kind, metadata.namespace, metadata.name].join("/"), { object, text: JSON.stringify(content) });
  }
  return objects;
}
