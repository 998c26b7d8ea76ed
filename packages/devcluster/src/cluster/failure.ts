import type { ProgramExit } from "../supervisor/protocol.ts";
import { logTail } from "./log-tail.ts";

/** Says how a part died that nobody stopped, with its last words. */
export async function describeFailure({ name, code, signal }: ProgramExit, log: string): Promise<Error> {
  const how = signal === null ? `with code ${code}` : `by ${signal}`;
  return new Error(
    `${name} of the embedded cluster ended ${how}. Its last lines (all: ${log}):\n${await logTail(log)}`,
  );
}
