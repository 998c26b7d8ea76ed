const chart = { name: "web", version: "^1.2.0", repository: "https://charts.example.com/stable" };

/** A usual body of each RPC that has one; a test keeps them true. */
export const EXAMPLES: Readonly<Record<string, object>> = {
  InstallRelease: { name: "web", chart, values: { replicaCount: 2 }, options: { wait: true, timeout: "300s" } },
  UpgradeRelease: { chart, values: { replicaCount: 3 }, options: { wait: true }, install_if_missing: true },
  RollbackRelease: { revision: 3, options: { wait: true } },
  TestRelease: { timeout: "120s" },
  UnlockRelease: { expected_revision: 4 },
  PlanInstall: { name: "web", chart, values: { replicaCount: 2 } },
  PlanUpgrade: { chart, values: { replicaCount: 3 } },
  RenderRelease: { name: "web", chart },
  CompareReleaseValues: { chart },
  ExposeRelease: { pool: "public", delete_with_release: true },
  CancelOperation: {},
  RetryOperation: {},
  SearchCharts: { query: "postgres", page_size: 20 },
  ListChartVersions: { chart, page_size: 10 },
  ShowChart: { chart, file: "README.md" },
  CreateChartSource: { name: "stable", url: "https://charts.example.com/stable", refresh_interval: "600s" },
  UpdateChartSource: { url: "https://charts.example.com/stable", expected_generation: "2" },
  RefreshChartSource: {},
  CreateExposure: { service: "web", service_port_name: "http", pool: "public", protocols: ["PROTOCOL_TCP"] },
  ReservePort: { pool: "public", ttl: "300s" },
  CreatePool: { name: "public", driver: "DRIVER_GATEWAY", ports: { from: 30_000, to: 30_999 }, namespaces: ["team"] },
  CreateCluster: { name: "eu-1", server: "https://10.0.0.5:6443", secret_name: "eu-1", watch_namespaces: ["shop"] },
  UpdateCluster: { server: "https://10.0.0.6:6443", secret_name: "eu-1", expected_generation: "1" },
  BootstrapCluster: {
    ...{ name: "eu-1", server: "https://10.0.0.5:6443", credentials: { token: "an administrator's token" } },
    validate_only: true,
  },
  CreateAddress: { name: "edge-1", gateway: { namespace: "gateways", name: "shared" } },
};

const chartUrl = "https://charts.example.com/stable/zetcd-0.1.2.tgz";

/** The same of Swift's. */
export const SWIFT_EXAMPLES: Readonly<Record<string, object>> = {
  InstallRelease: { chart_url: chartUrl, namespace: "default", values: { raw: '{"ui": {"enabled": false}}' } },
  UpdateRelease: {
    chart_url: "stable/zetcd/0.1.2",
    namespace: "default",
    values: { raw: "replicas: 2\n" },
    wait: true,
  },
};
