import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

import type { Berth } from "../../berth.ts";

/** Bounds of what takes milliseconds to a minute, in seconds. */
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];
/** Bounds of what may take a day. */
const OPERATION_BUCKETS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];
const ENGINE_STATES = ["starting", "ready", "restarting", "stopped"];
const WATCH_STATES = ["idle", "starting", "synced", "reconnecting", "full", "stopped"];
const EXPOSURE_STATES = ["pending", "ready", "failed", "deleting"];
const USES = ["exposed", "reserved", "strange", "resting"] as const;

/** One answered request. */
export interface RequestFacts {
  readonly protocol: string;
  readonly route: string;
  /** Of HTTP the number, of gRPC and Connect the code's name. */
  readonly status: string;
  readonly seconds: number;
  /** Its time is that of whoever reads it. */
  readonly isStream: boolean;
}

/** Metrics of this replica. Labels are of closed lists, or what operators have named: clusters' pools. */
export interface Metrics {
  readonly contentType: string;
  render(): Promise<string>;
  begin(protocol: string): void;
  end(request: RequestFacts): void;
}

/** Makes the metrics; docs/operate.md has the table of them. */
export function createMetrics(berth: Berth, certificateExpiry: () => number | undefined): Metrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({
    ...{ name: "berth_build_info", help: "1, with the version of Berth.", labelNames: ["version"], registers },
  }).set({ version: berth.version }, 1);
  addOperations(berth, registers);
  addEngine(berth, registers);
  addWatches(berth, registers);
  addLive(berth, registers);
  addExposures(berth, registers);
  new Gauge({
    ...{ name: "berth_ready", help: "Whether a check of /readyz passes.", labelNames: ["check"], registers },
    collect() {
      for (const { name, check } of berth.readiness) this.set({ check: name }, check().ok ? 1 : 0);
    },
  });
  new Gauge({
    name: "berth_tls_certificate_expiry_timestamp_seconds",
    ...{ help: "When the port's certificate ends, as Unix time; absent without TLS.", registers },
    collect() {
      const expiry = certificateExpiry();
      if (expiry === undefined) this.remove();
      else this.set(expiry);
    },
  });
  return { contentType: registry.contentType, render: () => registry.metrics(), ...addRequests(registers) };
}

function addRequests(registers: Registry[]): Pick<Metrics, "begin" | "end"> {
  const total = new Counter({
    ...{ name: "berth_requests_total", help: "Requests that were answered.", registers },
    labelNames: ["protocol", "route", "status"],
  });
  const duration = new Histogram({
    ...{ name: "berth_request_duration_seconds", help: "Time of an answer; streams do not count.", registers },
    ...{ labelNames: ["protocol", "route"], buckets: REQUEST_BUCKETS },
  });
  const open = new Gauge({
    ...{
      name: "berth_requests_open",
      help: "Requests and streams that are open.",
      labelNames: ["protocol"],
      registers,
    },
  });
  return {
    begin: (protocol) => open.inc({ protocol }),
    end({ protocol, route, status, seconds, isStream }) {
      open.dec({ protocol });
      total.inc({ protocol, route, status });
      if (!isStream) duration.observe({ protocol, route }, seconds);
    },
  };
}

function addOperations({ facts }: Berth, registers: Registry[]): void {
  const total = new Counter({
    ...{ name: "berth_operations_total", help: "Operations that ended on this replica.", registers },
    labelNames: ["verb", "state"],
  });
  const duration = new Histogram({
    ...{ name: "berth_operation_duration_seconds", help: "From an operation's begin to its end.", registers },
    ...{ labelNames: ["verb", "state"], buckets: OPERATION_BUCKETS },
  });
  const waited = new Histogram({
    ...{ name: "berth_operation_queued_seconds", help: "From an operation's acceptance to its begin.", registers },
    ...{ labelNames: ["verb"], buckets: OPERATION_BUCKETS },
  });
  facts.onEnded(({ verb, state, createTime, startTime, endTime }) => {
    total.inc({ verb, state });
    if (startTime === undefined || endTime === undefined) return;
    duration.observe({ verb, state }, (endTime.getTime() - startTime.getTime()) / 1000);
    waited.observe({ verb }, Math.max(0, startTime.getTime() - createTime.getTime()) / 1000);
  });
  new Gauge({
    ...{
      name: "berth_operations_open",
      help: "Operations of all replicas by state.",
      labelNames: ["state"],
      registers,
    },
    collect() {
      const { queued, running } = facts.operations();
      this.set({ state: "queued" }, queued);
      this.set({ state: "running" }, running);
    },
  });
  new Gauge({
    ...{ name: "berth_releases", help: "Releases of a cluster; absent while they are not known.", registers },
    labelNames: ["cluster"],
    collect() {
      this.reset();
      for (const { cluster, count } of facts.releases()) this.set({ cluster }, count);
    },
  });
  new Gauge({
    ...{ name: "berth_cluster_up", help: "1 where a cluster answered when it was last asked.", registers },
    labelNames: ["cluster"],
    collect() {
      this.reset();
      for (const { cluster, isUp } of facts.clusters()) this.set({ cluster }, isUp ? 1 : 0);
    },
  });
}

function addEngine({ facts }: Berth, registers: Registry[]): void {
  new Gauge({
    ...{ name: "berth_engine_state", help: "1 for the state that the engine is in.", labelNames: ["state"], registers },
    collect() {
      const { state } = facts.engine();
      for (const one of ENGINE_STATES) this.set({ state: one }, one === state ? 1 : 0);
    },
  });
  new Counter({
    ...{ name: "berth_engine_restarts_total", help: "How often the engine was started again.", registers },
    collect() {
      this.reset();
      this.inc(facts.engine().restarts);
    },
  });
  new Gauge({
    ...{ name: "berth_engine_refused_charts", help: "Charts whose rendering has had no end.", registers },
    collect() {
      this.set(facts.engine().refusedCharts);
    },
  });
}

function addWatches({ facts, defaultCluster }: Berth, registers: Registry[]): void {
  const watches = () =>
    facts
      .watches()
      .map(({ cluster = defaultCluster, name: watch, informer }) => ({ at: { cluster, watch }, informer }));
  new Gauge({
    ...{ name: "berth_watch_objects", help: "Objects of a cache.", labelNames: ["cluster", "watch"], registers },
    collect() {
      this.reset();
      for (const { at, informer } of watches()) this.set(at, informer.size());
    },
  });
  new Gauge({
    ...{ name: "berth_watch_state", help: "1 for the state that a watch is in.", registers },
    labelNames: ["cluster", "watch", "state"],
    collect() {
      this.reset();
      for (const { at, informer } of watches()) {
        for (const state of WATCH_STATES) this.set({ ...at, state }, informer.state().name === state ? 1 : 0);
      }
    },
  });
  new Gauge({
    ...{ name: "berth_watch_silent_seconds", help: "Since a watch was last told anything.", registers },
    labelNames: ["cluster", "watch"],
    collect() {
      this.reset();
      for (const { at, informer } of watches()) {
        const silent = informer.silentMs();
        if (Number.isFinite(silent)) this.set(at, silent / 1000);
      }
    },
  });
}

function addLive({ facts }: Berth, registers: Registry[]): void {
  new Gauge({
    ...{ name: "berth_live_watches", help: "Watches open for those who look at what of releases runs.", registers },
    collect() {
      this.set(facts.liveWatches());
    },
  });
}

function addExposures({ facts }: Berth, registers: Registry[]): void {
  new Gauge({
    ...{ name: "berth_exposures", help: "Exposures by state.", labelNames: ["state"], registers },
    collect() {
      const exposures = facts.exposures();
      for (const state of EXPOSURE_STATES) {
        this.set({ state }, exposures.filter((exposure) => exposure.state === state).length);
      }
    },
  });
  new Gauge({
    ...{ name: "berth_pool_addresses", help: "Addresses of a pool, ready or not.", registers },
    labelNames: ["pool", "ready"],
    collect() {
      this.reset();
      for (const { name: pool, addresses } of facts.pools()) {
        const ready = addresses.filter(({ isReady }) => isReady).length;
        this.set({ pool, ready: "true" }, ready);
        this.set({ pool, ready: "false" }, addresses.length - ready);
      }
    },
  });
  new Gauge({
    ...{ name: "berth_pool_ports", help: "Ports of a pool's range, over all its addresses and protocols.", registers },
    labelNames: ["pool"],
    collect() {
      this.reset();
      for (const { name: pool, addresses, settings } of facts.pools()) {
        this.set({ pool }, addresses.length * (settings.to - settings.from + 1) * 2);
      }
    },
  });
  new Gauge({
    ...{ name: "berth_pool_claims", help: "Claims on ports of a pool, by who has them.", registers },
    labelNames: ["pool", "use"],
    collect() {
      this.reset();
      for (const { name: pool, addresses } of facts.pools()) {
        for (const use of USES)
          this.set(
            { pool, use },
            addresses.reduce((sum, one) => sum + one.use[use], 0),
          );
      }
    },
  });
}
