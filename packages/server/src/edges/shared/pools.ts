import { BerthError } from "@berth/base";
import { poolService as api } from "@berth/contract";
import type { MessageInitShape } from "@bufbuild/protobuf";

import type { Berth } from "../../berth.ts";
import type { AddressSettings, Pool, PoolAddress, PoolSettings } from "../../domain/exposures/index.ts";
import { objectOf } from "./exposures.ts";
import { fromStale } from "./from-domain.ts";
import type { AddHandler, AddStream } from "./handler.ts";

/** Seconds that a freed port rests unless the request says otherwise. */
const DEFAULT_REST = 60;

/** What the RPCs of PoolService do. */
export function addPools(on: AddHandler, { exposures, principal }: Berth): void {
  const { method } = api.PoolService;
  const { submit, pools } = exposures;
  on(method.createPool, async (request, context) => {
    const { cluster, name, validateOnly } = request;
    return fromPool(await submit.createPool(principal, { cluster, name }, toSettings(request), context, validateOnly));
  });
  on(method.getPool, async ({ cluster, name }, _context, hints) =>
    fromPool(await pools.get(principal, { cluster, name }, hints)),
  );
  on(method.listPools, async ({ cluster }) => {
    const page = await pools.list(principal, cluster);
    return { pools: page.pools.map(fromPool), staleClusters: page.staleClusters.map(fromStale) };
  });
  on(method.deletePool, async ({ cluster, name, validateOnly }, context) =>
    fromPool(await submit.deletePool(principal, { cluster, name }, context, validateOnly)),
  );
  on(method.createAddress, async (request, context) => {
    const { cluster, pool, name: address, validateOnly } = request;
    const target = { cluster, name: pool, address };
    return fromAddress(await submit.createAddress(principal, target, toAddress(request), context, validateOnly));
  });
  on(method.deleteAddress, async ({ cluster, pool, name: address, validateOnly }, context) =>
    fromPool(await submit.deletePool(principal, { cluster, name: pool, address }, context, validateOnly)),
  );
}

/** What the streaming RPCs of PoolService do. */
export function addPoolStreams(on: AddStream, { exposures, principal }: Berth): void {
  on(api.PoolService.method.watchPools, async function* ({ cluster }, _context, signal) {
    for await (const news of exposures.pools.watch(principal, cluster, signal)) {
      yield { type: news.kind, ...objectOf(news, "pool", fromPool) };
    }
  });
}

const DRIVERS = {
  gateway: api.Driver.GATEWAY,
  configmap: api.Driver.CONFIGMAP,
  nodeport: api.Driver.NODEPORT,
} as const;

function toSettings(request: api.CreatePoolRequest): PoolSettings {
  const { driver, ports, reserved, restSeconds, simulated, allNamespaces, namespaces, namespaceLabels } = request;
  const { from = 0, to = 0 } = ports ?? {};
  if (from > to) throw new BerthError("INVALID_ARGUMENT", "The range ends before it begins.", { field: "ports.to" });
  const hasLabels = Object.keys(namespaceLabels).length > 0;
  const name = (Object.keys(DRIVERS) as (keyof typeof DRIVERS)[]).find((one) => DRIVERS[one] === driver);
  return {
    ...{ driver: name ?? "configmap", from, to, reserved, restSeconds: restSeconds ?? DEFAULT_REST, simulated },
    ...{ allAllowed: allNamespaces, allowedNamespaces: namespaces },
    allowedSelector: hasLabels ? { matchLabels: namespaceLabels } : undefined,
  };
}

function toAddress({ address, capacity, configmap, gateway, nodeport }: api.CreateAddressRequest): AddressSettings {
  const count = [configmap !== undefined, gateway !== undefined, nodeport].filter((isSet) => isSet).length;
  if (count !== 1) {
    const message = "Exactly one of configmap, gateway and nodeport says what carries its ports.";
    throw new BerthError("INVALID_ARGUMENT", message, { field: "configmap" });
  }
  return {
    ...{ address: address === "" ? undefined : address, capacity: capacity === 0 ? undefined : capacity, nodeport },
    gateway: gateway === undefined ? undefined : { namespace: gateway.namespace, name: gateway.name },
    configmap: configmap === undefined ? undefined : toPlace(configmap),
  };
}

function toPlace({ namespace, tcp, udp, service }: api.ConfigMapPlace): NonNullable<AddressSettings["configmap"]> {
  return { namespace, tcp, ...(udp === "" ? {} : { udp }), ...(service === "" ? {} : { service }) };
}

function fromPool(pool: Pool): MessageInitShape<typeof api.PoolSchema> {
  const { cluster, name, settings, addresses, isReady, reason, message, resourceVersion } = pool;
  const { driver, from, to, reserved, restSeconds, simulated, allAllowed, allowedNamespaces, allowedSelector } =
    settings;
  return {
    ...{ cluster, name, reason, message, resourceVersion, restSeconds, simulated, ready: isReady },
    ...{ driver: DRIVERS[driver], ports: { from, to }, ...(reserved === undefined ? {} : { reserved }) },
    ...{ allNamespaces: allAllowed, namespaces: [...allowedNamespaces] },
    namespaceLabels: { ...allowedSelector?.matchLabels },
    addresses: addresses.map(fromAddress),
  };
}

function fromAddress(address: PoolAddress): MessageInitShape<typeof api.PoolAddressSchema> {
  const { pool, name, reachedAt, capacity, configmap, gateway, nodeport, isReady, reason, message, use } = address;
  return {
    ...{ pool, name, address: reachedAt, capacity: capacity ?? 0, nodeport: nodeport ?? false },
    ...{ ready: isReady, reason, message, use: { ...use } },
    ...(configmap === undefined ? {} : { configmap: { udp: "", service: "", ...configmap } }),
    ...(gateway === undefined ? {} : { gateway: { ...gateway } }),
  };
}
