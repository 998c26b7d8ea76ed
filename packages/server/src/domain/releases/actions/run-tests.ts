import type { TestCommand } from "../../command.ts";
import type { Action } from "../action.ts";
import { toContext, toDuration } from "./request.ts";
import { runAction } from "./run.ts";
import type { ActionParts } from "./run.ts";

/** Runs the test hooks of a release. */
export function createRunTests(parts: ActionParts): Action<TestCommand> {
  return (command, run) => {
    const timeoutMs = command.options?.timeoutMs;
    return runAction(parts, command.target, run, (target, options) =>
      parts.engine.test(
        {
          target,
          context: toContext(command, run),
          ...(timeoutMs === undefined ? {} : { timeout: toDuration(timeoutMs) }),
          names: [...(command.names ?? [])],
          dryRun: command.options?.dryRun ?? false,
        },
        options,
      ),
    );
  };
}
