import { BerthError } from "@berth/base";
import { exposure as model, exposureService as api } from "@berth/contract";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationMs, timestampFromDate } from "@bufbuild/protobuf/wkt";

import type { Berth } from "../../berth.ts";
import type { Exposure, ExposureSettings, News, Protocol, Reservation } from "../../domain/exposures/index.ts";
import { fromStale } from "./from-domain.ts";
import type { AddHandler, AddStream } from "./handler.ts";

const DEFAULT_PAGE = 100;
/** How long a port is reserved unless the request says otherwise, in milliseconds. */
const DEFAULT_TTL = 300_000;
/** Name of the pool that is meant where none is named. */
const DEFAULT_POOL = "default";

/** What the RPCs of ExposureService do. */
export function addExposures(on: AddHandler, { exposures, principal }: Berth): void {
  const { method } = api.ExposureService;
  const { submit, view } = exposures;
  on(method.createExposure, async ({ cluster, namespace, expose, validateOnly: dryRun }, context, hints) => {
    if (expose === undefined)
      throw new BerthError("INVALID_ARGUMENT", "It says nothing of a service.", { field: "expose" });
    const target = { cluster, namespace, name: expose.name };
    const command = { verb: "create", target, settings: toSettings(expose, "expose."), dryRun } as const;
    return fromExposure(await submit.create(principal, { ...command, waitMs: hints?.waitMs }, context));
  });
  on(method.deleteExposure, async ({ cluster, namespace, name, validateOnly: dryRun }, context) => {
    const target = { cluster, namespace, name };
    return fromExposure(await submit.delete(principal, { verb: "delete", target, dryRun }, context));
  });
  on(method.exposeRelease, async (request, context, hints) => {
    const { cluster, namespace, name, pool, address, deleteWithRelease, validateOnly: dryRun } = request;
    const place = { target: { cluster, namespace, name }, pool: pool || DEFAULT_POOL, address: given(address) };
    const command = { ...place, deleteWithRelease, dryRun, waitMs: hints?.waitMs };
    return { exposures: (await submit.exposeRelease(principal, command, context)).map(fromExposure) };
  });
  on(method.reservePort, async ({ cluster, namespace, pool, address, port, protocols, ttl }, context) => {
    const place = { cluster, namespace, pool: pool || DEFAULT_POOL, address: given(address), port: port || undefined };
    const ttlMs = ttl === undefined ? DEFAULT_TTL : durationMs(ttl);
    const command = { ...place, protocols: toProtocols(protocols), ttlMs };
    return fromReservation(await submit.reserve(principal, command, context));
  });
  on(method.cancelReservation, async ({ cluster, namespace, id }, context) => {
    await submit.cancelReservation(principal, { cluster, namespace, name: id }, context);
    return {};
  });
  on(method.getExposure, async ({ cluster, namespace, name }, _context, hints) =>
    fromExposure(await view.get(principal, { cluster, namespace, name }, hints)),
  );
  on(method.listExposures, async ({ pageSize, pageToken, ...query }) => {
    const page = await view.list(principal, query, { size: pageSize || DEFAULT_PAGE, token: pageToken });
    const { nextPageToken, totalSize } = page;
    const staleClusters = page.staleClusters.map(fromStale);
    return { exposures: page.exposures.map(fromExposure), nextPageToken, totalSize, staleClusters };
  });
}

/** What the streaming RPCs of ExposureService do. */
export function addExposureStreams(on: AddStream, { exposures, principal }: Berth): void {
  on(api.ExposureService.method.watchExposures, async function* (request, _context, signal) {
    for await (const news of exposures.view.watch(principal, request, signal)) {
      yield { type: news.kind, ...objectOf(news, "exposure", fromExposure) };
    }
  });
}

/** The object of a piece of news as a field of its message. */
export function objectOf<T, M, K extends string>(news: News<T>, field: K, from: (object: T) => M): { [key in K]?: M } {
  return news.kind === "synced" ? {} : ({ [field]: from(news.object) } as { [key in K]: M });
}

/** What is asked of an exposure; `at` is where that stands in the request. */
export function toSettings(asked: model.ExposePort, at: string): ExposureSettings {
  const { service, servicePort, servicePortName, protocols, pool, address, port, release } = asked;
  if ((servicePort === 0) === (servicePortName === "")) {
    const message = "The port of the service is given by its number or by its name.";
    throw new BerthError("INVALID_ARGUMENT", message, { field: `${at}service_port` });
  }
  return {
    service,
    servicePort: servicePort === 0 ? servicePortName : String(servicePort),
    protocols: toProtocols(protocols),
    pool: pool || DEFAULT_POOL,
    address: given(address),
    port: port || undefined,
    reservation: given(asked.reservation),
    release: given(release),
    deleteWithRelease: asked.deleteWithRelease,
  };
}

/** An exposure as a message. */
function fromExposure(exposure: Exposure): MessageInitShape<typeof model.ExposureSchema> {
  const { settings, state, generation, createTime, ...same } = exposure;
  const { service, servicePort, protocols, pool, deleteWithRelease } = settings;
  const isNumber = /^\d+$/.test(servicePort);
  return {
    ...{ ...same, service, pool, deleteWithRelease: deleteWithRelease ?? false },
    ...(isNumber ? { servicePort: Number(servicePort) } : { servicePortName: servicePort }),
    protocols: fromProtocols(protocols),
    endpoint: endpointOf(exposure),
    state: STATES[state],
    generation: BigInt(generation),
    ...(createTime === undefined ? {} : { createTime: timestampFromDate(createTime) }),
  };
}

/** address:port; empty where one of them is not known. */
export function endpointOf({ address, port }: { readonly address: string; readonly port: number }): string {
  if (address === "" || port === 0) return "";
  return `${address.includes(":") ? `[${address}]` : address}:${String(port)}`;
}

function fromReservation(reservation: Reservation): MessageInitShape<typeof api.ReservationSchema> {
  const { id, pool, slot, address, port, protocols, expireTime } = reservation;
  return {
    ...{ id, pool, slot, address, port, endpoint: endpointOf(reservation) },
    protocols: fromProtocols(protocols),
    expireTime: timestampFromDate(expireTime),
  };
}

const STATES = {
  pending: model.ExposureState.PENDING,
  ready: model.ExposureState.READY,
  failed: model.ExposureState.FAILED,
  deleting: model.ExposureState.DELETING,
} as const;

function toProtocols(protocols: readonly model.Protocol[]): readonly Protocol[] {
  if (protocols.length === 0) return ["tcp"];
  const has = (protocol: model.Protocol) => protocols.includes(protocol);
  return [
    ...(has(model.Protocol.TCP) ? (["tcp"] as const) : []),
    ...(has(model.Protocol.UDP) ? (["udp"] as const) : []),
  ];
}

function fromProtocols(protocols: readonly Protocol[]): model.Protocol[] {
  return protocols.map((one) => (one === "tcp" ? model.Protocol.TCP : model.Protocol.UDP));
}

function given(text: string): string | undefined {
  return text === "" ? undefined : text;
}
