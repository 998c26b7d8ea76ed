import { BerthError } from "@berth/base";

import type { Principal } from "../access/index.ts";
import type { AskOptions, ReleaseTarget } from "../command.ts";
import { nodeKey } from "./live-object.ts";
import { noPod, streamLogs } from "./logs.ts";
import type { LogPod } from "./logs.ts";
import { openSession } from "./session.ts";
import type { SessionParts, Snapshot } from "./session.ts";
import { createSessions } from "./sessions.ts";
import type { LiveView, ReleaseEvent } from "./types.ts";

/** Makes the view of what runs. */
export function createLiveView(parts: SessionParts): LiveView {
  const { access, clusters } = parts;
  const sessions = createSessions(parts);
  const may = async (principal: Principal, target: ReleaseTarget) => {
    clusters.get(target.cluster);
    await access.check(principal, { verb: "get", resource: "releases", ...target });
  };
  const look = async (
    principal: Principal,
    target: ReleaseTarget,
    withEvents: boolean,
    { signal }: AskOptions = {},
  ) => {
    const session = openSession(parts, principal, target, withEvents);
    try {
      return await session.snapshot(signal);
    } finally {
      session.close();
    }
  };
  return {
    async tree(principal, target, options) {
      await may(principal, target);
      return (await look(principal, target, false, options)).tree;
    },
    async *watchTree(principal, target, signal) {
      await may(principal, target);
      yield* sessions.follow(principal, target, { withEvents: false, pick: ({ nodes }) => nodes }, signal);
    },
    async events(principal, target, options) {
      await may(principal, target);
      const { events, tree } = await look(principal, target, true, options);
      return { events: [...events.values()].sort((a, b) => age(b) - age(a)), unread: tree.unread };
    },
    async *watchEvents(principal, target, signal) {
      await may(principal, target);
      yield* sessions.follow(principal, target, { withEvents: true, pick: byAge }, signal);
    },
    async *logs(principal, query, signal) {
      const { target, pod: name } = query;
      await may(principal, target);
      const namespace = query.podNamespace || target.namespace;
      const place = { cluster: target.cluster, namespace, name };
      const log = { verb: "get", group: "", resource: "pods", subresource: "log", ...place };
      if (!(await access.allows(principal, log))) throw noLog(principal, namespace);
      const pod = podIn(await look(principal, target, false, { signal }), namespace, name);
      if (pod === undefined) throw noPod(name);
      yield* streamLogs(clusters.get(target.cluster), pod, query, signal);
    },
  };
}

function noLog({ name }: Principal, namespace: string): BerthError {
  return new BerthError("FORBIDDEN", `"${name}" may not read logs in namespace "${namespace}".`, {
    hint: "It takes Kubernetes' own right to get pods/log there.",
  });
}

function podIn({ nodes }: Snapshot, namespace: string, name: string): LogPod | undefined {
  const node = nodes.get(nodeKey({ apiVersion: "v1", kind: "Pod", namespace, name }));
  return node?.pod === undefined ? undefined : { namespace, name, state: node.pod };
}

/** The oldest first. */
function byAge({ events }: Snapshot): ReadonlyMap<string, ReleaseEvent> {
  return new Map([...events].sort(([, a], [, b]) => age(a) - age(b)));
}

function age({ lastTime }: ReleaseEvent): number {
  return lastTime?.getTime() ?? 0;
}
