import { toOperation } from "../record.ts";
import type { OperationRecord } from "../record.ts";
import type { Operation } from "../types.ts";

/** Media type of an event in CloudEvents' structured mode. */
export const EVENT_TYPE = "application/cloudevents+json";

/**
 * The CloudEvents 1.0 event of an operation's ending, with the tracing
 * extension. An operation has one ending, so that its id is the event's.
 */
export function toEvent(record: OperationRecord, render: (operation: Operation) => unknown): object {
  const operation = toOperation(record);
  const { id, cluster, namespace, release, state, endTime } = operation;
  const { traceparent } = record.spec.request;
  return {
    specversion: "1.0",
    id,
    source: `/v1/clusters/${cluster}`,
    type: `dev.berth.operation.${state}`,
    subject: `namespaces/${namespace}/releases/${release}`,
    ...(endTime === undefined ? {} : { time: endTime.toISOString() }),
    ...(traceparent === "" ? {} : { traceparent }),
    datacontenttype: "application/json",
    data: render(operation),
  };
}
