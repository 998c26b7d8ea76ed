import { BerthError } from "@berth/base";
import { parse } from "yaml";
import { z } from "zod";

const text = z.string().optional();

const cluster = z.object({
  server: z.url({ protocol: /^https?$/ }),
  "certificate-authority": text,
  "certificate-authority-data": text,
  "insecure-skip-tls-verify": z.boolean().optional(),
  "tls-server-name": text,
  "proxy-url": text,
});

const user = z.object({
  "client-certificate": text,
  "client-certificate-data": text,
  "client-key": text,
  "client-key-data": text,
  token: text,
  tokenFile: text,
  exec: z.unknown().optional(),
  "auth-provider": z.unknown().optional(),
  username: text,
  as: text,
  "as-uid": text,
  "as-groups": z.unknown().optional(),
});

const context = z.object({ cluster: z.string(), user: z.string().default("") });

/** kubectl writes null for an empty list. */
function listOf<T extends z.ZodType>(entry: T) {
  return z
    .array(entry)
    .nullish()
    .transform((entries) => entries ?? []);
}

const schema = z.object({
  // Others than the chosen one may be broken: each is parsed when it is chosen.
  clusters: listOf(z.object({ name: z.string(), cluster: z.unknown() })),
  users: listOf(z.object({ name: z.string(), user: z.unknown() })),
  contexts: listOf(z.object({ name: z.string(), context })),
  "current-context": z.string().nullish(),
});

/** What a context of a kubeconfig refers to. */
export interface ChosenContext {
  readonly cluster: z.infer<typeof cluster>;
  readonly user: z.infer<typeof user>;
  readonly userName: string;
}

/** Parses a kubeconfig and finds a context; empty: the current one. INVALID_ARGUMENT where it has none such. */
export function parseKubeconfig(content: string, name: string): ChosenContext {
  const config = check(schema, parseYaml(content), "The kubeconfig cannot be read");
  const wanted = name === "" ? (config["current-context"] ?? "") : name;
  const found = config.contexts.find((entry) => entry.name === wanted)?.context;
  const chosen = config.clusters.find((entry) => entry.name === found?.cluster);
  if (found === undefined || chosen === undefined) {
    const names = config.contexts.map((entry) => entry.name).join(", ");
    throw refuse(
      `The kubeconfig has no usable context "${wanted}".`,
      `Its contexts: ${names === "" ? "none" : names}.`,
    );
  }
  const userEntry = config.users.find((entry) => entry.name === found.user)?.user;
  return {
    cluster: check(cluster, chosen.cluster, `Cluster "${chosen.name}" of the kubeconfig cannot be used`),
    user: check(user, userEntry ?? {}, `User "${found.user}" of the kubeconfig cannot be used`),
    userName: found.user,
  };
}

/** The error of a kubeconfig that cannot be used. */
export function refuse(message: string, hint: string, cause?: unknown): BerthError {
  return new BerthError("INVALID_ARGUMENT", message, { field: "kubeconfig", hint, cause });
}

const HINT = "Check it with `kubectl config view`.";

function parseYaml(content: string): unknown {
  try {
    return parse(content) as unknown;
  } catch {
    // YAML's own message quotes the text around the mistake, which may be a key.
    throw refuse("The kubeconfig is not YAML.", HINT);
  }
}

function check<T extends z.ZodType>(type: T, value: unknown, what: string): z.infer<T> {
  const result = type.safeParse(value);
  if (result.success) return result.data;
  const place = result.error.issues[0]?.path.join(".") ?? "";
  throw refuse(`${what}${place === "" ? "" : ` at ${place}`}.`, HINT);
}
