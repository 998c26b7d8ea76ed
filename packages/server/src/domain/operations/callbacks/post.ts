import { lookup as resolve } from "node:dns";
import { isIP } from "node:net";
import type { LookupFunction } from "node:net";

import { BerthError, boundText } from "@berth/base";
import { Agent, buildConnector } from "undici";
import type { Dispatcher } from "undici";

import { refusedAddress } from "./egress.ts";
import type { Egress } from "./egress.ts";

/** How long one sending may take, in milliseconds. */
const TIMEOUT = 10_000;
/** Bytes of an answer that are read, and forgotten. */
const MAX_ANSWER = 64 * 1024;

/** What a sending came to. */
export type Receipt =
  | { readonly kind: "delivered" }
  /** The receiver wants no more of it. */
  | { readonly kind: "gone"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string };

/** A body on its way. */
export interface Posting {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends to receivers that share one trust. */
export interface Poster {
  /** Sends once; never rejects. A redirect is followed nowhere and is a failure. */
  post(posting: Posting, signal: AbortSignal): Promise<Receipt>;
  close(): Promise<void>;
}

/** Makes a poster. `certificateAuthority`: PEM; Node's own authorities where absent. */
export function createPoster(egress: Egress, certificateAuthority?: string): Poster {
  const agent = new Agent({
    connect: createConnector(egress, certificateAuthority),
    keepAliveTimeout: 1000,
    headersTimeout: TIMEOUT,
    bodyTimeout: TIMEOUT,
  });
  return {
    async post({ url, headers, body }, signal) {
      const late = AbortSignal.timeout(TIMEOUT);
      try {
        const { origin, pathname, search } = url;
        const both = AbortSignal.any([signal, late]);
        const path = pathname + search;
        const answer = await agent.request({ method: "POST", origin, path, headers, body, signal: both });
        // What it says besides its status is of no matter.
        await answer.body.dump({ limit: MAX_ANSWER, signal: both }).catch(() => undefined);
        return toReceipt(answer.statusCode);
      } catch (error) {
        return { kind: "failed", reason: late.aborted ? "It did not answer in time." : reasonOf(error, signal) };
      }
    },
    close: () => agent.destroy(),
  };
}

/** Opens sockets only where the egress policy allows: after DNS, to the very address that was judged. */
function createConnector(egress: Egress, certificateAuthority: string | undefined): buildConnector.connector {
  const connect = buildConnector({
    ...{ allowH2: false, timeout: TIMEOUT, lookup: createLookup(egress) },
    ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
  });
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, "");
    try {
      egress.checkHost(host);
      // An address is never looked up.
      if (isIP(host) !== 0 && !egress.allows(host)) throw refusedAddress(host);
    } catch (error) {
      queueMicrotask(() => callback(error as BerthError, null));
      return;
    }
    connect(options, callback);
  };
}

function createLookup(egress: Egress): LookupFunction {
  return (host, options, callback) => {
    resolve(host, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, "");
      const allowed = found.filter(({ address }) => egress.allows(address));
      const [first] = allowed;
      if (first === undefined) return callback(refusedAddress(found[0]?.address ?? host), "");
      if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

function toReceipt(status: Dispatcher.ResponseData["statusCode"]): Receipt {
  if (status >= 200 && status < 300) return { kind: "delivered" };
  const reason = `It answered ${String(status)}.`;
  return { kind: status === 410 ? "gone" : "failed", reason };
}

/** Why nothing was sent or answered; a foreign error's text says more than it should, its code does not. */
function reasonOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return "Berth stopped while it was told.";
  if (error instanceof BerthError) return boundText(error.message, 300);
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? `It cannot be reached: ${boundText(code, 100)}.` : "It cannot be reached.";
}
