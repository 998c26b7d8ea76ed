import { releaseLiveService as api, watchReleaseEvents, watchReleaseTree } from "@berth/sdk";
import type { release } from "@berth/sdk";
import type { Command } from "commander";

import { speaks, targetOf, toNumber } from "../command.ts";
import type { Maker } from "../command.ts";
import { createChangePrinter, showChanges } from "../output/changes.ts";
import { print } from "../output/print.ts";
import type { Table } from "../output/table.ts";
import { timeText } from "../output/text.ts";
import type { Session } from "../session.ts";

interface Options {
  readonly watch?: boolean;
  readonly max?: number;
}

/** `berth tree`. */
export function addTree(program: Command, maker: Maker): void {
  const command = program
    .command("tree")
    .argument("<name>", "name of the release")
    .summary("show what of a release runs")
    .description("Shows the objects of a release and what they own, down to pods, each with its state and why.")
    .option("-w, --watch", "show it, then what changes, until Ctrl-C");
  speaks<Options>(maker, command, async (session, { format, watch }, name) => {
    const { io, berth, call } = session;
    const target = targetOf(session, name);
    if (watch === true) {
      const changes = watchReleaseTree(berth.connection, target, { signal: io.signal });
      return showChanges(io, changes, createChangePrinter(io, format, api.TreeNodeSchema, flatTable));
    }
    const message = await berth.live.getReleaseTree(target, call);
    warn(session, message.unread);
    if (message.truncated) io.stderr.write("warning: there are more objects than are told\n");
    print(io, format, { schema: api.GetReleaseTreeResponseSchema, message, show: (wide) => treeTable(message, wide) });
  });
}

/** `berth events`. */
export function addEvents(program: Command, maker: Maker): void {
  const command = program
    .command("events")
    .argument("<name>", "name of the release")
    .summary("list what the cluster reports of a release")
    .description("Lists the cluster's events on the objects of a release and what they own, the newest last.")
    .option("--max <n>", "the newest so many (default: 200)", toNumber)
    .option("-w, --watch", "show them, then what is reported, until Ctrl-C");
  speaks<Options>(maker, command, async (session, { format, watch, max = 0 }, name) => {
    const { io, berth, call } = session;
    const target = targetOf(session, name);
    if (watch === true) {
      const changes = watchReleaseEvents(berth.connection, target, { signal: io.signal });
      return showChanges(io, changes, createChangePrinter(io, format, api.ReleaseEventSchema, eventTable));
    }
    const message = await berth.live.listReleaseEvents({ ...target, max }, call);
    warn(session, message.unread);
    const show = (wide: boolean) => eventTable(message.events.toReversed(), wide);
    print(io, format, { schema: api.ListReleaseEventsResponseSchema, message, show });
  });
}

function warn({ io }: Session, unread: readonly string[]): void {
  for (const one of unread) io.stderr.write(`warning: not read: ${one}\n`);
}

function columns(wide: boolean): string[] {
  return ["OBJECT", "STATUS", "READY", "RESTARTS", "REASON", ...(wide ? ["NAMESPACE", "NODE", "CREATED"] : [])];
}

function cells({ status, reason, pod, object, createTime }: api.TreeNode, wide: boolean): string[] {
  const ready = pod === undefined ? "" : `${String(pod.readyContainers)}/${String(pod.totalContainers)}`;
  const more = [object?.namespace ?? "", pod?.node ?? "", timeText(createTime)];
  return [status, ready, pod === undefined ? "" : String(pod.restarts), reason, ...(wide ? more : [])];
}

function flatTable(nodes: readonly api.TreeNode[], wide: boolean): Table {
  return { columns: columns(wide), rows: nodes.map((node) => [nameOf(node.object), ...cells(node, wide)]) };
}

/** Each object under its owner, behind lines that show whose it is. */
function treeTable({ nodes }: api.GetReleaseTreeResponse, wide: boolean): Table {
  const children = new Map<string, api.TreeNode[]>();
  for (const node of nodes) {
    const owner = keyOf(node.owner);
    children.set(owner, [...(children.get(owner) ?? []), node]);
  }
  const rows: string[][] = [];
  const add = (node: api.TreeNode, before: string, lead: string) => {
    rows.push([`${before}${nameOf(node.object)}`, ...cells(node, wide)]);
    const own = children.get(keyOf(node.object)) ?? [];
    own.forEach((child, i) => {
      const isLast = i === own.length - 1;
      add(child, `${lead}${isLast ? "└─" : "├─"}`, `${lead}${isLast ? "  " : "│ "}`);
    });
  };
  for (const node of children.get("") ?? []) add(node, "", "");
  return { columns: columns(wide), rows };
}

function eventTable(events: readonly api.ReleaseEvent[], wide: boolean): Table {
  return {
    columns: ["LAST SEEN", "COUNT", "TYPE", "REASON", "OBJECT", "MESSAGE", ...(wide ? ["FIRST SEEN", "SOURCE"] : [])],
    rows: events.map(({ lastTime, firstTime, count, type, reason, object, message, source }) => [
      ...[timeText(lastTime), String(count), type, reason, nameOf(object), message],
      ...(wide ? [timeText(firstTime), source] : []),
    ]),
  };
}

function nameOf(object: release.ObjectReference | undefined): string {
  return `${object?.kind ?? ""}/${object?.name ?? ""}`;
}

function keyOf(object: release.ObjectReference | undefined): string {
  return object === undefined ? "" : [object.apiVersion, object.kind, object.namespace, object.name].join("/");
}
