import { relative, sep } from "node:path";

import type { Rule } from "eslint";

import { placeOf } from "../place.ts";

/** Every export of a package has TSDoc before it. Re-exports are documented where they are declared. */
export const documentedExport: Rule.RuleModule = {
  meta: { type: "suggestion", schema: [] },
  create(context) {
    const place = placeOf(relative(context.cwd, context.filename).split(sep).join("/"));
    if (place.package === "" || place.isFree) return {};
    return {
      ExportNamedDeclaration(node) {
        if (!node.declaration) return;
        const comment = context.sourceCode.getCommentsBefore(node).at(-1);
        if (comment?.type === "Block" && comment.value.startsWith("*")) return;
        context.report({ node, message: "Say in TSDoc what this export takes and gives." });
      },
    };
  },
};
