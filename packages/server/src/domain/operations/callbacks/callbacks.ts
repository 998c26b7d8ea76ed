import { createEgress } from "./egress.ts";
import { createEndpoints } from "./endpoints.ts";
import { EVENT_TYPE, toEvent } from "./event.ts";
import { createDeliverer } from "./deliver.ts";
import type { Deliverer, DelivererParts } from "./deliver.ts";
import { createPoster } from "./post.ts";
import type { Poster, Receipt } from "./post.ts";
import { sign } from "./sign.ts";
import type { OperationRecord } from "../record.ts";
import type { CallbackOptions } from "./types.ts";

/** Callbacks of one replica: who may be told, and the telling. */
export interface Callbacks extends Deliverer {
  /** INVALID_ARGUMENT where a URL is given that may not be told. */
  check(url: string | undefined): void;
}

/** Makes the callbacks. */
export function createCallbacks(parts: Omit<DelivererParts, "send">, options: CallbackOptions): Callbacks {
  const endpoints = createEndpoints(options.endpoints);
  const posters = createPosters(options);
  const send = async (record: OperationRecord, signal: AbortSignal): Promise<Receipt> => {
    const url = record.spec.request.policy.callbackUrl ?? "";
    const endpoint = endpoints.find(url);
    if (endpoint === undefined) return { kind: "failed", reason: "The configuration does not cover its URL." };
    const body = JSON.stringify(toEvent(record, options.render));
    const signed = sign(endpoint.keys, record.metadata.name, new Date(parts.clock.now()), body);
    const headers = { "content-type": EVENT_TYPE, "user-agent": "berth", ...signed };
    return posters.of(endpoint.certificateAuthority).post({ url: new URL(url), headers, body }, signal);
  };
  const deliverer = createDeliverer({ ...parts, send });
  return {
    check: (url) => endpoints.check(url),
    start: () => deliverer.start(),
    async stop() {
      await deliverer.stop();
      await posters.close();
    },
  };
}

/** One poster for each authority. */
function createPosters({ egress: policy }: CallbackOptions) {
  const egress = createEgress(policy);
  const made = new Map<string | undefined, Poster>();
  return {
    of(authority: string | undefined): Poster {
      const poster = made.get(authority) ?? createPoster(egress, authority);
      made.set(authority, poster);
      return poster;
    },
    close: async () => void (await Promise.all([...made.values()].map((poster) => poster.close()))),
  };
}
