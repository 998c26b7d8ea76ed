import { existsSync } from "node:fs";
import { join, relative, sep } from "node:path";

import type { Rule } from "eslint";

import { judgeImport } from "../judge-import.ts";

/** Imports point one way: `tools/lint/layers.ts` is the table. */
export const layers: Rule.RuleModule = {
  meta: { type: "problem", schema: [] },
  create(context) {
    const from = relative(context.cwd, context.filename).split(sep).join("/");
    const hasDoor = (folder: string) => existsSync(join(context.cwd, folder, "index.ts"));
    const judge = (source: { type: string; value?: unknown } | null | undefined, node: Rule.Node) => {
      if (source?.type !== "Literal" || typeof source.value !== "string") return;
      const message = judgeImport(from, source.value, hasDoor);
      if (message !== undefined) context.report({ node, message });
    };
    return {
      ImportDeclaration: (node) => judge(node.source, node),
      ExportNamedDeclaration: (node) => judge(node.source, node),
      ExportAllDeclaration: (node) => judge(node.source, node),
      ImportExpression: (node) => judge(node.source, node),
      TSImportType: (node: Rule.Node & { source?: { type: string; value?: unknown } }) => judge(node.source, node),
    };
  },
};
