/** Where a Go file makes an error: `problem.New("CODE"`, or a literal with `Code: "CODE"`. */
const USES = [/problem\.\w+\(\s*"(?<code>[A-Z][A-Z0-9_]+)"/g, /\bCode:\s*"(?<code>[A-Z][A-Z0-9_]+)"/g];

/** Error codes that a Go source uses, each once, sorted. */
export function codesOfGoSource(source: string): string[] {
  const found = USES.flatMap((use) => [...source.matchAll(use)].map((match) => match.groups?.["code"] ?? ""));
  return [...new Set(found)].sort();
}
