import { swift } from "@berth/contract";
import type { DescService } from "@bufbuild/protobuf";

import { BERTH_SERVICES } from "../shared/services.ts";
import { EXAMPLES, SWIFT_EXAMPLES } from "./examples.ts";
import type { Schema } from "./limits.ts";
import { PROBLEM, PROBLEMS } from "./problems.ts";
import type { ErrorShape } from "./problems.ts";
import type { SchemaOptions } from "./schemas.ts";

/** An API whose paths stand in its protos, and what is its own of the document. */
export interface Dialect {
  readonly services: readonly DescService[];
  readonly schemas: SchemaOptions;
  readonly tagOf: (service: DescService) => string;
  /** The id of the RPC's first path. */
  readonly idOf: (rpc: string) => string;
  readonly examples: Readonly<Record<string, object>>;
  readonly errors: ErrorShape;
  /** The schema of an error. */
  readonly error: Schema;
  readonly isOld: boolean;
}

const FAULT: Schema = {
  type: "object",
  description: "An error as Swift's gateway wrote it; code, field and hint stand in its details.",
  properties: {
    error: { type: "string" },
    message: { type: "string" },
    code: { type: "integer", description: "gRPC's number." },
    details: { type: "array", items: { type: "object", properties: { "@type": { type: "string" } } } },
  },
  required: ["error", "message", "code", "details"],
  additionalProperties: false,
};

const MISSING = 'There is no release "web" in any namespace.';
const FAULT_EXAMPLE = {
  ...{ error: MISSING, message: MISSING, code: 5 },
  details: [
    {
      ...{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "RELEASE_NOT_FOUND", domain: "berth.dev" },
      metadata: { hint: "List the releases of the namespace." },
    },
  ],
};

/** Berth's own API. */
export const BERTH: Dialect = {
  services: BERTH_SERVICES,
  schemas: { prefix: "", isSparse: false },
  tagOf: ({ name }) => name,
  idOf: (rpc) => rpc,
  examples: EXAMPLES,
  errors: PROBLEMS,
  error: PROBLEM,
  isOld: false,
};

/** AppsCode Swift's. */
export const SWIFT: Dialect = {
  services: [swift.ReleaseService],
  schemas: { prefix: "Swift", isSparse: true },
  tagOf: () => "Swift",
  idOf: (rpc) => `swift/${rpc}`,
  examples: SWIFT_EXAMPLES,
  errors: { mediaType: "application/json", schema: "SwiftFault", example: FAULT_EXAMPLE },
  error: FAULT,
  isOld: true,
};
