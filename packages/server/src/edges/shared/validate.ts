import { BerthError } from "@berth/base";
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";

const validator = createValidator();

/** What the rule of `Message/field` means, in words that help. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/ChartSource\w*\/name$/, "Lower-case letters, digits, - and ., at most 63 characters, such as stable."],
  [/\/url$/, "http(s)://host/path or oci://registry/path, without user, query and fragment; credentials stand apart."],
  [/\/refresh_interval$/, 'At least 1 minute and at most 7 days, such as "600s".'],
  [/\/name$/, "Lower-case letters, digits, - and ., at most 53 characters, such as my-release."],
  [/\/(namespace|cluster)$/, "Lower-case letters, digits and -, at most 63 characters."],
  [/\/chart\.digest$/, "sha256: and 64 hexadecimal digits."],
  [/timeout$/, 'More than 0 and at most 24 h, such as "300s".'],
];

/** Checks a message by the rules of its proto; INVALID_ARGUMENT names the first field at fault. */
export function validate(schema: DescMessage, message: Message): void {
  const result = validator.validate(schema, message);
  if (result.kind === "valid") return;
  if (result.kind === "error") throw result.error;
  const [violation] = result.violations;
  if (violation === undefined) return;
  const field = violation.field
    .map((part) => {
      if (part.kind === "field") return `.${part.name}`;
      if (part.kind === "list_sub") return `[${String(part.index)}]`;
      return part.kind === "map_sub" ? `.${String(part.key)}` : "";
    })
    .join("")
    .slice(1);
  throw new BerthError("INVALID_ARGUMENT", `${field}: ${violation.message}.`, {
    field,
    hint: HINTS.find(([pattern]) => pattern.test(`${schema.name}/${field}`))?.[1],
  });
}
