import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

import { houseRules } from "./tools/lint/index.ts";

const TESTS = ["**/*.test.ts", "test/**", "packages/*/test/**"];

/** Syntax the house does without. */
const SYNTAX = [
  { selector: "ExportDefaultDeclaration", message: "Export by name." },
  { selector: "ExportAllDeclaration[exported=null]", message: "Name each export." },
  { selector: "TSEnumDeclaration", message: "Use a union of literals." },
  { selector: "TSParameterProperty", message: "Declare the field." },
];

export default defineConfig(
  globalIgnores(["packages/contract/src/gen/", "engine/", "toolchain/", "**/*.{js,mjs,cjs}", "!tools/bootstrap/*.mjs"]),
  { linterOptions: { reportUnusedDisableDirectives: "error" }, plugins: { berth: houseRules } },
  {
    files: ["tools/bootstrap/**/*.mjs"],
    rules: { "berth/kebab-case-file": "error", "max-lines": ["error", { max: 300 }] },
  },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "berth/kebab-case-file": "error",
      "berth/layers": "error",
      "berth/process-in-main": "error",
      "berth/static-log-message": "error",
      eqeqeq: "error",
      "func-style": ["error", "declaration", { allowArrowFunctions: true }],
      "max-lines": ["error", { max: 300 }],
      "max-lines-per-function": ["error", { max: 70 }],
      "no-control-regex": "error",
      "no-restricted-syntax": ["error", ...SYNTAX],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/no-dynamic-delete": "off",
      "@typescript-eslint/no-invalid-void-type": "off",
      "@typescript-eslint/no-meaningless-void-operator": "off",
      "@typescript-eslint/no-unnecessary-boolean-literal-compare": "off",
      // Does not see that a signal or a flag changes while a function waits.
      "@typescript-eslint/no-unnecessary-condition": "off",
      // The house's objects are closures: their methods have no `this`.
      "@typescript-eslint/unbound-method": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true },
      ],
    },
  },
  {
    // Libraries; what the gateway exports is seen by the gateway alone.
    files: ["packages/*/src/**/*.ts"],
    ignores: ["packages/server/**"],
    rules: { "berth/documented-export": "error" },
  },
  {
    files: TESTS,
    rules: {
      "max-lines": ["error", { max: 500 }],
      "max-lines-per-function": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      // node:test's own functions answer promises that the runner awaits.
      "@typescript-eslint/no-floating-promises": [
        "error",
        {
          allowForKnownSafeCalls: [
            { from: "package", name: ["describe", "it", "suite", "test"], package: "node:test" },
          ],
        },
      ],
    },
  },
);
