import type { ErrorKind } from "@berth/base";

/** Path of the page, relative to the root. */
export const ERRORS_PAGE = "docs/errors.md";

/** What a code says of itself. */
interface DocumentedCode {
  readonly kind: ErrorKind;
  readonly title: string;
  readonly hint: string;
}

const HEAD = `# Error codes

<!-- Generated from packages/base/src/error-codes.ts by tools/docs/errors.ts. Do not edit. -->

Every error of Berth carries one code of this list, as \`code\` in problem details (RFC 9457) and in an operation's
\`error\`. A code is stable: it never changes its meaning. Beside it stand a message, the \`field\` of the request at fault
where there is one, and a \`hint\` that says what to do next; the hints below are used where the place of the error has
nothing better to say. The kind decides the status of each protocol.

A request that is refused before anything is changed answers with an HTTP error status and problem details. A write that
ran and failed answers 200 with an operation whose \`state\` says so and whose \`error\` has the code.
`;

/** Writes the page of error codes: one section a code, in the order of the table. */
export function renderErrorsPage(codes: Readonly<Record<string, DocumentedCode>>): string {
  const sections = Object.entries(codes).map(([code, entry]) => renderCode(code, entry));
  return [HEAD, ...sections].join("\n");
}

/** The codes that a page documents, in its order. */
export function documentedCodes(page: string): string[] {
  return [...page.matchAll(/^## (?<code>\S+)$/gm)].map((match) => match.groups?.["code"] ?? "");
}

function renderCode(code: string, { kind, title, hint }: DocumentedCode): string {
  return `## ${code}\n\n${title}. Kind: \`${kind}\`.\n\n${hint}\n`;
}
