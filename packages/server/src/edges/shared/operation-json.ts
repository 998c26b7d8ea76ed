import { operation, toAnswer } from "@berth/contract";
import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";

import type { Operation } from "../../domain/operations/index.ts";
import { fromOperation } from "./from-domain.ts";

/** An operation as JSON, the same wherever it is shown: in REST's answers, in event streams, in callbacks. */
export function operationJson(one: Operation): JsonValue {
  return toAnswer(operation.OperationSchema, create(operation.OperationSchema, fromOperation(one)));
}
