import { startSupervisor } from "../supervisor/client.ts";
import type { Supervisor, SupervisorCommand } from "../supervisor/client.ts";
import type { ProgramExit, ProgramSpec } from "../supervisor/protocol.ts";
import { createComponent } from "./component.ts";
import type { Component, OwnedComponent } from "./component.ts";
import { describeFailure } from "./failure.ts";

/** The programs of a cluster under one supervisor. */
export interface Parts<Name extends string> {
  readonly supervisor: Supervisor;
  readonly components: Readonly<Record<Name, Component>>;
  /** Rejects when a part dies though nobody stopped it. Nobody waiting for it is no error. */
  readonly died: Promise<never>;
  /** Starts parts at the same time. */
  start(...names: Name[]): Promise<void>;
}

/** Starts a supervisor and makes components of its programs; `onDeath` hears of each that nobody stopped. */
export function createParts<Name extends string>(
  directory: string,
  programs: Readonly<Record<Name, ProgramSpec>>,
  command: SupervisorCommand | undefined,
  onDeath: (failure: Error) => void = () => undefined,
): Parts<Name> {
  const death = Promise.withResolvers<never>();
  death.promise.catch(() => undefined);
  const onExit = async (exit: ProgramExit) => {
    const part = components[exit.name as Name];
    part.ended();
    if (exit.expected) return;
    const failure = await describeFailure(exit, part.log);
    death.reject(failure);
    onDeath(failure);
  };
  const supervisor = startSupervisor(directory, (exit) => void onExit(exit), command);
  // All parts have gone with it, and nobody can say how each ended.
  void supervisor.lost.then((failure) => {
    death.reject(failure);
    onDeath(failure);
  });
  const components = Object.fromEntries(
    Object.entries<ProgramSpec>(programs).map(([name, program]) => [name, createComponent(supervisor, program)]),
  ) as Record<Name, OwnedComponent>;
  return {
    supervisor,
    components,
    died: death.promise,
    async start(...names) {
      await Promise.all(names.map((name) => components[name].start()));
    },
  };
}
