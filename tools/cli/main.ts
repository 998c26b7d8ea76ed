import { chmod } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { bundleProgram } from "../image/bundle.ts";

const usage = `npm run build-cli -- [options]

Packs the command line into one file that runs on Node 24.

  --file FILE   where to (default berth.mjs)
  --help        this text
`;

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    file: { type: "string", default: "berth.mjs" },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (values.help) {
  process.stdout.write(usage);
} else {
  const file = resolve(values.file);
  await bundleProgram("packages/cli/src/main.ts", file);
  await chmod(file, 0o755);
  console.log(file);
}
