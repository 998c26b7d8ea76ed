import { BerthError } from "@berth/base";
import { releaseLiveService as api } from "@berth/contract";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationMs, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Timestamp } from "@bufbuild/protobuf/wkt";

import type { Berth } from "../../berth.ts";
import type { LogLine, LogNews, ReleaseEvent, TreeNode } from "../../domain/live/index.ts";
import { fromObject, fromRelease } from "./from-domain.ts";
import type { AddHandler, AddStream } from "./handler.ts";
import { toTarget } from "./to-command.ts";

/** Events that a list answers where the caller names no number. */
const DEFAULT_EVENTS = 200;

/** What the RPCs of ReleaseLiveService do. */
export function addLive(on: AddHandler, { live, principal }: Berth): void {
  const { method } = api.ReleaseLiveService;
  on(method.getReleaseTree, async (request, _context, hints) => {
    const { release, ready, nodes, truncated, unread } = await live.tree(principal, toTarget(request), hints);
    return { release: fromRelease(release), ready, nodes: nodes.map(fromNode), truncated, unread: [...unread] };
  });
  on(method.listReleaseEvents, async (request, _context, hints) => {
    const { events, unread } = await live.events(principal, toTarget(request), hints);
    const told = events.slice(0, request.max || DEFAULT_EVENTS).map(fromEvent);
    return { events: told, totalSize: events.length, unread: [...unread] };
  });
}

/** What the streaming RPCs of ReleaseLiveService do. */
export function addLiveStreams(on: AddStream, { live, principal }: Berth): void {
  const { method } = api.ReleaseLiveService;
  on(method.watchReleaseTree, async function* (request, _context, signal) {
    for await (const news of live.watchTree(principal, toTarget(request), signal)) {
      yield news.kind === "synced" ? { type: news.kind } : { type: news.kind, node: fromNode(news.object) };
    }
  });
  on(method.watchReleaseEvents, async function* (request, _context, signal) {
    for await (const news of live.watchEvents(principal, toTarget(request), signal)) {
      yield news.kind === "synced" ? { type: news.kind } : { type: news.kind, event: fromEvent(news.object) };
    }
  });
  on(method.streamPodLogs, async function* (request, _context, signal) {
    for await (const news of live.logs(principal, toLogQuery(request), signal)) yield fromLog(request.pod, news);
  });
}

function toLogQuery(request: api.StreamPodLogsRequest) {
  const { pod, podNamespace, container, follow, previous, tailLines, timestamps, since, sinceTime } = request;
  if (since !== undefined && sinceTime !== undefined) {
    throw new BerthError("INVALID_ARGUMENT", "Since when is said twice.", { field: "since_time" });
  }
  return {
    ...{ target: toTarget(request), pod, podNamespace, container, follow, previous, tailLines, timestamps },
    sinceSeconds: since === undefined ? undefined : Math.ceil(durationMs(since) / 1000),
    sinceTime: sinceTime === undefined ? undefined : timestampDate(sinceTime).toISOString(),
  };
}

function fromNode(node: TreeNode): MessageInitShape<typeof api.TreeNodeSchema> {
  const { object, uid, owner, status, reason, createTime, pod } = node;
  return {
    ...{ object: fromObject(object), uid, status, reason },
    ...(owner === undefined ? {} : { owner: fromObject(owner) }),
    ...(createTime === undefined ? {} : { createTime: timestampFromDate(createTime) }),
    ...(pod === undefined ? {} : { pod: { ...pod, containers: pod.containers.map((one) => ({ ...one })) } }),
  };
}

function fromEvent(event: ReleaseEvent): MessageInitShape<typeof api.ReleaseEventSchema> {
  const { object, firstTime, lastTime, ...same } = event;
  return {
    ...{ ...same, object: fromObject(object) },
    ...(firstTime === undefined ? {} : { firstTime: timestampFromDate(firstTime) }),
    ...(lastTime === undefined ? {} : { lastTime: timestampFromDate(lastTime) }),
  };
}

function fromLog(
  pod: string,
  { kind: type, container, lines }: LogNews,
): MessageInitShape<typeof api.StreamPodLogsResponseSchema> {
  return { type, pod, container, lines: lines.map(fromLine) };
}

function fromLine({ text, time, cut }: LogLine): MessageInitShape<typeof api.LogLineSchema> {
  return time === "" ? { text, cut } : { text, cut, time: toTimestamp(time) };
}

/** A time with its nanoseconds: a Date has milliseconds. */
function toTimestamp(time: string): Pick<Timestamp, "seconds" | "nanos"> {
  const [, fraction = ""] = /\.(\d+)Z$/.exec(time) ?? [];
  return { seconds: BigInt(Math.floor(Date.parse(time) / 1000)), nanos: Number(fraction.padEnd(9, "0")) };
}
