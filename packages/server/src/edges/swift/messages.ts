import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { hapiChart, hapiRelease } from "@berth/contract";
import type { swift } from "@berth/contract";
import type { MessageInitShape } from "@bufbuild/protobuf";

import type { Hook, LiveRelease, ObjectStatus, Release, RevisionContent } from "../../domain/releases/index.ts";

type Metadata = MessageInitShape<typeof hapiChart.MetadataSchema>;
type Status = MessageInitShape<typeof hapiRelease.StatusSchema>;
type HapiHook = MessageInitShape<typeof hapiRelease.HookSchema>;

const { Status_Code: Code, Hook_Event: Event, Hook_DeletePolicy: Policy, TestRun_Status: Run } = hapiRelease;

/** Helm's word of today to that of Helm 2. */
const CODES: Readonly<Record<string, hapiRelease.Status_Code>> = {
  deployed: Code.DEPLOYED,
  uninstalled: Code.DELETED,
  superseded: Code.SUPERSEDED,
  failed: Code.FAILED,
  uninstalling: Code.DELETING,
  "pending-install": Code.PENDING_INSTALL,
  "pending-upgrade": Code.PENDING_UPGRADE,
  "pending-rollback": Code.PENDING_ROLLBACK,
};

const EVENTS: Readonly<Record<string, hapiRelease.Hook_Event>> = {
  "pre-install": Event.PRE_INSTALL,
  "post-install": Event.POST_INSTALL,
  "pre-delete": Event.PRE_DELETE,
  "post-delete": Event.POST_DELETE,
  "pre-upgrade": Event.PRE_UPGRADE,
  "post-upgrade": Event.POST_UPGRADE,
  "pre-rollback": Event.PRE_ROLLBACK,
  "post-rollback": Event.POST_ROLLBACK,
  test: Event.RELEASE_TEST_SUCCESS,
};

const POLICIES: Readonly<Record<string, hapiRelease.Hook_DeletePolicy>> = {
  "hook-succeeded": Policy.SUCCEEDED,
  "hook-failed": Policy.FAILED,
  "before-hook-creation": Policy.BEFORE_HOOK_CREATION,
};

const RUNS: Readonly<Record<string, hapiRelease.TestRun_Status>> = {
  Succeeded: Run.SUCCESS,
  Failed: Run.FAILURE,
  Running: Run.RUNNING,
};

/** Helm's words for Helm 2's names of states; those that nobody knows are passed over, as Swift did. */
export function toStatuses(names: readonly string[]): string[] {
  const wanted = new Set(names.map((name) => Code[name as keyof typeof Code] as number | undefined));
  const known = Object.entries(CODES).filter(([, code]) => wanted.has(code));
  return [...known.map(([status]) => status), ...(wanted.has(Code.UNKNOWN) ? ["unknown"] : [])];
}

/** State and times of a revision; `more` of its state. */
export function toInfo(release: Release, more: Omit<Status, "code" | "$typeName"> = {}): hapiRelease.Info {
  const { status, description, firstDeployed, lastDeployed, deleted } = release;
  return create(hapiRelease.InfoSchema, {
    status: { code: CODES[status] ?? Code.UNKNOWN, ...more } as Status,
    Description: description,
    ...(firstDeployed === undefined ? {} : { firstDeployed: timestampFromDate(firstDeployed) }),
    ...(lastDeployed === undefined ? {} : { lastDeployed: timestampFromDate(lastDeployed) }),
    ...(deleted === undefined ? {} : { deleted: timestampFromDate(deleted) }),
  });
}

/** A whole revision; `asJson`: values as JSON instead of YAML. */
export function toRelease(content: RevisionContent, asJson = false): hapiRelease.Release {
  const { release, chart, hooks, manifest } = content;
  const defaults = chart?.valuesYaml ?? "";
  return create(hapiRelease.ReleaseSchema, {
    ...{ name: release.name, namespace: release.namespace, version: release.revision, manifest },
    info: toInfo(release, toState(content)),
    chart: {
      metadata: toMetadata(content),
      templates: chart?.templates.map(({ name, data }) => ({ name, data: new Uint8Array(data) })) ?? [],
      files: chart?.files.map(({ name, data }) => ({ typeUrl: name, value: new Uint8Array(data) })) ?? [],
      // Asked for as JSON the values of the chart are what the caller's were laid over.
      values: { raw: asJson ? JSON.stringify(content.computedValues) : defaults },
    },
    config: toConfig(content, asJson),
    hooks: hooks.map(toHook),
  });
}

/** What a revision's state says beside its code. */
export function toState({ notes, hooks }: RevisionContent): { notes: string } & Pick<Status, "lastTestSuiteRun"> {
  return { notes, ...toTestSuite(hooks) };
}

/** A revision in short, as histories have it. */
export function toShortRelease(release: Release): hapiRelease.Release {
  const { name, namespace, revision, chart } = release;
  const metadata = chart === undefined ? {} : { chart: { metadata: chart } };
  const info = toInfo(release);
  return create(hapiRelease.ReleaseSchema, { name, namespace, version: revision, info, ...metadata });
}

/** A line of a list. */
export function toSummary(content: RevisionContent): MessageInitShape<typeof swift.ReleaseSummarySchema> {
  const { release } = content;
  return {
    ...{ name: release.name, namespace: release.namespace, version: release.revision },
    info: toInfo(release),
    chartMetadata: toMetadata(content),
    config: toConfig(content, false),
  };
}

/** The objects of a release and how they are, a line each below their kind, as `helm status` of Helm 2 had it. */
export function toResources({ objects }: LiveRelease): string {
  const kinds = Map.groupBy(objects, ({ object }) => `${object.apiVersion}/${object.kind}`);
  return [...kinds].map(([kind, members]) => `==> ${kind}\n${members.map(toLine).join("")}`).join("\n");
}

function toLine({ object, status, reason }: ObjectStatus): string {
  return `${object.name}  ${status}${reason === "" ? "" : `  ${reason}`}\n`;
}

function toConfig({ values, valuesYaml }: RevisionContent, asJson: boolean) {
  return { raw: asJson ? JSON.stringify(values) : valuesYaml };
}

/** The Chart.yaml, as far as Helm 2 knew its fields. */
function toMetadata({ chartMetadata: given }: RevisionContent): Metadata {
  const texts = ["name", "home", "version", "description", "icon", "apiVersion", "condition", "tags", "appVersion"];
  const strings = [...texts, "kubeVersion"].flatMap((field) => {
    const value = given[field];
    return typeof value === "string" ? [[field, value]] : [];
  });
  const maintainers = listOf(given.maintainers).map((one) => create(hapiChart.MaintainerSchema, one as object));
  return {
    ...(Object.fromEntries(strings) as Metadata),
    sources: listOf(given.sources).map(String),
    keywords: listOf(given.keywords).map(String),
    maintainers,
    deprecated: given.deprecated === true,
    annotations: (given.annotations ?? {}) as Record<string, string>,
    engine: "gotpl",
  };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function toHook(hook: Hook): HapiHook {
  const { name, kind, path, manifest, events, weight, deletePolicies, lastStarted } = hook;
  return {
    ...{ name, kind, path, manifest, weight },
    events: events.map((event) => EVENTS[event] ?? Event.UNKNOWN),
    deletePolicies: deletePolicies.flatMap((policy) => POLICIES[policy] ?? []),
    ...(lastStarted === undefined ? {} : { lastRun: timestampFromDate(lastStarted) }),
  };
}

/** The last run of the tests, where there was one. */
function toTestSuite(
  hooks: readonly Hook[],
): Pick<MessageInitShape<typeof hapiRelease.StatusSchema>, "lastTestSuiteRun"> {
  const tests = hooks.filter(({ events, lastStarted }) => events.includes("test") && lastStarted !== undefined);
  if (tests.length === 0) return {};
  const results = tests.map(({ name, lastPhase, lastStarted, lastCompleted }) => ({
    name,
    status: RUNS[lastPhase] ?? Run.UNKNOWN,
    ...(lastStarted === undefined ? {} : { startedAt: timestampFromDate(lastStarted) }),
    ...(lastCompleted === undefined ? {} : { completedAt: timestampFromDate(lastCompleted) }),
  }));
  return { lastTestSuiteRun: { results } };
}
