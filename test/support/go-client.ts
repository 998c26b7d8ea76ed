import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { go } from "../../packages/devcluster/src/toolchain/go.ts";

/** What became of a call of a Go client. */
export interface GoAnswer {
  /** As gRPC's Go library writes it, such as OK or NotFound. */
  readonly code: string;
  readonly message: string;
  readonly messages: readonly Readonly<Record<string, unknown>>[];
  /** Details of an error by their type, such as google.rpc.ErrorInfo. */
  readonly details: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** How a call is made beside its request. */
export interface GoCall {
  readonly metadata?: Readonly<Record<string, string>>;
  /** Messages of a stream that are read before it is left; all where absent. */
  readonly messages?: number;
  readonly timeout_ms?: number;
}

/** A program in Go that knows of a server what reflection tells. */
export interface GoClient extends AsyncDisposable {
  /** SERVICE/METHOD of all that the server tells of. */
  readonly methods: readonly string[];
  call(method: string, request: object, how?: GoCall): Promise<GoAnswer>;
}

/** Builds test/go-client and connects it to a server, HOST:PORT. */
export async function openGoClient(directory: string, address: string): Promise<GoClient> {
  const program = join(directory, "go-client");
  await go(["build", "-trimpath", "-buildvcs=false", "-o", program, "."], undefined, { module: "test/go-client" });
  const child = spawn(program, [address], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const read = async <T>(): Promise<T> => {
    const line = await lines.next();
    if (line.done === true) throw new Error("The Go client has ended.");
    return JSON.parse(line.value) as T;
  };
  return {
    methods: await read<string[]>(),
    async call(method, request, how = {}) {
      child.stdin.write(`${JSON.stringify({ method, request, ...how })}\n`);
      const { messages, ...answer } = await read<
        Omit<GoAnswer, "messages"> & { messages: GoAnswer["messages"] | null }
      >();
      return { ...answer, messages: messages ?? [] };
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await once(child, "close");
    },
  };
}
