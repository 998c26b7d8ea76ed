import { BerthError } from "@berth/base";
import type { KubeClient, KubeObject, KubeRequest } from "@berth/kube";

/** For tests: what one watch has told so far, which may lag behind what is stored. */
export interface View {
  get(plural: string, name: string): KubeObject | undefined;
  all(plural: string): KubeObject[];
  /** Hears at most so many of the changes that it has not heard of. */
  hear(plural: string, changes: number): void;
}

interface Change {
  readonly name: string;
  readonly object: KubeObject | undefined;
}

/** For tests: a model of the API server: optimistic concurrency and one version that grows, nothing else. */
export class ApiModel {
  readonly #changes = new Map<string, Change[]>();
  #version = 0;

  /** A client of it; `before` sees each request, may let time pass, and may refuse it. */
  client(before: (request: KubeRequest) => Promise<void>): KubeClient {
    const unused = () => Promise.reject(new Error("not modelled"));
    const request = async <T>(asked: KubeRequest): Promise<T> => {
      await before(asked);
      return structuredClone(this.#answer(asked)) as T;
    };
    return { request, stream: unused, version: unused, pulse: unused, close: () => Promise.resolve() };
  }

  /** A watch that has heard of all there is by now. */
  view(): View {
    const heard = new Map([...this.#changes].map(([plural, { length }]) => [plural, length]));
    const told = (plural: string) => this.#fold(plural, heard.get(plural) ?? 0);
    return {
      get: (plural, name) => told(plural).get(name),
      all: (plural) => [...told(plural).values()],
      hear: (plural, changes) => {
        const { length } = this.#changes.get(plural) ?? [];
        heard.set(plural, Math.min(length, (heard.get(plural) ?? 0) + changes));
      },
    };
  }

  /** What is stored. */
  stored(plural: string): Map<string, KubeObject> {
    return this.#fold(plural, Infinity);
  }

  #fold(plural: string, count: number): Map<string, KubeObject> {
    const objects = new Map<string, KubeObject>();
    for (const { name, object } of (this.#changes.get(plural) ?? []).slice(0, count)) {
      if (object === undefined) objects.delete(name);
      else objects.set(name, object);
    }
    return objects;
  }

  #answer({ method = "GET", path, body }: KubeRequest): KubeObject | undefined {
    const [, plural = "", asked] = /\/namespaces\/home\/(\w+)(?:\/([^/]+))?/.exec(path) ?? [];
    const sent = body as KubeObject & { preconditions?: { resourceVersion?: string } };
    const name = asked ?? sent.metadata.name;
    const found = this.stored(plural).get(name);
    if (method === "POST") {
      if (found !== undefined) throw answer(409, "AlreadyExists");
      return this.#store(plural, name, sent);
    }
    if (found === undefined) throw answer(404, "NotFound");
    if (method === "GET") return found;
    const expected = method === "DELETE" ? sent.preconditions?.resourceVersion : sent.metadata.resourceVersion;
    if (expected !== undefined && expected !== found.metadata.resourceVersion) throw answer(409, "Conflict");
    return this.#store(plural, name, method === "DELETE" ? undefined : sent);
  }

  #store(plural: string, name: string, sent: KubeObject | undefined): KubeObject | undefined {
    const resourceVersion = String(++this.#version);
    const uid = sent?.metadata.uid ?? `uid-${resourceVersion}`;
    const object = sent && structuredClone({ ...sent, metadata: { ...sent.metadata, uid, resourceVersion } });
    const changes = this.#changes.get(plural) ?? [];
    this.#changes.set(plural, [...changes, { name, object }]);
    return object;
  }
}

function answer(status: number, reason: string): BerthError {
  const code = reason === "AlreadyExists" ? "OBJECT_EXISTS" : status === 409 ? "APPLY_CONFLICT" : "CLUSTER_REFUSED";
  return new BerthError(code, reason, { details: { status: String(status), reason } });
}
