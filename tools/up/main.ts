import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";

import { ensureEngine, onParentGone, SetupError, streamProgress } from "@berth/devcluster";

import { checkPort, startGateway } from "./gateway.ts";
import { parseOptions, usage } from "./options.ts";
import { embeddedCluster, givenCluster } from "./target.ts";
import { welcome } from "./welcome.ts";

const stopped = Promise.withResolvers<string>();
let isUp = false;

async function up(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  const progress = streamProgress(process.stderr);
  await checkPort(options.port);
  const data = resolve(options.data);
  await mkdir(data, { recursive: true, mode: 0o700 });
  const engine = await ensureEngine({ progress });
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const target =
    options.kubeconfig === ""
      ? await embeddedCluster(options, progress, failed.reject)
      : await givenCluster(options, progress);
  try {
    const log = join(data, "berth.log");
    const { port } = options;
    const gateway = await progress.run("Starting Berth", () => startGateway({ ...target, port, engine, log }));
    try {
      await target.furnish?.(gateway.url);
      isUp = true;
      console.log(welcome({ ...target, url: gateway.url, log }));
      const why = await Promise.race([stopped.promise, failed.promise, gateway.ended.then(explain(log))]);
      progress.say(`\n${why}: stopping …`);
    } finally {
      await gateway.stop();
    }
  } finally {
    await target.stop();
  }
  return 0;
}

function explain(log: string): (why: string) => never {
  return (why) => {
    throw new SetupError(`Berth ended by itself (${why}).`, `Its log says why: ${log}`);
  };
}

/**
 * Once all runs, the first ask ends it in order and a second one at once. Before that there is nothing to end in order:
 * our end is the end of the supervisor, the gateway and the build.
 */
function onAsked(why: string): void {
  if (!isUp) process.exit(130);
  stopped.resolve(why);
  process.once("SIGINT", () => process.exit(130));
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => onAsked(signal));
onParentGone(() => onAsked("The process that started this one is gone"));

up(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof SetupError ? error.message : error);
    process.exit(1);
  },
);
