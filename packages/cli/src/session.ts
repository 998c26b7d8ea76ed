import { readFile } from "node:fs/promises";

import { createBerth } from "@berth/sdk";
import type { BerthClient } from "@berth/sdk";

import { readConfig } from "./config/file.ts";
import type { Context } from "./config/file.ts";
import { configFile } from "./config/places.ts";
import { CliError } from "./errors.ts";
import type { Io } from "./io.ts";

/** Where `npm run up` listens. */
const DEFAULT: Required<Omit<Context, "tokenFile">> = {
  server: "http://127.0.0.1:4000",
  cluster: "local",
  namespace: "default",
};

/** The options that every command has which speaks to Berth. */
export interface TargetOptions {
  readonly context?: string;
  readonly server?: string;
  readonly cluster?: string;
  readonly namespace?: string;
  readonly requestTimeout?: number;
}

/** What a command works with. */
export interface Session {
  readonly io: Io;
  readonly berth: BerthClient;
  readonly cluster: string;
  readonly namespace: string;
  /** Options of each call. */
  readonly call: { readonly signal: AbortSignal; readonly timeoutMs?: number };
}

/** The context that is meant: of the command line, of the environment, the current one, or that of `npm run up`. */
async function contextOf(io: Io, options: TargetOptions): Promise<Context> {
  const path = configFile(io);
  const { current, contexts } = await readConfig(path);
  const name = options.context ?? current;
  const found = name === undefined ? undefined : contexts[name];
  if (name !== undefined && found === undefined) {
    const names = Object.keys(contexts).join(", ");
    throw new CliError(`There is no context "${name}".`, names === "" ? `${path} has none.` : `There are: ${names}.`);
  }
  const server = options.server ?? (io.env["BERTH_SERVER"] || undefined);
  return { ...DEFAULT, ...found, ...(server === undefined ? {} : { server }) };
}

/** Prepares what a command works with; nothing is sent yet. */
export async function openSession(io: Io, options: TargetOptions): Promise<Session> {
  const context = await contextOf(io, options);
  const { tokenFile } = context;
  const token = io.env["BERTH_TOKEN"] || (tokenFile === undefined ? undefined : await readToken(tokenFile));
  const { requestTimeout: seconds } = options;
  return {
    io,
    berth: connectTo(context.server, token),
    cluster: options.cluster ?? context.cluster ?? DEFAULT.cluster,
    namespace: options.namespace ?? context.namespace ?? DEFAULT.namespace,
    call: { signal: io.signal, ...(seconds === undefined ? {} : { timeoutMs: seconds * 1000 }) },
  };
}

function connectTo(url: string, token: string | undefined): BerthClient {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new CliError(`"${url}" is no URL of a server.`, "Give one such as http://127.0.0.1:4000.");
  }
  const retry = { attempts: 4, initial: 200, max: 2_000 };
  return createBerth({ url, retry, ...(token === undefined ? {} : { token }) });
}

async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch {
    throw new CliError(`The token's file ${path} cannot be read.`, "Correct tokenFile of the context.");
  }
}
