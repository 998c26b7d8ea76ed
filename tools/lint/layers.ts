/**
 * Who may import whom: the folders of the design as data. `judge-import.ts`
 * reads these tables and nothing else knows a folder's name.
 */

/** Packages of the house, each with the packages it may import. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  base: [],
  contract: ["base"],
  "engine-client": ["base", "contract"],
  kube: ["base"],
  server: ["base", "contract", "engine-client", "kube"],
  sdk: ["base", "contract"],
  cli: ["base", "contract", "sdk"],
  console: ["base", "contract", "sdk"],
  devcluster: ["base", "kube"],
};

/** Packages that also run in a browser and so import no module of Node's own. */
export const BROWSER_PACKAGES: readonly string[] = ["base", "contract", "sdk", "console"];

/** Folders of the root that hold no shipped code: they may import any package, at any depth. */
export const FREE_FOLDERS: readonly string[] = ["tools", "bench", "test"];

/** Modules with owners, packages or folders of them: nothing shipped imports them from elsewhere. */
export const OWNED_MODULES: Readonly<Record<string, readonly string[]>> = {
  "node:child_process": ["engine-client", "devcluster"],
  // Callbacks go out to the world: the one place of the gateway that opens connections of its own.
  undici: ["kube", "server/src/domain/operations/callbacks"],
};

/** Folders and files of the gateway, each with those it may import. The first fitting entry counts. */
export const SERVER_ZONES: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["index.ts", "compose.ts", "config.ts", "berth.ts", "edges", "domain"],
  "index.ts": ["compose.ts", "config.ts", "berth.ts", "edges", "domain"],
  "compose.ts": [
    "compose-clusters.ts",
    "compose-facts.ts",
    "compose-exposures.ts",
    "route-exposures.ts",
    "config.ts",
    "berth.ts",
    "version.ts",
    "controllers",
    "domain",
  ],
  "compose-clusters.ts": ["controllers", "domain"],
  "compose-facts.ts": ["compose-clusters.ts", "route-exposures.ts", "berth.ts", "domain"],
  "compose-exposures.ts": ["config.ts", "controllers", "domain"],
  "route-exposures.ts": ["compose-exposures.ts", "domain"],
  // The manifest of its package.
  "version.ts": [""],
  "config.ts": ["config-callbacks.ts", "config-port.ts", "config-verification.ts", "loopback.ts"],
  "config-port.ts": [],
  "config-verification.ts": [],
  "config-callbacks.ts": ["loopback.ts"],
  "loopback.ts": [],
  "berth.ts": ["facts.ts", "domain"],
  "facts.ts": ["domain"],
  edges: ["berth.ts", "edges", "domain"],
  controllers: ["controllers", "domain"],
  domain: ["domain"],
};

/** Rank of each folder of `domain/`: a folder imports only folders of a lower rank. */
export const DOMAIN_RANKS: Readonly<Record<string, number>> = {
  "command.ts": 0,
  audit: 1,
  clusters: 2,
  access: 3,
  tenants: 3,
  "declared-clusters": 4,
  charts: 4,
  "chart-sources": 5,
  releases: 5,
  exposures: 5,
  operations: 6,
  live: 6,
};

/** What an edge never imports: it translates and nothing else. */
export const NOT_IN_EDGES: readonly string[] = ["@berth/engine-client", "@berth/kube"];

/** The engine's shapes: inside `domain/`, only an action speaks to the engine. */
export const ONLY_IN_ACTIONS: readonly string[] = ["@berth/engine-client", "@berth/contract"];

/** Wire formats, which the domain does not know. `/` at the end stands for a whole scope. */
export const NOT_IN_DOMAIN: readonly string[] = [
  "fastify",
  "@fastify/",
  "@connectrpc/",
  "@bufbuild/",
  "@httptoolkit/",
  "node:http",
  "node:http2",
  "node:https",
];
