import { BerthError } from "@berth/base";

import type { CallbackEndpoint } from "./types.ts";

/** The receivers of the configuration. */
export interface Endpoints {
  /** The receiver that covers a URL, the one that says most of it; undefined where none does. */
  find(url: string): CallbackEndpoint | undefined;
  /** INVALID_ARGUMENT where a URL is given that no receiver covers. */
  check(url: string | undefined): void;
}

/** Knows the receivers of the configuration. */
export function createEndpoints(endpoints: readonly CallbackEndpoint[]): Endpoints {
  const longestFirst = [...endpoints].sort((a, b) => b.url.length - a.url.length);
  const find = (url: string) => {
    const wanted = URL.parse(url);
    if (wanted === null || !isPlain(wanted)) return undefined;
    return longestFirst.find((endpoint) => covers(new URL(endpoint.url), wanted));
  };
  return {
    find,
    check(url) {
      if (url === undefined || find(url) !== undefined) return;
      throw new BerthError("INVALID_ARGUMENT", "The callback URL is not one that may be told.", {
        field: "policy.callback_url",
        hint: "Use a URL that `callbacks` of Berth's configuration covers, or ask whoever runs Berth to add it.",
      });
    },
  };
}

/**
 * Whether a URL says where it leads: no user, no fragment, and no slash in
 * disguise, which some receivers read as one and so leave the path we allow.
 */
function isPlain({ username, password, hash, pathname }: URL): boolean {
  return username === "" && password === "" && hash === "" && !/%2f|%5c/i.test(pathname);
}

function covers(own: URL, wanted: URL): boolean {
  if (own.origin !== wanted.origin) return false;
  return wanted.pathname === own.pathname || (own.pathname.endsWith("/") && wanted.pathname.startsWith(own.pathname));
}
