/** Rows under their titles. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A table as kubectl prints one: columns three blanks apart, no lines; without columns no titles. */
export function formatTable({ columns, rows }: Table): string {
  const titled = columns.length === 0 ? rows : [columns, ...rows];
  const all = titled.map((row) => row.map((cell) => onOneLine(cell)));
  const widths = (all[0] ?? []).map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("   ");
  return all.map((row) => `${line(row).trimEnd()}\n`).join("");
}

/** Text of the server's without what a terminal would take for a command. */
export function plainText(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what is taken away
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "");
}

/** Blanks at the beginning stay: they are what a tree is drawn with. */
function onOneLine(text: string): string {
  return plainText(text)
    .replaceAll(/[^\S ]+/g, " ")
    .replaceAll(/(?<=\S) +/g, " ");
}
