import type { chartSourceService as api } from "@berth/sdk";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Command } from "commander";

import { CliError } from "../errors.ts";
import type { Io } from "../io.ts";
import { readText } from "./chart.ts";

/** What a command line says of a source's credentials. None of them is secret itself. */
export interface CredentialOptions {
  readonly username?: string;
  readonly passwordStdin?: boolean;
  readonly passwordFile?: string;
  readonly bearerTokenStdin?: boolean;
  readonly bearerTokenFile?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** Adds the options of CredentialOptions. */
export function addCredentialOptions(command: Command): Command {
  return command
    .option("--username <name>", "user of the repository or registry")
    .option("--password-stdin", "read the password from standard input")
    .option("--password-file <file>", "file with the password")
    .option("--bearer-token-stdin", "read a bearer token from standard input")
    .option("--bearer-token-file <file>", "file with a bearer token, instead of user and password")
    .option("--ca-file <file>", "authorities of its certificate, PEM")
    .option("--cert-file <file>", "client certificate, PEM")
    .option("--key-file <file>", "key of the client certificate, PEM");
}

/** Reads the credentials from where they stand; undefined where none are given. */
export async function toCredentials(
  io: Io,
  options: CredentialOptions,
): Promise<MessageInitShape<typeof api.SourceCredentialsSchema> | undefined> {
  const { username, caFile, certFile, keyFile } = options;
  if (options.passwordStdin === true && options.bearerTokenStdin === true) {
    throw new CliError("Standard input is one secret, not two.", "Give one of them by a file.");
  }
  const password = await readSecret(io, options.passwordStdin, options.passwordFile);
  const bearerToken = await readSecret(io, options.bearerTokenStdin, options.bearerTokenFile);
  const credentials = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(bearerToken === undefined ? {} : { bearerToken }),
    ...(caFile === undefined ? {} : { certificateAuthority: await readText(caFile) }),
    ...(certFile === undefined ? {} : { clientCertificate: await readText(certFile) }),
    ...(keyFile === undefined ? {} : { clientKey: await readText(keyFile) }),
  };
  return Object.keys(credentials).length === 0 ? undefined : credentials;
}

async function readSecret(io: Io, stdin: boolean | undefined, file: string | undefined): Promise<string | undefined> {
  if (stdin !== true && file === undefined) return undefined;
  const text = file === undefined ? (await io.readStdin()).toString("utf8") : await readText(file);
  return text.replace(/\r?\n$/, "");
}
