import { basename } from "node:path";

import type { Rule } from "eslint";

/** File names are kebab-case, with any number of extensions. */
export const kebabCaseFile: Rule.RuleModule = {
  meta: { type: "suggestion", schema: [] },
  create(context) {
    return {
      Program(node) {
        const name = basename(context.filename);
        if (/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)+$/.test(name)) return;
        context.report({ node, message: `${name}: name the file in kebab-case.` });
      },
    };
  },
};
