import type { ObjectName } from "@berth/base";
import { operation } from "@berth/contract";
import type { operationService, release } from "@berth/contract";
import { fromJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";

/** One piece of news about an operation; `n` is the number that a follower resumes after. */
export type OperationEvent =
  /** The whole of it: at the beginning, and when it has ended. */
  | { readonly type: "operation"; readonly operation: operation.Operation }
  /** Events that are not kept any more. */
  | { readonly type: "gap"; readonly from: number; readonly to: number }
  | ({ readonly n: number; readonly time: Date } & ProgressNews);

/** What happened on the way. */
export type ProgressNews =
  | { readonly type: "phase"; readonly phase: string }
  | { readonly type: "applied"; readonly done: number; readonly total: number; readonly object: ObjectName }
  | { readonly type: "status"; readonly object: ObjectName; readonly status: string; readonly reason: string }
  | { readonly type: "hook"; readonly name: string; readonly event: string; readonly phase: string }
  | { readonly type: "log"; readonly pod: string; readonly container: string; readonly text: string };

const PROGRESS: readonly string[] = ["phase", "applied", "status", "hook", "log"] satisfies ProgressNews["type"][];

/** Reads an event of Berth's; undefined of a type that this package does not know. */
export function toOperationEvent(type: string, id: string, data: JsonValue): OperationEvent | undefined {
  if (type === "operation") {
    return { type, operation: fromJson(operation.OperationSchema, data, { ignoreUnknownFields: true }) };
  }
  if (type === "gap") return { type, ...(data as { from: number; to: number }) };
  if (!PROGRESS.includes(type)) return undefined;
  const { time, object, ...rest } = data as Record<string, JsonValue> & { time: string };
  const named = object === undefined ? {} : { object: toObject(object as Record<string, string>) };
  return { type, n: Number(id), time: new Date(time), ...rest, ...named } as unknown as OperationEvent;
}

/** Reads a message of WatchOperation; undefined of news that this package does not know. */
export function fromNews({ n, news }: operationService.WatchOperationResponse): OperationEvent | undefined {
  switch (news.case) {
    case undefined:
      return undefined;
    case "operation":
      return { type: "operation", operation: news.value };
    case "gap":
      return { type: "gap", from: news.value.from, to: news.value.to };
    default: {
      const { $typeName: _type, $unknown: _unknown, time, ...rest } = news.value;
      const named = "object" in rest && rest.object !== undefined ? { object: toName(rest.object) } : {};
      const at = time === undefined ? new Date(0) : timestampDate(time);
      return { type: news.case, n, time: at, ...rest, ...named } as OperationEvent;
    }
  }
}

function toName({ apiVersion, kind, namespace, name }: release.ObjectReference): ObjectName {
  return { apiVersion, kind, namespace, name };
}

function toObject({ api_version: apiVersion = "", kind = "", namespace = "", name = "" }: Record<string, string>) {
  return { apiVersion, kind, namespace, name };
}
