import type { OperationAnswer } from "./answers.ts";
import type { TestBerth } from "./berth.ts";
import { CONFIG_MAP } from "./charts.ts";

/** An operation whose end is told. */
export type Told = OperationAnswer & { readonly callback: string };

/** Asks for an install whose end is told, and gives its answer. */
export async function install(
  by: TestBerth,
  name: string,
  url: string,
  more: Record<string, unknown> = {},
  headers: Readonly<Record<string, string>> = {},
) {
  const chart = await by.charts.write(name, { "templates/config.yaml": CONFIG_MAP });
  const body = { name, chart: { path: chart }, policy: { callback_url: url }, ...more };
  return by.request<Told>("POST", by.releases, body, headers);
}

interface Stored {
  readonly metadata: { readonly namespace: string };
  readonly status: {
    readonly callback?: { readonly state: string; readonly attempts: number; readonly reason?: string };
  };
}

/** The operation's callback as it is stored. */
export async function stored(by: TestBerth, id: string) {
  const found = await by.object<Stored>(`apis/berth.dev/v1alpha1/namespaces/${by.home}/operations/${id}`);
  return found?.status.callback;
}

/** Asks until there is an answer. */
export async function until<T>(ask: () => Promise<T | undefined> | T | undefined, ms = 40_000): Promise<T> {
  for (const end = Date.now() + ms; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const found = await ask();
    if (found !== undefined) return found;
  }
  throw new Error("It did not happen in time.");
}

/** Waits until a callback is in a state, and gives how it is stored. */
export function callbackIs(by: TestBerth, id: string, state: string) {
  return until(async () => {
    const callback = await stored(by, id);
    return callback?.state === state ? callback : undefined;
  });
}
