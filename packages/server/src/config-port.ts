import { BerthError } from "@berth/base";
import { z } from "zod";

const seconds = (most: number) => z.number().min(1).max(most).optional();

/** Limits of the port that are to be others; docs/configuration.md has those that hold. */
export const portSchema = z.strictObject({
  headerBytes: z.number().int().min(4096).max(1_048_576).optional(),
  connections: z.number().int().min(10).max(1_000_000).optional(),
  streams: z.number().int().min(1).max(10_000).optional(),
  receiveSeconds: seconds(3600),
  keepAliveSeconds: seconds(3600),
  idleSessionSeconds: seconds(86_400),
});

/** What is set of the port's limits, in the port's own words. */
export function readLimits(port: z.infer<typeof portSchema>) {
  const { receiveSeconds, keepAliveSeconds, idleSessionSeconds, ...counts } = port;
  const times = { receiveMs: receiveSeconds, keepAliveMs: keepAliveSeconds, idleSessionMs: idleSessionSeconds };
  const set = (all: object) => Object.entries(all).filter(([, value]) => value !== undefined);
  return Object.fromEntries([
    ...set(counts),
    ...set(times).map(([name, value]) => [name, (value as number) * 1000] as const),
  ]) as { readonly [K in keyof typeof times | keyof typeof counts]?: number };
}

/** The variables of TLS. */
interface TlsEnvironment {
  readonly BERTH_TLS_CERT_FILE: string;
  readonly BERTH_TLS_KEY_FILE: string;
  readonly BERTH_TLS_CLIENT_CA_FILE: string;
  readonly BERTH_TLS_MIN_VERSION: "1.2" | "1.3";
}

/** The files of TLS; undefined where there is none. INVALID_ARGUMENT names the one that is missing beside the others. */
export function readTls(env: TlsEnvironment) {
  const [certFile, keyFile, clientCaFile] = [
    env.BERTH_TLS_CERT_FILE,
    env.BERTH_TLS_KEY_FILE,
    env.BERTH_TLS_CLIENT_CA_FILE,
  ];
  if (certFile === "" && keyFile === "" && clientCaFile === "") return undefined;
  for (const field of ["BERTH_TLS_CERT_FILE", "BERTH_TLS_KEY_FILE"] as const) {
    if (env[field] !== "") continue;
    throw new BerthError("INVALID_ARGUMENT", `Configuration (environment): ${field} is missing.`, {
      field,
      hint: "TLS needs a certificate and its key: set both, or neither.",
    });
  }
  return {
    certFile,
    keyFile,
    clientCaFile: clientCaFile === "" ? undefined : clientCaFile,
    minVersion: `TLSv${env.BERTH_TLS_MIN_VERSION}` as const,
  };
}
