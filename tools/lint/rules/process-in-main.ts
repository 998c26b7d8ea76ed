import { relative, sep } from "node:path";

import type { Rule } from "eslint";

import { placeOf } from "../place.ts";

/** What belongs to the process as a whole. `process.pid` or `process.kill` do not. */
const OWNED = [
  "abort",
  "addListener",
  "argv",
  "chdir",
  "env",
  "exit",
  "exitCode",
  "on",
  "once",
  "stdin",
  "stdout",
  "umask",
];

/** The application is not the process: in what is shipped, only a `main.ts` touches it. */
export const processInMain: Rule.RuleModule = {
  meta: { type: "problem", schema: [] },
  create(context) {
    const place = placeOf(relative(context.cwd, context.filename).split(sep).join("/"));
    const isShipped = place.package !== "" && place.package !== "devcluster" && !place.isFree;
    if (!isShipped || place.inner === "main.ts") return {};
    return {
      ImportDeclaration(node) {
        if (node.source.value !== "node:process") return;
        context.report({ node, message: "Only main.ts imports node:process." });
      },
      VariableDeclarator(node) {
        if (node.init?.type !== "Identifier" || node.init.name !== "process") return;
        context.report({ node, message: "Only main.ts takes process apart." });
      },
      MemberExpression(node) {
        const { object, property } = node;
        if (object.type !== "Identifier" || object.name !== "process") return;
        const name = nameOf(property);
        if (!OWNED.includes(name)) return;
        context.report({ node, message: `Only main.ts uses process.${name}: take it as a parameter.` });
      },
    };
  },
};

function nameOf(property: { type: string; name?: string; value?: unknown }): string {
  const name = property.type === "Literal" ? property.value : property.name;
  return typeof name === "string" ? name : "";
}
