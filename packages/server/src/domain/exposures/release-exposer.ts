import { createExposureSubmit } from "./submit.ts";
import type { ExposureSubmitParts } from "./submit.ts";
import type { AuditedContext, Principal } from "../access/index.ts";
import type { ExposeWish, ReleaseTarget } from "../command.ts";
import { checkThatThereIsRoom } from "./create.ts";

/** Exposes what an install asks for. */
export interface ReleaseExposer {
  /** Throws what can be said of wishes before there is a release. */
  check(release: ReleaseTarget, wishes: readonly ExposeWish[]): void;
  /** Makes those that are missing. Rejects with the first that is refused, once all were asked for. */
  make(
    principal: Principal,
    release: ReleaseTarget,
    wishes: readonly ExposeWish[],
    context: AuditedContext,
  ): Promise<void>;
}

/** Makes it, over the gate that every exposure passes. */
export function createReleaseExposer(parts: ExposureSubmitParts): ReleaseExposer {
  const submit = createExposureSubmit(parts);
  return {
    check({ namespace }, wishes) {
      for (const wish of wishes) checkThatThereIsRoom(parts, namespace, wish);
    },
    async make(principal, { cluster, namespace, name: release }, wishes, context) {
      const made = wishes.map(({ name, ...wish }) => {
        const target = { cluster, namespace, name };
        const settings = { ...wish, release };
        // Its service comes with the release: how it is then, its status says.
        const command = { verb: "create", target, settings, dryRun: false, waitMs: 0 } as const;
        return submit.create(principal, command, context);
      });
      const results = await Promise.allSettled(made);
      for (const result of results) if (result.status === "rejected") throw result.reason;
    },
  };
}
