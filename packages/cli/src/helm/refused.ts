const NO_KUBECONFIG = "Berth reaches the cluster: name one with --cluster, or a Berth with --server or --context.";
const LIMITS = "Berth has its own limits towards the API server.";
const CACHES = "Charts and indexes are kept by Berth; --refresh asks a repository again.";
const SOURCES = "Name repositories with berth sources, or give --repo.";
const RENDERER = "Berth runs no foreign program. Change the manifest by the chart's values.";
const BY_CLUSTER = "Charts are rendered for the cluster that they go to, and see what it has.";

/** Helm's options that there are none of here, and what to do instead. docs/cli.md names each. */
export const REFUSED_OPTIONS: Readonly<Record<string, string>> = {
  "--kubeconfig": NO_KUBECONFIG,
  "--kube-apiserver": NO_KUBECONFIG,
  "--kube-ca-file": NO_KUBECONFIG,
  "--kube-context": NO_KUBECONFIG,
  "--kube-insecure-skip-tls-verify": NO_KUBECONFIG,
  "--kube-tls-server-name": NO_KUBECONFIG,
  "--kube-token": "A token is BERTH_TOKEN, or the tokenFile of a context.",
  "--kube-as-user": "Berth acts for whoever calls it.",
  "--kube-as-group": "Berth acts for whoever calls it.",
  "--burst-limit": LIMITS,
  "--qps": LIMITS,
  "--content-cache": CACHES,
  "--repository-cache": CACHES,
  "--repository-config": SOURCES,
  "--registry-config": "Give --username and --password-stdin, or name the registry with berth sources.",
  "--debug": "Errors have their field, object, hint and request id always; -o json shows all there is.",
  "--password": "A password in a command line is seen by others: give --password-stdin.",
  "--keyring": "Keys stand in Berth's configuration, and --verify asks for them.",
  "--dependency-update": "A chart brings its dependencies in charts/: run helm dependency update before.",
  "--disable-openapi-validation": "The API server says what is valid, and --dry-run asks it.",
  "--enable-dns": "Templates look nothing up outside of the cluster.",
  "--name-template": "Give a name, or --generate-name.",
  "--post-renderer": RENDERER,
  "--post-renderer-args": RENDERER,
  "--render-subchart-notes": "Notes are those of the chart itself.",
  "--api-versions": BY_CLUSTER,
  "--kube-version": BY_CLUSTER,
  "--is-upgrade": "berth diff upgrade shows what an upgrade would make.",
  "--rollback-on-failure": "Nothing is written here that could be rolled back.",
  "--time-format": "Times are RFC 3339 in UTC; -o json has them to the millisecond.",
  "--template": "Give -o jsonpath='{…}', or -o json.",
  "--show-rollback-revision": "The description of a revision says what it went back to.",
  "--prov": "Give --verify: Berth fetches the provenance and checks it.",
  "--regexp": "Words are looked for in name, description and keywords.",
  "--endpoint": "Artifact Hub is not asked. Name repositories with berth sources, or give --repo.",
  "--list-repo-url": "Artifact Hub is not asked. Name repositories with berth sources, or give --repo.",
};

/** Helm's commands that there are none of here, and what to do instead. */
export const REFUSED_COMMANDS: Readonly<Record<string, string>> = {
  repo: "berth sources create NAME URL names a repository for all who use the namespace; --repo URL needs none.",
  registry: "berth sources create, or --username and --password-stdin with each command.",
  dependency: "Berth takes charts as they are: run helm dependency before.",
  package: "Give the chart's folder: it is packed and uploaded.",
  push: "Berth fetches charts and stores none: push with helm.",
  create: "Begin a chart with helm create.",
  lint: "berth template and berth install --dry-run say what is wrong with a chart on the cluster.",
  verify: "Give --verify to install, upgrade, show or pull.",
  plugin: "Berth runs no foreign program.",
  env: "berth config view shows the configuration.",
};

/** What to do instead of a word of Helm's, where there is nothing of its name. */
export function refusalOf(word: string): string | undefined {
  const [name = ""] = word.split("=");
  return own(REFUSED_OPTIONS, name) ?? own(REFUSED_COMMANDS, name);
}

function own(table: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
