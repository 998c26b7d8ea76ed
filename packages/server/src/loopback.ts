import { isIP } from "node:net";

/** Whether an address or host name is this machine's own. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
