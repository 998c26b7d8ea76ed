import type { Rule } from "eslint";

const LEVELS = ["debug", "info", "warn", "error"];
const LOGGERS = ["log", "logger"];

/** A log message is constant text; what varies goes into the fields before it. */
export const staticLogMessage: Rule.RuleModule = {
  meta: { type: "problem", schema: [] },
  create(context) {
    return {
      CallExpression(node) {
        const { callee } = node;
        if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier") return;
        if (!LEVELS.includes(callee.property.name) || !isLogger(callee.object)) return;
        const message = node.arguments[1];
        const isConstant =
          (message?.type === "Literal" && typeof message.value === "string") ||
          (message?.type === "TemplateLiteral" && message.expressions.length === 0);
        if (isConstant) return;
        context.report({ node, message: 'Log with fields and a constant message: log.info({ name }, "text").' });
      },
    };
  },
};

function isLogger(node: Rule.Node | { type: string }): boolean {
  const named = node as { type: string; name?: string; property?: { name?: string } };
  const name = named.type === "MemberExpression" ? named.property?.name : named.name;
  return LOGGERS.includes(name ?? "");
}
