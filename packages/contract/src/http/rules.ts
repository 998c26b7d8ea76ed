import { getOption, hasOption } from "@bufbuild/protobuf";
import type { DescMethod, DescService } from "@bufbuild/protobuf";

import { http } from "../gen/google/api/annotations_pb.ts";
import type { HttpRule } from "../gen/google/api/http_pb.ts";
import { compileTemplate, matchTemplate } from "./template.ts";
import type { Template } from "./template.ts";

/** One way by HTTP to one method: REST and OpenAPI read the same table. */
export interface HttpBinding {
  readonly method: DescMethod;
  readonly verb: string;
  readonly pattern: string;
  readonly template: Template;
  /** `*`: the whole request, a field's name, or empty: no body. */
  readonly body: string;
}

/** What a request fits. */
export type RouteMatch =
  | { readonly type: "found"; readonly binding: HttpBinding; readonly variables: Record<string, string> }
  | { readonly type: "method"; readonly allowed: readonly string[] }
  | { readonly type: "none" };

/** The bindings of services, in the order of their methods. */
export function httpBindings(services: readonly DescService[]): HttpBinding[] {
  return services.flatMap((service) =>
    service.methods.flatMap((method) => {
      if (!hasOption(method, http)) return [];
      const rule = getOption(method, http);
      return [rule, ...rule.additionalBindings].map((one) => toBinding(method, one));
    }),
  );
}

/** Finds the binding of a request; a literal goes before a variable. */
export function matchRoute(bindings: readonly HttpBinding[], verb: string, path: string): RouteMatch {
  const depth = path.split("/").length - 1;
  const fitting = bindings.flatMap((binding) => {
    const { segments } = binding.template;
    // Most differ in their length: the rest is looked at closely.
    if (segments.length !== depth && segments.at(-1)?.type !== "rest") return [];
    const variables = matchTemplate(binding.template, path);
    return variables === undefined ? [] : [{ binding, variables }];
  });
  // A path with a verb also fits the template without it: the verb decides.
  const verbs = fitting.filter(({ binding }) => binding.template.verb !== "");
  const candidates = verbs.length > 0 ? verbs : fitting;
  if (candidates.length === 0) return { type: "none" };
  const found = candidates.find(({ binding }) => binding.verb === verb);
  if (found !== undefined) return { type: "found", ...found };
  return { type: "method", allowed: [...new Set(candidates.map(({ binding }) => binding.verb))].sort() };
}

function toBinding(method: DescMethod, rule: HttpRule): HttpBinding {
  const { case: kind, value } = rule.pattern;
  if (kind === undefined || kind === "custom") throw new Error(`${method.name} has no HTTP method.`);
  return { method, verb: kind.toUpperCase(), pattern: value, template: compileTemplate(value), body: rule.body };
}
