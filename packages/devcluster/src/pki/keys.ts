import { webcrypto } from "node:crypto";

/** The one kind of key here: small, fast, understood by all parts of Kubernetes. */
export const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** Makes a key pair that can be exported. */
export async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

/** A private key as PKCS #8 PEM. */
export async function privatePem(keys: webcrypto.CryptoKeyPair): Promise<string> {
  return pem("PRIVATE KEY", await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
}

/** A public key as SubjectPublicKeyInfo PEM. */
export async function publicPem(keys: webcrypto.CryptoKeyPair): Promise<string> {
  return pem("PUBLIC KEY", await webcrypto.subtle.exportKey("spki", keys.publicKey));
}

/** Reads what `privatePem` wrote, for signing. */
export async function readPrivatePem(text: string): Promise<webcrypto.CryptoKey> {
  const body = text.replace(/-----[^-]+-----|\s/g, "");
  return webcrypto.subtle.importKey("pkcs8", Buffer.from(body, "base64"), algorithm, true, ["sign"]);
}

function pem(label: string, der: ArrayBuffer): string {
  const body = Buffer.from(der).toString("base64").replace(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}
