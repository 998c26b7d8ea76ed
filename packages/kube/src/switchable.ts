import type { KubeClient } from "./client.ts";

/** A client whose credentials can be others from one moment to the next. */
export interface SwitchableClient extends KubeClient {
  /** Asks by `next` from now on, and breaks what is under way by the one before: watches go on where they were. */
  switchTo(next: KubeClient): Promise<void>;
}

/** Makes a client that asks by another one, which can be exchanged for one of the same API server. */
export function createSwitchableClient(first: KubeClient): SwitchableClient {
  let current = first;
  return {
    request: (request) => current.request(request),
    stream: (request) => current.stream(request),
    version: (signal) => current.version(signal),
    pulse: () => current.pulse(),
    close: () => current.close(),
    async switchTo(next) {
      const before = current;
      current = next;
      await before.close();
    },
  };
}
