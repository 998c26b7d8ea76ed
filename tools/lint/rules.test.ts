import { resolve } from "node:path";
import { after, describe, it } from "node:test";

import { RuleTester } from "eslint";
import { parser } from "typescript-eslint";

import { documentedExport } from "./rules/documented-export.ts";
import { kebabCaseFile } from "./rules/kebab-case-file.ts";
import { layers } from "./rules/layers.ts";
import { processInMain } from "./rules/process-in-main.ts";
import { staticLogMessage } from "./rules/static-log-message.ts";

RuleTester.describe = describe;
RuleTester.it = it;
RuleTester.itOnly = it.only;
(RuleTester as unknown as { afterAll: typeof after }).afterAll = after;

const tester = new RuleTester({ languageOptions: { parser } });
const at = (path: string) => resolve(import.meta.dirname, "../..", path);

tester.run("layers", layers, {
  valid: [
    { filename: at("packages/base/src/a.ts"), code: 'import { b } from "./b.ts";' },
    { filename: at("bench/a.ts"), code: 'import { spawn } from "node:child_process";' },
  ],
  invalid: [
    'import { a } from "node:child_process";',
    'import type { a } from "node:child_process";',
    'export { a } from "node:child_process";',
    'export * as a from "node:child_process";',
    'await import("node:child_process");',
    'type A = import("node:child_process").ChildProcess;',
  ].map((code) => ({
    filename: at("packages/server/src/compose.ts"),
    code,
    errors: [{ message: "node:child_process belongs to engine-client and devcluster." }],
  })),
});

tester.run("process-in-main", processInMain, {
  valid: [
    { filename: at("packages/server/src/main.ts"), code: "process.exit(Number(process.env.A));" },
    { filename: at("packages/server/src/compose.ts"), code: "use(process.pid);" },
    { filename: at("packages/kube/src/a.test.ts"), code: "use(process.env);" },
    { filename: at("packages/devcluster/src/a.ts"), code: "use(process.env);" },
    { filename: at("tools/a.ts"), code: "process.exitCode = 1;" },
  ],
  invalid: [
    {
      filename: at("packages/server/src/config.ts"),
      code: "use(process.env.A);",
      errors: [{ message: "Only main.ts uses process.env: take it as a parameter." }],
    },
    {
      filename: at("packages/server/src/edges/main.ts"),
      code: 'process.once("SIGTERM", stop);',
      errors: [{ message: "Only main.ts uses process.once: take it as a parameter." }],
    },
    {
      filename: at("packages/kube/src/a.ts"),
      code: 'use(process["env"]);',
      errors: [{ message: "Only main.ts uses process.env: take it as a parameter." }],
    },
    {
      filename: at("packages/kube/src/a.ts"),
      code: "const { env } = process;",
      errors: [{ message: "Only main.ts takes process apart." }],
    },
    {
      filename: at("packages/kube/src/a.ts"),
      code: 'import { env } from "node:process";',
      errors: [{ message: "Only main.ts imports node:process." }],
    },
  ],
});

const logMessage = 'Log with fields and a constant message: log.info({ name }, "text").';
tester.run("static-log-message", staticLogMessage, {
  valid: [
    'log.info({ a }, "done");',
    'parts.log.warn({}, "late");',
    "this.log.warn({}, `late`);",
    "console.error(`x ${y}`);",
    "log.child(name);",
    "math.log(a, b);",
  ],
  invalid: [
    { code: "log.info({}, `done ${a}`);", errors: [{ message: logMessage }] },
    { code: 'parts.log.error({}, "a" + b);', errors: [{ message: logMessage }] },
    { code: 'logger.debug("alone");', errors: [{ message: logMessage }] },
  ],
});

tester.run("kebab-case-file", kebabCaseFile, {
  valid: [
    { filename: at("tools/a-b.test.ts"), code: "" },
    { filename: at("eslint.config.js"), code: "" },
  ],
  invalid: [
    { filename: at("tools/aB.ts"), code: "", errors: [{ message: "aB.ts: name the file in kebab-case." }] },
    { filename: at("tools/a_b.ts"), code: "", errors: [{ message: "a_b.ts: name the file in kebab-case." }] },
  ],
});

const undocumented = [{ message: "Say in TSDoc what this export takes and gives." }];
tester.run("documented-export", documentedExport, {
  valid: [
    { filename: at("packages/kube/src/a.ts"), code: "/** Why. */\nexport const a = 1;" },
    { filename: at("packages/kube/src/a.ts"), code: 'export { a } from "./b.ts";' },
    { filename: at("packages/kube/src/a.test.ts"), code: "export const a = 1;" },
    { filename: at("tools/a.ts"), code: "export const a = 1;" },
  ],
  invalid: [
    { filename: at("packages/kube/src/a.ts"), code: "export const a = 1;", errors: undocumented },
    { filename: at("packages/kube/src/a.ts"), code: "// Why.\nexport type A = 1;", errors: undocumented },
    { filename: at("packages/kube/src/a.ts"), code: "/* Why. */\nexport function a() {}", errors: undocumented },
  ],
});
