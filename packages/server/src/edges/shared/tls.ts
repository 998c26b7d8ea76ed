import { constants, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, Server as TlsServer } from "node:tls";
import type { SecureVersion, TLSSocket } from "node:tls";

import { BerthError } from "@berth/base";
import type { Logger } from "@berth/base";

/** Between two looks at the files, in milliseconds: Kubernetes swaps a link, which few watches tell of. */
const LOOK = 5_000;
/** Until a connection has agreed on its keys. */
const HANDSHAKE = 10_000;

/** Where a port has its certificate from. */
export interface TlsFiles {
  /** PEM: the certificate, then those between it and its authority. */
  readonly certFile: string;
  readonly keyFile: string;
  /** PEM of the authorities of clients; absent: clients need no certificate. */
  readonly clientCaFile?: string | undefined;
  readonly minVersion: SecureVersion;
}

/** TLS for a port, with files that may change. */
export interface Tls {
  readonly server: TlsServer;
  /** Whether a caller has shown the certificate that is asked of it; true where none is. */
  isKnown(socket: object): boolean;
  /** When the certificate ends, in seconds of Unix time. */
  expiry(): number;
  stop(): void;
}

interface Material {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer | undefined;
}

/**
 * Opens TLS with HTTP/2 and HTTP/1.1 by ALPN. The files are read again each few seconds: connections made from then
 * on get what is new, open ones go on with what they have. What cannot be used is logged, and the old one stays.
 */
export async function openTls(files: TlsFiles, log: Logger, lookMs = LOOK): Promise<Tls> {
  const { clientCaFile, minVersion } = files;
  const wantsClients = clientCaFile !== undefined;
  let last = await readMaterial(files);
  let inUse = last;
  checkMaterial(last, files);
  const options = {
    minVersion,
    // A session that is taken up again would not be asked for its certificate again.
    ...(wantsClients ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
  };
  const server = new TlsServer({
    ...{ ...options, ...last, ALPNProtocols: ["h2", "http/1.1"], handshakeTimeout: HANDSHAKE },
    // Who comes without is refused request by request: a kubelet, which has none, may ask for health.
    ...{ requestCert: wantsClients, rejectUnauthorized: false },
  });
  const look = async () => {
    try {
      const next = await readMaterial(files);
      if (isSame(last, next)) return;
      last = next;
      checkMaterial(next, files);
      server.setSecureContext({ ...options, ...next });
      inUse = next;
      log.info({ file: files.certFile }, "the certificate was read again");
    } catch (error) {
      log.warn({ file: files.certFile, error }, "the certificate cannot be read again: the old one stays");
    }
  };
  let looking = Promise.resolve();
  const timer = setInterval(() => void (looking = looking.then(look)), lookMs).unref();
  return {
    server,
    isKnown: (socket) => !wantsClients || (socket as Partial<TLSSocket>).authorized === true,
    expiry: () => Date.parse(new X509Certificate(inUse.cert).validTo) / 1000,
    stop: () => clearInterval(timer),
  };
}

async function readMaterial({ certFile, keyFile, clientCaFile }: TlsFiles): Promise<Material> {
  const [cert, key, ca] = await Promise.all([
    read("BERTH_TLS_CERT_FILE", certFile),
    read("BERTH_TLS_KEY_FILE", keyFile),
    clientCaFile === undefined ? undefined : read("BERTH_TLS_CLIENT_CA_FILE", clientCaFile),
  ]);
  return { cert, key, ca };
}

async function read(field: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw refused(field, "cannot be read", "Give the path of a PEM file.", cause);
  }
}

function checkMaterial(material: Material, { minVersion }: TlsFiles): void {
  const { cert, key, ca } = material;
  try {
    createSecureContext({ cert, key, minVersion });
  } catch (cause) {
    const hint = "Give a certificate and its own key, both PEM, the key without a passphrase.";
    throw refused("BERTH_TLS_CERT_FILE", "has no certificate with the key of BERTH_TLS_KEY_FILE", hint, cause);
  }
  if (ca === undefined) return;
  // OpenSSL takes a file without certificates, and then trusts nobody.
  const isNone = !ca.includes("-----BEGIN CERTIFICATE-----");
  try {
    if (isNone) throw new Error("There is no certificate in it.");
    createSecureContext({ ca });
  } catch (cause) {
    throw refused("BERTH_TLS_CLIENT_CA_FILE", "has no certificates", "Give certificates of authorities, PEM.", cause);
  }
}

function isSame(a: Material, b: Material): boolean {
  return a.cert.equals(b.cert) && a.key.equals(b.key) && (a.ca ?? a.cert).equals(b.ca ?? b.cert);
}

function refused(field: string, why: string, hint: string, cause: unknown): BerthError {
  return new BerthError("INVALID_ARGUMENT", `Configuration (environment): ${field} ${why}.`, { field, hint, cause });
}
