import type { Supervisor } from "../supervisor/client.ts";
import type { ProgramSpec } from "../supervisor/protocol.ts";

/** One program of the cluster, which tests stop and start. */
export interface Component {
  readonly name: string;
  readonly log: string;
  /** Number of its process; undefined while it does not run. */
  readonly pid: number | undefined;
  start(): Promise<void>;
  /** Ends it, by SIGTERM unless told otherwise, and waits until it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  restart(signal?: NodeJS.Signals): Promise<void>;
}

/** A component, and the word that its process ended. */
export interface OwnedComponent extends Component {
  ended(): void;
}

/** Makes a component of a program. */
export function createComponent(supervisor: Supervisor, program: ProgramSpec): OwnedComponent {
  let pid: number | undefined;
  const component = {
    name: program.name,
    log: program.log,
    get pid() {
      return pid;
    },
    async start() {
      pid = await supervisor.start(program);
    },
    async stop(signal?: NodeJS.Signals) {
      await supervisor.stop(program.name, signal);
      pid = undefined;
    },
    async restart(signal?: NodeJS.Signals) {
      await component.stop(signal);
      await component.start();
    },
    ended() {
      pid = undefined;
    },
  };
  return component;
}
