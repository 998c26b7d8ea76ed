import type { UninstallCommand } from "../../command.ts";
import type { Action } from "../action.ts";
import { toContext, toOptions } from "./request.ts";
import { runAction } from "./run.ts";
import type { ActionParts } from "./run.ts";

/** Removes a release's objects and, unless asked otherwise, its history. */
export function createUninstall(parts: ActionParts): Action<UninstallCommand> {
  return (command, run) =>
    runAction(parts, command.target, run, (target, options) =>
      parts.engine.uninstall(
        {
          target,
          context: toContext(command, run),
          options: toOptions(command.options),
          keepHistory: command.keepHistory ?? false,
          ignoreNotFound: command.ignoreNotFound ?? false,
          deletionPropagation: command.deletionPropagation ?? "background",
        },
        options,
      ),
    );
}
