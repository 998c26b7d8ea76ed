import { readFileSync } from "node:fs";

import { BerthError } from "@berth/base";
import { parse } from "yaml";
import { z } from "zod";

import { readCallback } from "./config-callbacks.ts";
import { portSchema, readLimits, readTls } from "./config-port.ts";
import { readVerification, verificationSchema } from "./config-verification.ts";
import { isLoopback } from "./loopback.ts";

const repository = z.strictObject({
  url: z.url({ protocol: /^(https?|oci)$/ }),
  username: z.string().optional(),
  password: z.string().optional(),
  bearerToken: z.string().optional(),
  /** PEM texts. */
  certificateAuthority: z.string().optional(),
  clientCertificate: z.string().optional(),
  clientKey: z.string().optional(),
  insecureSkipTlsVerify: z.boolean().optional(),
  passCredentials: z.boolean().optional(),
  plainHttp: z.boolean().optional(),
});

/** The configuration file: what is too long for the environment. */
const fileSchema = z.strictObject({
  /** Names that stand before a chart's name, as in `stable/rabbitmq`. */
  repositories: z.record(z.string().regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/), repository).default({}),
  /** Keys that are trusted to sign charts (Helm's provenance), and whether every chart has to be signed. */
  verification: verificationSchema.optional(),
  egress: z
    .strictObject({
      allowLoopback: z.boolean().optional(),
      allowLinkLocal: z.boolean().default(false),
      allowedHosts: z.array(z.string()).default([]),
      allowedCidrs: z.array(z.union([z.cidrv4(), z.cidrv6()])).default([]),
    })
    .prefault({}),
  /** How many operations a replica works on at once, and how many may be open in all. */
  operations: z
    .strictObject({
      active: z.number().int().min(1).max(1000).default(16),
      running: z.number().int().min(1).max(10_000).default(600),
      perCluster: z.number().int().min(1).max(10_000).default(600),
      perTenant: z.number().int().min(1).max(10_000).default(500),
      open: z.number().int().min(1).max(100_000).default(10_000),
      openPerTenant: z.number().int().min(1).max(100_000).default(5_000),
    })
    .prefault({}),
  /** How many stored revisions one watch holds: Secrets and ConfigMaps of a cluster count apart. */
  releases: z
    .strictObject({ maxStoredRevisions: z.number().int().min(1).max(10_000_000).default(500_000) })
    .prefault({}),
  /** How long ended operations are kept, and how many at most; how long what failed can be repeated. */
  retention: z
    .strictObject({
      hours: z.number().min(0).max(8760).default(72),
      count: z.number().int().min(0).max(100_000).default(5_000),
      retryMinutes: z.number().min(0).max(10_080).default(60),
    })
    .prefault({}),
  /** Who may be told of an operation's end, each with the file of the keys that sign. */
  callbacks: z
    .array(
      z.strictObject({
        url: z.url({ protocol: /^https?$/ }),
        secretFile: z.string().min(1),
        /** PEM text. */
        certificateAuthority: z.string().optional(),
      }),
    )
    .max(1000)
    .default([]),
  /** Limits of the port. */
  port: portSchema.prefault({}),
  /** When a release without an ending counts as stuck, and when Berth itself unlocks it: never where absent. */
  stuck: z
    .strictObject({
      afterSeconds: z.number().min(1).max(86_400).default(60),
      unlockAfterMinutes: z.number().min(0).max(10_080).optional(),
    })
    .prefault({}),
});

const flag = z.stringbool().default(false);

/** The environment: what says where this process stands. */
const environmentSchema = z.object({
  BERTH_HOST: z.string().default("127.0.0.1"),
  BERTH_PORT: z.coerce.number().int().min(0).max(65_535).default(4000),
  BERTH_SWIFT_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  BERTH_TLS_CERT_FILE: z.string().default(""),
  BERTH_TLS_KEY_FILE: z.string().default(""),
  BERTH_TLS_CLIENT_CA_FILE: z.string().default(""),
  BERTH_TLS_MIN_VERSION: z.enum(["1.2", "1.3"]).default("1.2"),
  BERTH_UNAUTHENTICATED_FROM: z
    .string()
    .default("")
    .transform((text) => text.split(",").flatMap((network) => (network.trim() === "" ? [] : [network.trim()])))
    .pipe(z.array(z.union([z.cidrv4(), z.cidrv6()]))),
  BERTH_KUBECONFIG: z.string().default(""),
  BERTH_CONTEXT: z.string().default(""),
  BERTH_CLUSTER: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
    .max(63)
    .default("local"),
  BERTH_NAMESPACE: z.string().default("default"),
  BERTH_WATCH_NAMESPACES: z
    .string()
    .default("")
    .transform((text) => text.split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim()])))
    .pipe(
      z
        .array(
          z
            .string()
            .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
            .max(63),
        )
        .max(100),
    ),
  BERTH_HOME_NAMESPACE: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
    .max(63)
    .default("berth-system"),
  BERTH_ENGINE: z.string().min(1),
  BERTH_CONFIG: z.string().default(""),
  BERTH_LOCAL_CHARTS: flag,
  BERTH_EXIT_WITH_STDIN: flag,
  BERTH_POOL: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
    .max(63)
    .optional(),
  // As Autom8s calls them.
  LoadBalancerNamespace: z.string().default(""),
  LOAD_BALANCER_NAMESPACE: z.string().default(""),
  IngressLabel: z.string().default(""),
  INGRESS_LABEL: z.string().default(""),
  PORT_MIN: z.coerce.number().int().min(1).max(65_535).default(20_000),
  PORT_MAX: z.coerce.number().int().min(1).max(65_535).default(30_000),
  BERTH_LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).default("info"),
  /** What Kubernetes tells a pod. */
  KUBERNETES_SERVICE_HOST: z.string().optional(),
  KUBERNETES_SERVICE_PORT: z.string().optional(),
});

/** Everything that can be set, checked and frozen. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** A second port, for Swift's clients; undefined for none. */
  readonly swiftPort: number | undefined;
  /** Networks (CIDR) whose callers are let in without credentials, beside this machine's own. */
  readonly callers: readonly string[];
  /** The port's files of TLS; undefined: it has none. */
  readonly tls: ReturnType<typeof readTls>;
  readonly limits: ReturnType<typeof readLimits>;
  /** Empty: Berth is a pod of its cluster. */
  readonly kubeconfig: string;
  /** Empty: the kubeconfig's current context. */
  readonly context: string;
  /** How a pod reaches its cluster. */
  readonly pod: { readonly host: string | undefined; readonly port: string | undefined };
  /** Name of the cluster in paths. */
  readonly cluster: string;
  /** The only namespaces of its cluster in which Berth looks for releases; empty: all. */
  readonly watchNamespaces: readonly string[];
  /** Namespace that dialects without namespaces mean. */
  readonly namespace: string;
  /** Namespace of Berth's own objects in its home cluster. */
  readonly homeNamespace: string;
  /** Pool that dialects without pools mean. */
  readonly pool: string;
  /** The ingress controllers that Autom8s' variables name; none where their namespace is empty. */
  readonly ingress: { readonly namespace: string; readonly label: string; readonly from: number; readonly to: number };
  /** Path of the engine's binary. */
  readonly engine: string;
  /** What of the environment the engine gets. */
  readonly engineEnvironment: Readonly<Record<string, string>>;
  readonly localCharts: boolean;
  readonly exitWithStdin: boolean;
  readonly logLevel: string;
  readonly repositories: Readonly<Record<string, z.infer<typeof repository>>>;
  readonly verification: ReturnType<typeof readVerification> | undefined;
  readonly operations: z.infer<typeof fileSchema>["operations"];
  /** More stored revisions of a cluster than these are not followed: Secrets and ConfigMaps count apart. */
  readonly maxStoredRevisions: number;
  readonly retention: { readonly ms: number; readonly count: number; readonly retryMs: number };
  readonly callbacks: readonly {
    readonly url: string;
    readonly keys: readonly Uint8Array[];
    readonly certificateAuthority: string | undefined;
  }[];
  readonly stuck: { readonly afterMs: number; readonly unlockAfterMs: number | undefined };
  readonly egress: {
    readonly allowLoopback: boolean;
    readonly allowLinkLocal: boolean;
    readonly allowedHosts: readonly string[];
    readonly allowedCidrs: readonly string[];
  };
}

/** Reads the configuration out of an environment. INVALID_ARGUMENT names the variable that is wrong. */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const env = check(environmentSchema, environment, "environment");
  const file = check(fileSchema, env.BERTH_CONFIG === "" ? {} : parse(readFileSync(env.BERTH_CONFIG, "utf8")), "file");
  checkEnvironment(env);
  // Charts of the machine and repositories of the machine go together: `up` has both.
  const egress = { ...file.egress, allowLoopback: file.egress.allowLoopback ?? env.BERTH_LOCAL_CHARTS };
  const ingressNamespace = env.LOAD_BALANCER_NAMESPACE || env.LoadBalancerNamespace;
  return Object.freeze({
    pool: env.BERTH_POOL ?? (ingressNamespace === "" ? "default" : "autom8s"),
    ingress: {
      ...{ namespace: ingressNamespace, label: env.INGRESS_LABEL || env.IngressLabel },
      ...{ from: env.PORT_MIN, to: env.PORT_MAX },
    },
    host: env.BERTH_HOST,
    port: env.BERTH_PORT,
    swiftPort: env.BERTH_SWIFT_PORT,
    callers: env.BERTH_UNAUTHENTICATED_FROM,
    tls: readTls(env),
    limits: readLimits(file.port),
    kubeconfig: env.BERTH_KUBECONFIG,
    context: env.BERTH_CONTEXT,
    pod: { host: env.KUBERNETES_SERVICE_HOST, port: env.KUBERNETES_SERVICE_PORT },
    cluster: env.BERTH_CLUSTER,
    namespace: env.BERTH_NAMESPACE,
    watchNamespaces: env.BERTH_WATCH_NAMESPACES,
    homeNamespace: env.BERTH_HOME_NAMESPACE,
    engine: env.BERTH_ENGINE,
    engineEnvironment: pick(environment, ENGINE_VARIABLES),
    localCharts: env.BERTH_LOCAL_CHARTS,
    exitWithStdin: env.BERTH_EXIT_WITH_STDIN,
    logLevel: env.BERTH_LOG_LEVEL,
    repositories: file.repositories,
    operations: file.operations,
    maxStoredRevisions: file.releases.maxStoredRevisions,
    retention: {
      ms: file.retention.hours * 3_600_000,
      count: file.retention.count,
      retryMs: file.retention.retryMinutes * 60_000,
    },
    stuck: {
      afterMs: file.stuck.afterSeconds * 1000,
      unlockAfterMs: file.stuck.unlockAfterMinutes === undefined ? undefined : file.stuck.unlockAfterMinutes * 60_000,
    },
    verification: file.verification === undefined ? undefined : readVerification(file.verification),
    callbacks: file.callbacks.map((callback, index) => readCallback(callback, `callbacks.${String(index)}`, egress)),
    egress,
  });
}

/** What the variables must be together. */
function checkEnvironment(env: z.infer<typeof environmentSchema>): void {
  if (!isLoopback(env.BERTH_HOST) && env.BERTH_UNAUTHENTICATED_FROM.length === 0) {
    throw new BerthError(
      "INVALID_ARGUMENT",
      `Berth does not listen on ${env.BERTH_HOST}: it knows no identities yet.`,
      {
        field: "BERTH_HOST",
        hint: "Leave it at 127.0.0.1, or name the networks in BERTH_UNAUTHENTICATED_FROM whose callers may do all.",
      },
    );
  }
  if (env.BERTH_KUBECONFIG === "" && env.KUBERNETES_SERVICE_HOST === undefined) {
    throw new BerthError("INVALID_ARGUMENT", "No cluster is named, and this is not a pod of one.", {
      field: "BERTH_KUBECONFIG",
      hint: "Give the path of a kubeconfig.",
    });
  }
}

/** Variables of Go's runtime and of its TLS roots that reach the engine. */
const ENGINE_VARIABLES = ["GOGC", "GOMEMLIMIT", "GOMAXPROCS", "SSL_CERT_FILE", "SSL_CERT_DIR"];

function pick(from: Readonly<Record<string, string | undefined>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]]])));
}

function check<T>(schema: z.ZodType<T>, input: unknown, where: string): T {
  const parsed = schema.safeParse(input ?? {});
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".") ?? "";
  throw new BerthError("INVALID_ARGUMENT", `Configuration (${where}): ${field}: ${issue?.message ?? "not valid"}.`, {
    field,
    hint: "docs/configuration.md lists what can be set.",
  });
}
