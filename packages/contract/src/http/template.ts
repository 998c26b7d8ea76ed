/**
 * Path templates of google.api.http:
 *
 *     Template = "/" Segments [ Verb ] ;
 *     Segments = Segment { "/" Segment } ;
 *     Segment  = "*" | "**" | LITERAL | Variable ;
 *     Variable = "{" FieldPath [ "=" Segments ] "}" ;
 *     Verb     = ":" LITERAL ;
 */
export interface Template {
  readonly segments: readonly Segment[];
  /** Empty where there is none. */
  readonly verb: string;
  readonly variables: readonly Variable[];
}

type Segment =
  { readonly type: "literal"; readonly text: string } | { readonly type: "one" } | { readonly type: "rest" };

/** A field that is filled from the segments `from` to `to` (exclusive; the end where undefined). */
interface Variable {
  readonly field: string;
  readonly from: number;
  readonly to: number | undefined;
}

/** Compiles a template; throws where it is none. */
export function compileTemplate(text: string): Template {
  const verbAt = /:([^/{}]+)$/.exec(text);
  const verb = verbAt?.[1] ?? "";
  const path = verb === "" ? text : text.slice(0, -(verb.length + 1));
  if (!path.startsWith("/")) throw new Error(`A template begins with "/": ${text}`);
  const segments: Segment[] = [];
  const variables: Variable[] = [];
  for (const part of splitPath(path.slice(1))) {
    const variable = /^\{([A-Za-z_][\w.]*)(?:=(.+))?\}$/.exec(part);
    const from = segments.length;
    for (const one of variable === null ? [part] : (variable[2] ?? "*").split("/")) segments.push(toSegment(one, text));
    const isOpen = segments.at(-1)?.type === "rest";
    if (variable !== null) variables.push({ field: variable[1] ?? "", from, to: isOpen ? undefined : segments.length });
  }
  if (segments.slice(0, -1).some(({ type }) => type === "rest")) throw new Error(`"**" stands last: ${text}`);
  return { segments, verb, variables };
}

function splitPath(path: string): string[] {
  return path.match(/\{[^}]*\}|[^/{}]+/g) ?? [];
}

function toSegment(text: string, template: string): Segment {
  if (text === "*") return { type: "one" };
  if (text === "**") return { type: "rest" };
  if (/^[^*{}:]+$/.test(text)) return { type: "literal", text };
  throw new Error(`"${text}" is no segment: ${template}`);
}

/**
 * Matches a path (undecoded, without query) and gives the fields' values;
 * undefined where it does not fit. A value of one segment is decoded wholly, one
 * of several keeps its encoded slashes.
 */
export function matchTemplate(template: Template, path: string): Record<string, string> | undefined {
  let parts = path.slice(1).split("/");
  if (template.verb !== "") {
    const last = parts.at(-1) ?? "";
    if (!last.endsWith(`:${template.verb}`)) return undefined;
    parts = [...parts.slice(0, -1), last.slice(0, -(template.verb.length + 1))];
  }
  const { segments } = template;
  const isOpen = segments.at(-1)?.type === "rest";
  if (isOpen ? parts.length < segments.length - 1 : parts.length !== segments.length) return undefined;
  const fits = segments.every((segment, i) => {
    const part = parts[i];
    if (segment.type === "rest") return true;
    return segment.type === "one" ? part !== undefined && part !== "" : part === segment.text;
  });
  if (!fits) return undefined;
  const values: Record<string, string> = {};
  for (const { field, from, to } of template.variables) {
    const taken = parts.slice(from, to);
    const value = taken.length === 1 ? decode(taken[0] ?? "") : decode(taken.join("/"), true);
    if (value === undefined) return undefined;
    values[field] = value;
  }
  return values;
}

function decode(text: string, keepSlashes = false): string | undefined {
  try {
    return decodeURIComponent(keepSlashes ? text.replace(/%2f/gi, "%252F") : text);
  } catch {
    return undefined;
  }
}
