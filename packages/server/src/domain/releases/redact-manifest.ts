import { parseAllDocuments, stringify } from "yaml";

import { REDACTED, redactValues } from "./redact.ts";
import type { Json } from "./types.ts";

/** Where kubectl keeps all that it was given. */
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";
/** What is put in place of a document that nobody can read, and that may be a Secret. */
const UNREADABLE = "# (redacted: no document that can be read)\n";

/** A Secret as it stands in a manifest: whatever its fields may be. */
interface Secret {
  readonly metadata?: unknown;
  readonly data?: unknown;
  readonly stringData?: unknown;
}

/** A document of a manifest. */
interface Document {
  readonly text: string;
  /** What it says; undefined where it has no Secret. */
  readonly content: unknown;
  readonly isUnreadable: boolean;
}

/** A manifest in which Secrets can be hidden. */
export interface ManifestSecrets {
  /** Of each Secret; empty where it says none, or cannot be read. */
  readonly namespaces: ReadonlySet<string>;
  /** Hides the data of those that are not shown; says of each text whether it is another than in `before`. */
  redact(isShown: (namespace: string) => boolean, before?: ManifestSecrets): string;
  /** Its data and texts, by the key of a Secret. */
  readonly known: ReadonlyMap<string, Secret>;
}

/** Reads the Secrets of a manifest; whatever may be one and cannot be read is hidden as a whole. Pure. */
export function readSecrets(manifest: string): ManifestSecrets {
  const documents = manifest.split(/^(?=---)/m).map(readDocument);
  const all = documents.flatMap(({ content }) => secretsIn(content));
  const known = new Map(all.map((one) => [keyOf(one), one]));
  return {
    namespaces: new Set([
      ...all.map(namespaceOf),
      ...documents.filter(({ isUnreadable }) => isUnreadable).map(() => ""),
    ]),
    known,
    redact(isShown, before) {
      const hide = (one: Secret) =>
        isShown(namespaceOf(one))
          ? one
          : hideData(one, before === undefined ? undefined : before.known.get(keyOf(one)));
      return documents.map((document) => show(document, isShown, hide)).join("");
    },
  };
}

function readDocument(text: string): Document {
  // A backslash may hide a letter of the word.
  if (!/Secret|\\/.test(text)) return { text, content: undefined, isUnreadable: false };
  try {
    const parsed = parseAllDocuments(text, { merge: true });
    const isBroken = "empty" in parsed ? false : parsed.some(({ errors }) => errors.length > 0);
    const contents = "empty" in parsed ? [] : parsed.map((one): unknown => one.toJS({ maxAliasCount: 100 }));
    const [content, ...others] = contents;
    const isOne = others.length === 0 && (content === undefined || content === null || typeof content === "object");
    return { text, content, isUnreadable: isBroken || !isOne };
  } catch {
    return { text, content: undefined, isUnreadable: true };
  }
}

function show(
  { text, content, isUnreadable }: Document,
  isShown: (namespace: string) => boolean,
  hide: (one: Secret) => Secret,
): string {
  if (isUnreadable) return isShown("") ? text : `${headOf(text)}${UNREADABLE}`;
  if (secretsIn(content).every((one) => isShown(namespaceOf(one)))) return text;
  return headOf(text) + stringify(replaceSecrets(content, hide));
}

/** The line that parts documents, and Helm's word on where this one is from. */
function headOf(text: string): string {
  const source = /^# Source: .*\n/m.exec(text)?.[0] ?? "";
  return `${text.startsWith("---") ? "---\n" : ""}${source}`;
}

/** The Secrets of a document: itself, or what a list has. */
function secretsIn(content: unknown): Secret[] {
  if (isSecret(content)) return [content];
  return itemsOf(content)?.flatMap(secretsIn) ?? [];
}

function replaceSecrets(content: unknown, hide: (one: Secret) => Secret): unknown {
  if (isSecret(content)) return hide(content);
  const items = itemsOf(content);
  if (items === undefined) return content;
  return { ...(content as object), items: items.map((one) => replaceSecrets(one, hide)) };
}

/** Items of a list of any kind; a SecretList's need not say what they are. */
function itemsOf(content: unknown): unknown[] | undefined {
  if (typeof content !== "object" || content === null) return undefined;
  const { kind, items } = content as { readonly kind?: unknown; readonly items?: unknown };
  if (!Array.isArray(items)) return undefined;
  const isSecrets = kind === "SecretList";
  const named = (one: unknown) =>
    isSecrets && typeof one === "object" ? { apiVersion: "v1", kind: "Secret", ...one } : one;
  return items.map(named);
}

function hideData(one: Secret, before: Secret | undefined): Secret {
  const hidden = (field: "data" | "stringData") => {
    if (one[field] === undefined || one[field] === null) return {};
    if (typeof one[field] !== "object") return { [field]: REDACTED };
    const known = before?.[field];
    return { [field]: redactValues(one[field] as Json, isObject(known) ? known : undefined) };
  };
  return { ...one, ...hiddenAnnotation(one), ...hidden("data"), ...hidden("stringData") };
}

/** kubectl's note of all that it was given. */
function hiddenAnnotation({ metadata }: Secret) {
  const annotations = isObject(metadata) ? metadata["annotations"] : undefined;
  if (!isObject(annotations) || !Object.hasOwn(annotations, LAST_APPLIED)) return {};
  return { metadata: { ...(metadata as object), annotations: { ...annotations, [LAST_APPLIED]: REDACTED } } };
}

function isSecret(content: unknown): content is Secret {
  return isObject(content) && content["kind"] === "Secret" && content["apiVersion"] === "v1";
}

function isObject(value: unknown): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function namespaceOf({ metadata }: Secret): string {
  const namespace = isObject(metadata) ? metadata["namespace"] : undefined;
  return typeof namespace === "string" ? namespace : "";
}

function keyOf(one: Secret): string {
  return JSON.stringify([namespaceOf(one), isObject(one.metadata) ? one.metadata["name"] : ""]);
}
