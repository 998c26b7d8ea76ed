/** A pattern, without anchors, of the decimal numbers from one to another, neither negative, without leading zeros. */
export function rangePattern(from: bigint, to: bigint): string {
  const parts: string[] = [];
  for (let low = from; low <= to;) {
    const length = low.toString().length;
    const high = 10n ** BigInt(length) - 1n;
    const end = high < to ? high : to;
    parts.push(...sameLength(low.toString(), end.toString()));
    low = end + 1n;
  }
  return parts.length === 1 ? (parts[0] as string) : `(${parts.join("|")})`;
}

function sameLength(low: string, high: string): string[] {
  const [a = "", b = ""] = [low[0], high[0]];
  const rest = low.length - 1;
  if (rest === 0) return [digits(a, b)];
  const any = (first: string) => [`${first}[0-9]${rest === 1 ? "" : `{${String(rest)}}`}`];
  const isWhole = /^0+$/.test(low.slice(1)) && /^9+$/.test(high.slice(1));
  if (isWhole) return any(digits(a, b));
  if (a === b) return sameLength(low.slice(1), high.slice(1)).map((tail) => a + tail);
  const lower = sameLength(low, a + "9".repeat(rest));
  const upper = sameLength(b + "0".repeat(rest), high);
  const [from, to] = [Number(a) + 1, Number(b) - 1];
  return [...lower, ...(from > to ? [] : any(digits(String(from), String(to)))), ...upper];
}

function digits(from: string, to: string): string {
  return from === to ? from : `[${from}-${to}]`;
}
