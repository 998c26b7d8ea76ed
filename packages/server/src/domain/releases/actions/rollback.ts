import type { RollbackCommand } from "../../command.ts";
import type { Action } from "../action.ts";
import { toContext, toOptions } from "./request.ts";
import { runAction } from "./run.ts";
import type { ActionParts } from "./run.ts";

/** Makes a new revision out of an older one. */
export function createRollback(parts: ActionParts): Action<RollbackCommand> {
  return (command, run) =>
    runAction(parts, command.target, run, (target, options) =>
      parts.engine.rollback(
        {
          target,
          context: toContext(command, run),
          options: toOptions(command.options),
          revision: command.revision ?? 0,
          cleanupOnFail: command.cleanupOnFail ?? false,
        },
        options,
      ),
    );
}
