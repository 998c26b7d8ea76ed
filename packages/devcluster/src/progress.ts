/** How long work is shown: a line to a file or pipe every ten seconds, a line redrawn every second on a terminal. */
const TICK = { pipe: 10_000, terminal: 1_000 };

/** Tells a person what takes time, and how much. */
export interface Progress {
  /** Prints a line. */
  say(line: string): void;
  /** Runs work under a label and shows its time. `note` replaces what is shown beside the label. */
  run<T>(label: string, work: (note: (text: string) => void) => Promise<T>): Promise<T>;
}

/** Shows nothing. */
export const silentProgress: Progress = { say: () => undefined, run: (_label, work) => work(() => undefined) };

/** Shows work on a stream: redrawn in place on a terminal, as lines elsewhere. */
export function streamProgress(stream: NodeJS.WriteStream): Progress {
  const isTerminal = stream.isTTY === true;
  const say = (line: string) => void stream.write(`${line}\n`);
  return {
    say,
    async run(label, work) {
      const start = performance.now();
      let note = "";
      const show = () => {
        const line = `${label}: ${seconds(start)}${note === "" ? "" : ` · ${note}`}`;
        if (isTerminal) stream.write(`\r\x1b[K${line.slice(0, (stream.columns ?? 80) - 1)}`);
        else say(line);
      };
      if (!isTerminal) say(`${label} …`);
      const timer = setInterval(show, isTerminal ? TICK.terminal : TICK.pipe);
      let ending = "failed after";
      try {
        const result = await work((text) => (note = text));
        ending = "done in";
        return result;
      } finally {
        clearInterval(timer);
        say(`${isTerminal ? "\r\x1b[K" : ""}${label}: ${ending} ${seconds(start)}`);
      }
    },
  };
}

function seconds(start: number): string {
  const elapsed = (performance.now() - start) / 1000;
  if (elapsed < 10) return `${elapsed.toFixed(1)} s`;
  return elapsed < 60 ? `${Math.floor(elapsed)} s` : `${Math.floor(elapsed / 60)} min ${Math.floor(elapsed % 60)} s`;
}
