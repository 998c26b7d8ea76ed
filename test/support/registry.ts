import { spawn } from "node:child_process";
import { generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Who may read and write in every registry of the tests. */
export const READER = { username: "reader", password: "reader-pw" };
/** bcrypt of the password, which is no secret of anybody. */
const HTPASSWD = "reader:$2a$05$L00Um7MRnV7qm2/PYtTq7OWxVLE3dC/Tp31MRJftpMXVluN8VZG5O\n";

/** How a registry asks who comes: not at all, by password, or for a token of a server beside it. */
export type RegistryAuth = "none" | "basic" | "token";

/** A real registry (CNCF distribution) on a loopback port, plain HTTP. */
export interface TestRegistry extends AsyncDisposable {
  /** host:port. */
  readonly host: string;
  /** Tokens the server beside it has given, by user; empty without one. */
  readonly tokens: readonly string[];
}

/** Starts a registry, with settings of its own (environment) where given; it goes with its scope. */
export async function startRegistry(
  auth: RegistryAuth = "none",
  own: Readonly<Record<string, string>> = {},
): Promise<TestRegistry> {
  const binary = process.env.BERTH_REGISTRY;
  if (binary === undefined) throw new Error("There is no registry to test with: run the tests by `npm test`.");
  const directory = await mkdtemp(join(tmpdir(), "berth-registry-"));
  const host = `127.0.0.1:${String(await freePort())}`;
  const tokens: string[] = [];
  const issuer = auth === "token" ? await startIssuer(directory, tokens) : undefined;
  const settings: Record<string, string> = {
    REGISTRY_HTTP_ADDR: host,
    REGISTRY_STORAGE: "filesystem",
    REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: join(directory, "data"),
    OTEL_TRACES_EXPORTER: "none",
    ...(await authSettings(auth, directory, issuer?.url ?? "")),
    ...own,
  };
  const config = join(directory, "config.yml");
  await writeFile(config, "version: 0.1\nstorage: { inmemory: {} }\n");
  const child = spawn(binary, ["serve", config], { env: settings, stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  await untilAnswers(`http://${host}/v2/`, () => log);
  return {
    host,
    tokens,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await once(child, "exit");
      issuer?.server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function authSettings(auth: RegistryAuth, directory: string, realm: string): Promise<Record<string, string>> {
  if (auth === "none") return {};
  if (auth === "basic") {
    const file = join(directory, "htpasswd");
    await writeFile(file, HTPASSWD);
    return { REGISTRY_AUTH: "htpasswd", REGISTRY_AUTH_HTPASSWD_REALM: "tests", REGISTRY_AUTH_HTPASSWD_PATH: file };
  }
  return {
    REGISTRY_AUTH: "token",
    REGISTRY_AUTH_TOKEN_REALM: realm,
    REGISTRY_AUTH_TOKEN_SERVICE: "tests",
    REGISTRY_AUTH_TOKEN_ISSUER: "tests",
    REGISTRY_AUTH_TOKEN_JWKS: join(directory, "jwks.json"),
  };
}

/** A token server as the distribution's specification has it: who shows the password gets a token for what is asked. */
async function startIssuer(directory: string, tokens: string[]): Promise<{ url: string; server: Server }> {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = { ...publicKey.export({ format: "jwk" }), kid: "tests", alg: "ES256", use: "sig" };
  await writeFile(join(directory, "jwks.json"), JSON.stringify({ keys: [jwk] }));
  const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const given = Buffer.from((request.headers.authorization ?? "").replace(/^Basic /, ""), "base64").toString();
    if (given !== `${READER.username}:${READER.password}`) return response.writeHead(401).end();
    tokens.push(READER.username);
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      ...{ iss: "tests", aud: "tests", sub: READER.username, jti: randomUUID() },
      ...{ exp: now + 300, nbf: now - 10, iat: now },
      access: accessOf(new URL(request.url ?? "", "http://issuer").searchParams.getAll("scope")),
    };
    const text = `${encode({ alg: "ES256", typ: "JWT", kid: "tests" })}.${encode(claims)}`;
    const signature = sign("sha256", Buffer.from(text), { key: privateKey, dsaEncoding: "ieee-p1363" });
    const token = `${text}.${signature.toString("base64url")}`;
    return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ token }));
  };
  const server = createServer((request, response) => void answer(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/token`, server };
}

function accessOf(scopes: readonly string[]) {
  return scopes
    .flatMap((scope) => scope.split(" "))
    .map((scope) => {
      const [type, name, actions = ""] = scope.split(":");
      return { type, name, actions: actions.split(",") };
    });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function untilAnswers(url: string, log: () => string): Promise<void> {
  for (const limit = Date.now() + 15_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer !== undefined) return;
    if (Date.now() > limit) throw new Error(`The registry does not answer:\n${log()}`);
  }
}
