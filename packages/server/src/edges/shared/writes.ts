import { operation as op, releaseService as api } from "@berth/contract";

import type { Berth } from "../../berth.ts";
import type { Command } from "../../domain/command.ts";
import type { OperationPolicy, RequestContext } from "../../domain/operations/index.ts";
import { fromOperation } from "./from-domain.ts";
import type { AddHandler, Hints } from "./handler.ts";
import { toInstall, toRollback, toTest, toUninstall, toUnlock, toUpgrade } from "./to-command.ts";

interface WriteRequest {
  readonly idempotencyKey: string;
  readonly policy?: op.OperationPolicy | undefined;
}

/** What the RPCs do that write a release. */
export function addWrites(on: AddHandler, berth: Berth): void {
  const { submit, principal } = berth;
  const service = api.ReleaseService.method;
  const write = async (command: Command, request: WriteRequest, context: RequestContext, hints?: Hints) => {
    const { idempotencyKey, policy } = request;
    const key = idempotencyKey === "" ? hints?.idempotencyKey : idempotencyKey;
    const options = { ...hints, idempotencyKey: key, policy: toPolicy(policy) };
    return fromOperation(await submit(principal, command, context, options));
  };
  on(service.installRelease, (request, ...rest) => write(toInstall(request), request, ...rest));
  on(service.upgradeRelease, (request, ...rest) => write(toUpgrade(request), request, ...rest));
  on(service.rollbackRelease, (request, ...rest) => write(toRollback(request), request, ...rest));
  on(service.uninstallRelease, (request, ...rest) => write(toUninstall(request), request, ...rest));
  on(service.unlockRelease, (request, ...rest) => write(toUnlock(request), request, ...rest));
  on(service.testRelease, (request, ...rest) => write(toTest(request), request, ...rest));
}

const REMEDIATIONS: Readonly<Record<number, OperationPolicy["remediation"]>> = {
  [op.Remediation.NONE]: "none",
  [op.Remediation.ROLLBACK]: "rollback",
  [op.Remediation.UNINSTALL]: "uninstall",
};

function toPolicy(policy: op.OperationPolicy | undefined): OperationPolicy {
  const remediation = REMEDIATIONS[policy?.remediation ?? op.Remediation.UNSPECIFIED];
  return {
    ...(policy === undefined || policy.retries === 0 ? {} : { retries: policy.retries }),
    ...(remediation === undefined ? {} : { remediation }),
    ...(policy === undefined || policy.callbackUrl === "" ? {} : { callbackUrl: policy.callbackUrl }),
  };
}
