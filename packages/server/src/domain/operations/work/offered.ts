import type { Command } from "../../command.ts";

/** Operations whose requests are kept in memory: whoever accepts one mostly does it, too. */
const KEPT = 1000;

/** What this process has accepted and not begun yet; the oldest are forgotten where they are too many. */
export class Offered {
  readonly #commands = new Map<string, Command>();

  add(id: string, command: Command): void {
    this.#commands.set(id, command);
    const [oldest] = this.#commands.keys();
    if (this.#commands.size > KEPT && oldest !== undefined) this.#commands.delete(oldest);
  }

  has(id: string): boolean {
    return this.#commands.has(id);
  }

  take(id: string): Command | undefined {
    const command = this.#commands.get(id);
    this.#commands.delete(id);
    return command;
  }
}
