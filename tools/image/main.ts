import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { onParentGone, repository, SetupError, streamProgress } from "@berth/devcluster";

import { buildBerthImage, digestOf } from "./build.ts";

const usage = `npm run image -- [options]

Writes Berth's container image as an OCI archive, without Docker, for this machine's architecture.

  --file FILE   where to (default berth.tar)
  --name NAME   the image's full reference (default registry.local/berth:VERSION)
  --help        this text

skopeo copy oci-archive:berth.tar docker://registry.example.com/berth:VERSION brings it into a registry,
ctr -n k8s.io images import berth.tar onto a node.
`;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));
onParentGone(() => process.exit(130));

async function image(args: readonly string[]): Promise<void> {
  const { version } = JSON.parse(await readFile(join(repository, "package.json"), "utf8")) as { version: string };
  const { values } = parseArgs({
    args: [...args],
    options: {
      file: { type: "string", default: "berth.tar" },
      name: { type: "string", default: `registry.local/berth:${version}` },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return void process.stdout.write(usage);
  const file = resolve(values.file);
  await buildBerthImage({ ...values, file, version, progress: streamProgress(process.stderr) });
  console.log(`${file}\n${values.name}\nsha256:${await digestOf(file)}`);
}

image(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof SetupError ? error.message : error);
  process.exitCode = 1;
});
