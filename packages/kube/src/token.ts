import type { Clock, Logger } from "@berth/base";

import type { ClusterConnection } from "./connection.ts";
import { readTextFile } from "./text-file.ts";

/** How long a token read from a file is used, in milliseconds; the kubelet renews it long before it expires. */
const FRESH = 60_000;

/**
 * Gives the bearer token of now; undefined where there is none. Told which one the API server has refused, it reads the
 * file again at once.
 */
export type TokenSource = (refused?: string) => Promise<string | undefined>;

/** Makes the token source of a connection. A file that cannot be read leaves the last token. */
export function createTokenSource(connection: ClusterConnection, log: Logger, clock: Clock): TokenSource {
  const { tokenFile } = connection;
  let token = connection.token === "" ? undefined : connection.token;
  if (tokenFile === undefined) return () => Promise.resolve(token);
  let readAt = token === undefined ? -Infinity : clock.monotonic();
  return async (refused) => {
    const isRefused = refused !== undefined && refused === token;
    if (!isRefused && clock.monotonic() - readAt < FRESH) return token;
    readAt = clock.monotonic();
    try {
      token = (await readTextFile(tokenFile, "token")).trim();
    } catch (error) {
      log.warn({ error }, "the token file cannot be read; the last token is used");
    }
    return token;
  };
}
