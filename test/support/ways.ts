import assert from "node:assert/strict";

import { httpBindings, toAnswer } from "@berth/contract";
import { BerthApiError, connect, createServiceClient } from "@berth/sdk";
import type { Protocol } from "@berth/sdk";
import { fromJson } from "@bufbuild/protobuf";
import type { DescMethod, Message } from "@bufbuild/protobuf";

import { BERTH_SERVICES } from "../../packages/server/src/edges/shared/services.ts";
import type { TestBerth } from "./berth.ts";
import { callCli } from "./cli.ts";

/** A message as JSON. */
export type Json = Record<string, unknown>;

/** What came of a call: an answer, or what was said to be wrong. */
export type Outcome = { readonly answer: Json } | { readonly error: Told };

/** What an answer said was wrong. */
export interface Told {
  readonly code: unknown;
  readonly field: unknown;
  readonly message: unknown;
  readonly hint: unknown;
}

/** All RPCs of Berth's own services. */
export const METHODS = BERTH_SERVICES.flatMap((service) => service.methods);
const BINDINGS = httpBindings(BERTH_SERVICES);

/** The protocols that the SDK speaks. */
export const PROTOCOLS = ["connect", "grpc-web", "grpc", "rest"] as const satisfies Protocol[];

/** An RPC by its name. */
export function methodOf(name: string): DescMethod {
  const method = METHODS.find((one) => one.name === name);
  assert.ok(method, name);
  return method;
}

/** Calls an RPC by its HTTP rule; a write waits for its ending. */
export async function byRest(berth: TestBerth, method: DescMethod, request: Json): Promise<Outcome> {
  const binding = BINDINGS.find((one) => one.method === method);
  assert.ok(binding, "it has an HTTP rule");
  const rest: Json = { ...request };
  const path = binding.pattern.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(rest[name]);
    delete rest[name];
    return encodeURIComponent(value);
  });
  const body = binding.body === "*" ? rest : rest[binding.body];
  const query = new URLSearchParams();
  if (binding.body === "") for (const [name, value] of Object.entries(rest)) query.set(name, String(value));
  const url = query.size === 0 ? path : `${path}?${query.toString()}`;
  if (method.methodKind === "server_streaming") return streamByRest(berth, url);
  const sent = binding.body === "" ? undefined : body;
  const { status, headers, body: told } = await berth.request<Json>(binding.verb, url, sent);
  if (status < 400) return { answer: told };
  assert.match(headers.get("content-type") ?? "", /problem\+json/);
  return { error: fromProblem(told) };
}

/** What a stream of server-sent events begins with. */
async function streamByRest(berth: TestBerth, url: string): Promise<Outcome> {
  const response = await fetch(berth.url + url);
  if (!response.ok) return { error: fromProblem((await response.json()) as Json) };
  await response.body?.cancel();
  return { answer: {} };
}

function fromProblem(told: Json): Told {
  return { code: told["code"], field: told["field"] ?? "", message: told["detail"], hint: told["hint"] };
}

/** Calls an RPC by the SDK and one of its protocols; a write waits for its ending. */
export async function bySdk(berth: TestBerth, method: DescMethod, request: Json, protocol: Protocol): Promise<Outcome> {
  const connection = connect({ url: berth.url, protocol, retry: { attempts: 1 } });
  const client = createServiceClient(connection, method.parent) as unknown as Record<string, Call | undefined>;
  const call = client[method.localName];
  assert.ok(call, "the SDK has it");
  try {
    const options = { waitSeconds: 120, signal: AbortSignal.timeout(60_000) };
    const answer = call(fromJson(method.input, request as never), options);
    if (method.methodKind === "unary") return { answer: toAnswer(method.output, (await answer) as Message) as Json };
    for await (const _ of answer as AsyncIterable<unknown>) break;
    return { answer: {} };
  } catch (error) {
    assert.ok(error instanceof BerthApiError, String(error));
    return { error: { code: error.code, field: error.field, message: error.message, hint: error.hint } };
  }
}

type Call = (request: unknown, options: unknown) => unknown;

/** Calls an RPC by a command line, which tells errors to people; a watch ends with the first it shows. */
export async function byCommandLine(berth: TestBerth, line: readonly string[]): Promise<Outcome> {
  const isWatch = line.includes("--watch");
  const { code, stdout, stderr } = await callCli(berth, [...line, "-o", "json"], {
    onOutput: (_text, kill) => isWatch && kill("SIGINT"),
  });
  if (code === 0) return { answer: isWatch || stdout === "" ? {} : (JSON.parse(stdout) as Json) };
  const [, message, errorCode] = /^Error: (.*) \(([A-Z_]+)\)$/m.exec(stderr) ?? [];
  assert.ok(errorCode, `berth ${line.join(" ")}: ${stderr}`);
  const told = (what: string) => new RegExp(`^  ${what}: (.*)$`, "m").exec(stderr)?.[1] ?? "";
  return { error: { code: errorCode, field: told("field"), message, hint: told("hint") } };
}
