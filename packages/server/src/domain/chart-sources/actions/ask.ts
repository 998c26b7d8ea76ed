import type { EgressPolicy, Engine } from "@berth/engine-client";

import { toAccess, toError } from "../../charts/actions/wire.ts";
import { toRepository } from "../lookup.ts";
import type { StoredSpec } from "../resource.ts";
import type { Finding } from "../status.ts";
import type { SourceCredentials } from "../types.ts";

/** Asks a source what it has. Rejects where the engine, not the source, is at fault. */
export type AskSource = (spec: StoredSpec, credentials: SourceCredentials) => Promise<Finding>;

/** Asks through the engine, which keeps the index for whoever names the source next. */
export function createAskSource(parts: { readonly engine: Engine; readonly egress: EgressPolicy }): AskSource {
  return async (spec, credentials) => {
    const { url, username = "", password = "", ...access } = toRepository(spec, credentials);
    const answer = await parts.engine.refreshSource({
      url: url.replace(/\/+$/, ""),
      access: toAccess({ ...access, username, password }),
      egress: parts.egress,
    });
    const error = toError(answer.error);
    if (error !== undefined) return { kind: "failed", error };
    const { charts, digest } = answer;
    return { kind: "refreshed", charts: digest === "" ? undefined : charts, digest };
  };
}
