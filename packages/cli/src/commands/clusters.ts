import { clusterService as api } from "@berth/sdk";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Command } from "commander";

import { speaks } from "../command.ts";
import type { Maker } from "../command.ts";
import { CliError } from "../errors.ts";
import type { Io } from "../io.ts";
import { print } from "../output/print.ts";
import type { Table } from "../output/table.ts";
import { timeText, wordOf } from "../output/text.ts";
import { readText } from "../request/chart.ts";
import { collect } from "../request/values.ts";

interface Options {
  readonly apiServer?: string;
  readonly kubeconfig?: string;
  readonly kubeContext?: string;
  readonly inCluster?: boolean;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly secret?: string;
  readonly proxy?: string;
  readonly tlsServerName?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly watchNamespace?: readonly string[];
  readonly deployRole?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

/** `berth clusters list|get|create|update|bootstrap|delete`. */
export function addClusters(program: Command, maker: Maker): void {
  const clusters = program
    .command("clusters")
    .alias("cluster")
    .summary("see the clusters that Berth acts on, make them known and forget them")
    .description("Sees the clusters that Berth acts on, makes them known and forgets them.");
  const list = clusters
    .command("list")
    .alias("ls")
    .summary("list clusters")
    .description("Lists the clusters, Berth's home first.");
  speaks<object>(maker, list, async ({ io, berth, call }, { format }) => {
    const message = await berth.clusters.listClusters({}, call);
    const show = (wide: boolean) => clusterTable(message.clusters, wide);
    print(io, format, { schema: api.ListClustersResponseSchema, message, show });
  });
  const get = named(clusters, "get")
    .summary("show a cluster")
    .description("Shows a cluster, and how Berth reaches it.");
  speaks<object>(maker, get, async ({ io, berth, call }, { format }, name = "") => {
    const message = await berth.clusters.getCluster({ name }, call);
    print(io, format, { schema: api.ClusterSchema, message, show: (wide) => clusterTable([message], wide) });
  });
  addWrites(maker, clusters);
  addBootstrap(maker, clusters);
  const remove = named(clusters, "delete")
    .summary("forget a cluster")
    .description(
      "Forgets a cluster and the credentials that Berth has stored for it. The cluster itself is not touched.",
    )
    .option("--dry-run", "check all that can be checked, change nothing");
  speaks<Options>(maker, remove, async ({ io, berth, call }, { format, dryRun }, name = "") => {
    const message = await berth.clusters.deleteCluster({ name, validateOnly: dryRun ?? false }, call);
    print(io, format, { schema: api.ClusterSchema, message, show: () => `cluster "${name}" forgotten\n` });
  });
}

function addWrites(maker: Maker, clusters: Command): void {
  const create = withConnection(named(clusters, "create").alias("add"))
    .summary("make a cluster known")
    .description("Makes a cluster known. Its credentials are stored in a Secret of Berth's namespace, and never shown.")
    .option("--in-cluster", "the cluster that Berth is a pod of")
    .option("--secret <name>", "a Secret of Berth's namespace that is there already");
  speaks<Options>(maker, create, async ({ io, berth, call }, options, name = "") => {
    const request = { name, ...(await toRequest(io, options)), secretName: options.secret ?? "" };
    const inCluster = options.inCluster ?? false;
    const message = await berth.clusters.createCluster({ ...request, inCluster }, call);
    print(io, options.format, { schema: api.ClusterSchema, message, show: (wide) => clusterTable([message], wide) });
  });
  const update = withConnection(named(clusters, "update"))
    .summary("change a cluster, or its credentials")
    .description("Changes what is given of a cluster, and leaves the rest as it is. Nothing is restarted.")
    .option("--secret <name>", "another Secret of Berth's namespace");
  speaks<Options>(maker, update, async ({ io, berth, call }, options, name = "") => {
    const before = await berth.clusters.getCluster({ name }, call);
    const { server, context, proxyUrl, tlsServerName, insecureSkipTlsVerify, watchNamespaces, inCluster } = before;
    const kept = { server, context, proxyUrl, tlsServerName, insecureSkipTlsVerify, watchNamespaces, inCluster };
    const given = await toRequest(io, options);
    const request = {
      ...{ name, ...kept, ...given, secretName: options.secret ?? "" },
      // Whoever has changed it meanwhile is not overwritten.
      expectedGeneration: before.generation,
    };
    const message = await berth.clusters.updateCluster(request, call);
    print(io, options.format, { schema: api.ClusterSchema, message, show: (wide) => clusterTable([message], wide) });
  });
}

function addBootstrap(maker: Maker, clusters: Command): void {
  const command = withConnection(named(clusters, "bootstrap"))
    .summary("make on a cluster what Berth needs there, and make it known")
    .description(
      "Prints what Berth needs on a cluster: a ServiceAccount, its rights and the definitions of exposures. With --yes it\n" +
        "is made there, as whoever the credentials are, and Berth knows the cluster by that ServiceAccount from then on.\n" +
        "The credentials given are used for this alone.",
    )
    .option("--deploy-role <name>", "ClusterRole that charts are deployed with (default: cluster-admin; '' binds none)")
    .option("-y, --yes", "make it, not only print it");
  speaks<Options>(maker, command, async ({ io, berth, call }, options, name = "") => {
    const { credentials, ...rest } = await toRequest(io, options);
    if (credentials === undefined) {
      throw new CliError(
        "Nothing says who may make that.",
        "Give --kubeconfig FILE, or --api-server with --token-file.",
      );
    }
    const { deployRole, yes = false, dryRun = false } = options;
    const request = { name, ...rest, credentials, ...(deployRole === undefined ? {} : { deployRole }) };
    const message = await berth.clusters.bootstrapCluster({ ...request, validateOnly: dryRun || !yes }, call);
    const { cluster } = message;
    const show = (wide: boolean) => (cluster === undefined ? message.manifest : clusterTable([cluster], wide));
    print(io, options.format, { schema: api.BootstrapClusterResponseSchema, message, show });
  });
}

function named(clusters: Command, verb: string): Command {
  return clusters.command(verb).argument("<name>", "name of the cluster");
}

function withConnection(command: Command): Command {
  return command
    .option("--kubeconfig <file>", "a kubeconfig that holds all it needs; - is standard input")
    .option("--kube-context <name>", "context of the kubeconfig (default: its current one)")
    .option("--api-server <url>", "https URL of its API server, instead of a kubeconfig")
    .option("--token-file <file>", "file with a bearer token; - is standard input")
    .option("--ca-file <file>", "authorities of its certificate, PEM")
    .option("--cert-file <file>", "client certificate, PEM")
    .option("--key-file <file>", "key of the client certificate, PEM")
    .option("--proxy <url>", "HTTP or HTTPS proxy on the way to it")
    .option("--tls-server-name <name>", "name in its certificate where it is not the server's")
    .option("--insecure-skip-tls-verify", "accept any certificate")
    .option("--watch-namespace <name>", "look at this namespace alone; may be given more than once", collect)
    .option("--dry-run", "check all that can be checked, change nothing");
}

type Request = Omit<MessageInitShape<typeof api.CreateClusterRequestSchema>, "$typeName" | "name">;

/** What is given on the command line, and nothing else. */
async function toRequest(io: Io, options: Options): Promise<Request> {
  const { apiServer, kubeContext, proxy, tlsServerName, insecureSkipTlsVerify, watchNamespace } = options;
  const credentials = await toCredentials(io, options);
  return {
    ...(apiServer === undefined ? {} : { server: apiServer }),
    ...(kubeContext === undefined ? {} : { context: kubeContext }),
    ...(proxy === undefined ? {} : { proxyUrl: proxy }),
    ...(tlsServerName === undefined ? {} : { tlsServerName }),
    ...(insecureSkipTlsVerify === undefined ? {} : { insecureSkipTlsVerify }),
    ...(watchNamespace === undefined ? {} : { watchNamespaces: [...watchNamespace] }),
    ...(credentials === undefined ? {} : { credentials }),
    validateOnly: options.dryRun ?? false,
  };
}

async function toCredentials(io: Io, { kubeconfig, tokenFile, caFile, certFile, keyFile }: Options) {
  if (kubeconfig === "-" && tokenFile === "-") {
    throw new CliError("Standard input is one secret, not two.", "Give one of them by a file.");
  }
  const read = async (file: string) => (file === "-" ? (await io.readStdin()).toString("utf8") : readText(file));
  const credentials = {
    ...(kubeconfig === undefined ? {} : { kubeconfig: await read(kubeconfig) }),
    ...(tokenFile === undefined ? {} : { token: (await read(tokenFile)).trim() }),
    ...(caFile === undefined ? {} : { certificateAuthority: await readText(caFile) }),
    ...(certFile === undefined ? {} : { clientCertificate: await readText(certFile) }),
    ...(keyFile === undefined ? {} : { clientKey: await readText(keyFile) }),
  };
  return Object.keys(credentials).length === 0 ? undefined : credentials;
}

function clusterTable(clusters: readonly api.Cluster[], wide: boolean): Table {
  const more = wide ? ["LATENCY", "LAST CONTACT", "CAPABILITIES", "MESSAGE"] : [];
  return {
    columns: ["NAME", "STATE", "VERSION", "RELEASES", "SERVER", "REASON", ...more],
    rows: clusters.map(({ name, home, server, status }) => {
      const { state = 0, version = "", releases = 0, reason = "", latency, lastContact } = status ?? {};
      const ms = latency === undefined ? "" : `${String(Number(latency.seconds) * 1000 + latency.nanos / 1e6)}ms`;
      const { capabilities = [], message = "", sameAs = [] } = status ?? {};
      const twins = sameAs.length === 0 ? "" : ` It is the same cluster as ${sameAs.join(", ")}.`;
      const rest = [ms, timeText(lastContact), capabilities.join(","), message + twins];
      const cells = [home ? `${name} (home)` : name, wordOf(api.ClusterState, state), version, String(releases)];
      return [...cells, server, reason, ...(wide ? rest : [])];
    }),
  };
}
