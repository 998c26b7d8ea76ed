import { audited } from "../access/index.ts";
import type { Access, AuditedContext, AuditedWrite, Principal } from "../access/index.ts";
import type { Audit } from "../audit/index.ts";
import { createExposure } from "./create.ts";
import type { CreateParts } from "./create.ts";
import { deleteExposure } from "./delete.ts";
import { toAddress, toExposure, toPool } from "./from-object.ts";
import { createAddress, createPool, deletePool } from "./pools.ts";
import { portsOfRelease } from "./release-services.ts";
import { cancelReservation, reservePort } from "./reserve.ts";
import type {
  AddressSettings,
  CreateExposure,
  DeleteExposure,
  Exposure,
  ExposureName,
  Pool,
  PoolAddress,
  PoolName,
  PoolSettings,
  Reservation,
  ReservePort,
} from "./types.ts";

/** What every port of a release is to have in common. */
export interface ExposeRelease {
  /** `name` is the release's. */
  readonly target: ExposureName;
  readonly pool: string;
  readonly address?: string | undefined;
  readonly deleteWithRelease: boolean;
  readonly dryRun: boolean;
  readonly waitMs?: number | undefined;
}

/**
 * The gate of exposures, pools and reservations: authorises, audits, writes the
 * object and gives it as it is stored. What makes it true are the controllers.
 */
export interface ExposureSubmit {
  create(principal: Principal, command: CreateExposure, context: AuditedContext): Promise<Exposure>;
  delete(principal: Principal, command: DeleteExposure, context: AuditedContext): Promise<Exposure>;
  /** Exposes every port of a release's services. */
  exposeRelease(principal: Principal, command: ExposeRelease, context: AuditedContext): Promise<readonly Exposure[]>;
  reserve(principal: Principal, command: ReservePort, context: AuditedContext): Promise<Reservation>;
  cancelReservation(principal: Principal, target: ExposureName, context: AuditedContext): Promise<void>;
  createPool(
    principal: Principal,
    target: PoolName,
    settings: PoolSettings,
    context: AuditedContext,
    dryRun: boolean,
  ): Promise<Pool>;
  createAddress(
    principal: Principal,
    target: AddressName,
    settings: AddressSettings,
    context: AuditedContext,
    dryRun: boolean,
  ): Promise<PoolAddress>;
  /** Deletes a pool with its addresses, or one address where one is named. */
  deletePool(
    principal: Principal,
    target: AddressName | PoolName,
    context: AuditedContext,
    dryRun: boolean,
  ): Promise<Pool>;
}

/** Names an address of a pool. */
export interface AddressName extends PoolName {
  readonly address: string;
}

/** What the gate is made of. */
export interface ExposureSubmitParts extends CreateParts {
  readonly access: Access;
  readonly audit: Audit;
  /** CLUSTER_NOT_FOUND where there is none of that name. */
  readonly checkCluster: (name: string) => void;
}

/** Makes the gate. */
export function createExposureSubmit(parts: ExposureSubmitParts): ExposureSubmit {
  const { cache, checkCluster } = parts;
  const pass = <T>(asked: AuditedWrite, work: () => Promise<T>): Promise<T> => {
    checkCluster(asked.place.cluster);
    return audited(parts, asked, work);
  };
  const exposures = { resource: "exposures" } as const;
  const pools = { resource: "addresspools" } as const;
  const placeOf = ({ cluster, name }: PoolName) => ({ cluster, namespace: "", name });
  return {
    create: (principal, command, context) =>
      pass({ principal, context, ...exposures, access: "create", verb: "create", place: command.target }, async () =>
        toExposure(command.target.cluster, await createExposure(parts, principal, command)),
      ),
    delete: (principal, command, context) =>
      pass({ principal, context, ...exposures, access: "delete", verb: "delete", place: command.target }, async () =>
        toExposure(command.target.cluster, await deleteExposure(parts, command)),
      ),
    exposeRelease: (principal, command, context) =>
      pass({ principal, context, ...exposures, access: "create", verb: "expose", place: command.target }, () =>
        exposeRelease(parts, principal, command),
      ),
    reserve: (principal, command, context) => {
      const place = { cluster: command.cluster, namespace: command.namespace, name: "" };
      return pass({ principal, context, ...exposures, access: "create", verb: "reserve", place }, () =>
        reservePort(parts, principal, command),
      );
    },
    cancelReservation: (principal, target, context) =>
      pass({ principal, context, ...exposures, access: "delete", verb: "cancel-reservation", place: target }, () =>
        cancelReservation(parts, principal, target.name),
      ),
    createPool: (principal, target, settings, context, dryRun) =>
      pass({ principal, context, ...pools, access: "create", verb: "create", place: placeOf(target) }, async () =>
        toPool(target.cluster, cache, await createPool(parts, target.name, settings, dryRun)),
      ),
    createAddress: (principal, target, settings, context, dryRun) =>
      pass(
        { principal, context, ...pools, access: "create", verb: "create-address", place: placeOf(target) },
        async () => toAddress(cache, await createAddress(parts, target.name, target.address, settings, dryRun)),
      ),
    deletePool: (principal, target, context, dryRun) => {
      const address = "address" in target ? target.address : undefined;
      const verb = address === undefined ? "delete" : "delete-address";
      return pass({ principal, context, ...pools, access: "delete", verb, place: placeOf(target) }, async () =>
        toPool(target.cluster, cache, await deletePool(parts, target.name, address, dryRun)),
      );
    },
  };
}

async function exposeRelease(
  parts: ExposureSubmitParts,
  principal: Principal,
  { target, pool, address, deleteWithRelease, dryRun, waitMs }: ExposeRelease,
): Promise<readonly Exposure[]> {
  const { cluster, namespace, name: release } = target;
  const ports = portsOfRelease(parts.cache, namespace, release);
  const common = { pool, address, release, deleteWithRelease };
  const made = ports.map(async ({ service, port, protocols }) => {
    const settings = { ...common, service, servicePort: String(port), protocols };
    const one = { verb: "create", target: { cluster, namespace, name: "" }, settings, dryRun, waitMs } as const;
    return toExposure(cluster, await createExposure(parts, principal, one));
  });
  // All are waited for: what was made stays, and the same request asks for the rest.
  const results = await Promise.allSettled(made);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
