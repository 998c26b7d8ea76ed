import "reflect-metadata";

import { randomBytes } from "node:crypto";
import { isIP } from "node:net";

import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { JsonGeneralName } from "@peculiar/x509";

import { algorithm, generateKeys, privatePem, readPrivatePem } from "./keys.ts";

const DAY = 86_400_000;
/** An authority lives as long as a data directory may; certificates are made anew at each start. */
const VALID = { authority: 3650 * DAY, leaf: 365 * DAY };
/** Clocks differ a little; nothing checks a certificate that does not exist yet. */
const SKEW = 300_000;

/** A certificate and its private key, both PEM. */
export interface KeyPairPem {
  readonly cert: string;
  readonly key: string;
}

/** Whom a certificate names and what it is for. */
export interface CertificateRequest {
  readonly commonName: string;
  /** Groups, in Kubernetes' reading of a client certificate. */
  readonly organization?: string;
  /** IP addresses and DNS names of a server. */
  readonly hosts?: readonly string[];
  readonly usages: readonly ("client" | "server")[];
}

/** Makes an authority that signs itself. */
export async function createAuthority(commonName: string): Promise<KeyPairPem> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: [{ CN: [commonName] }],
    ...validity(VALID.authority),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return { cert: text(certificate), key: await privatePem(keys) };
}

/** Issues a certificate. */
export async function issue(authority: KeyPairPem, request: CertificateRequest): Promise<KeyPairPem> {
  const keys = await generateKeys();
  const { commonName, organization, hosts = [], usages } = request;
  const names = hosts.map((value): JsonGeneralName => ({ type: isIP(value) === 0 ? "dns" : "ip", value }));
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [...(organization === undefined ? [] : [{ O: [organization] }]), { CN: [commonName] }],
    issuer: new X509Certificate(authority.cert).subjectName,
    ...validity(VALID.leaf),
    publicKey: keys.publicKey,
    signingKey: await readPrivatePem(authority.key),
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension(
        usages.map((usage) => (usage === "client" ? ExtendedKeyUsage.clientAuth : ExtendedKeyUsage.serverAuth)),
      ),
      ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
    ],
  });
  return { cert: text(certificate), key: await privatePem(keys) };
}

function text(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

function validity(duration: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - SKEW), notAfter: new Date(now + duration) };
}

/** RFC 5280 wants a positive number of at most 20 octets. */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}
