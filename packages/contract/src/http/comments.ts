import comments from "./comments.json" with { type: "json" };

/** What the protos say of a service, method, message, field, enum or value of an API, by its full name; else empty. */
export function commentOf(name: string): string {
  return (comments as Readonly<Record<string, string>>)[name] ?? "";
}
