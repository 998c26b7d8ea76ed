/** One change of one key. */
export type Edit =
  | { readonly kind: "set"; readonly port: number; readonly value: string }
  /** Where `value` is given, only while it is that. */
  | { readonly kind: "unset"; readonly port: number; readonly value?: string | undefined };

/** What the key has afterwards, and what stood in the way. */
export interface EditResult {
  /** Somebody else's value, which was left alone. */
  readonly stranger?: string | undefined;
  /** The port is somebody else's by now: nothing was written. */
  readonly isLost?: boolean | undefined;
}

/** What a ConfigMap says: its data, and which of its keys are ours. */
export interface Entries {
  readonly data: Readonly<Record<string, string>>;
  readonly ours: ReadonlySet<number>;
}

/**
 * Applies edits to what a ConfigMap says. A key is set where it is free, ours, or
 * says the same already, and removed where it is ours; others' are never touched.
 * Pure.
 */
export function applyEdits(
  before: Entries,
  edits: readonly Edit[],
): { readonly after: Entries; readonly isChanged: boolean; readonly results: readonly EditResult[] } {
  const data: Record<string, string> = { ...before.data };
  const ours = new Set(before.ours);
  let isChanged = false;
  const results = edits.map((edit): EditResult => {
    const key = String(edit.port);
    const known = data[key];
    if (edit.kind === "set") {
      if (known !== undefined && known !== edit.value && !ours.has(edit.port)) return { stranger: known };
      isChanged ||= known !== edit.value || !ours.has(edit.port);
      data[key] = edit.value;
      ours.add(edit.port);
    } else if (ours.has(edit.port) && (edit.value === undefined || edit.value === known)) {
      isChanged = true;
      delete data[key];
      ours.delete(edit.port);
    }
    return {};
  });
  return { after: { data, ours }, isChanged, results };
}

/** Ports as an annotation has them: `20000-20003,20010`. Pure. */
export function formatPorts(ports: ReadonlySet<number>): string {
  const runs: [number, number][] = [];
  for (const port of [...ports].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] + 1 === port) last[1] = port;
    else runs.push([port, port]);
  }
  return runs.map(([from, to]) => (from === to ? String(from) : `${String(from)}-${String(to)}`)).join(",");
}

/** Reads what `formatPorts` has written; what is no port is passed over. Pure. */
export function parsePorts(text: string): Set<number> {
  const ports = new Set<number>();
  for (const run of text.split(",")) {
    const [, from = "", to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(run.trim()) ?? [];
    for (let port = Number(from); from !== "" && port <= Math.min(Number(to), 65_535); port++) ports.add(port);
  }
  return ports;
}
