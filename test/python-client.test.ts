import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { startTestBerth } from "./support/berth.ts";
import { linesOf, typeLines } from "./support/guide.ts";
import { ensurePython, whyNoPython } from "./support/python.ts";

const repository = join(import.meta.dirname, "..");
const reason = await whyNoPython();

test(
  "a client that Python's own generator makes installs and reads errors, as docs/sdk.md shows",
  { skip: reason ?? false },
  async () => {
    await using berth = await startTestBerth();
    const folder = await mkdtemp(join(berth.charts.path, "python-"));
    await cp(join(repository, "proto"), join(folder, "proto"), { recursive: true });
    const page = await readFile(join(repository, "docs/sdk.md"), "utf8");
    const program = (/```python\n(.*?)```/s.exec(page)?.[1] ?? "")
      .replace("127.0.0.1:4000", new URL(berth.url).host)
      .replace('"default"', `"${berth.namespace}"`)
      .replace("examples/hello", join(repository, "examples/hello"));
    await writeFile(join(folder, "first.py"), program);
    const library = await ensurePython("grpc-python");
    const [install, ...lines] = (await linesOf("docs/sdk.md", "Python")).split("\n");
    const pins = await readFile(join(repository, "toolchain/grpc-python/requirements.txt"), "utf8");
    assert.ok(pins.includes((install ?? "").replace("pip install ", "")), "the page names the version that is tried");
    const typed = lines.join("\n").replace("PYTHONPATH=gen", `PYTHONPATH=gen:${library}`);
    const printed = await typeLines(`cd '${folder}'\n${typed}`, { PYTHONPATH: library, PYTHONUTF8: "1" });
    assert.equal(
      printed,
      `deployed 1\nthe same operation: True\nNOT_FOUND RELEASE_NOT_FOUND There is no release "nothing-here" in namespace "${berth.namespace}".\n`,
    );
  },
);
