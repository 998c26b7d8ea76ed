import { reflectionV1, reflectionV1alpha } from "@berth/contract";
import type { DescService, MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import type { ConnectRouter } from "@connectrpc/connect";

import { collectDescriptors } from "./descriptors.ts";
import type { Descriptors } from "./descriptors.ts";

type Request = reflectionV1.ServerReflectionRequest;
type Answer = NonNullable<MessageInitShape<typeof reflectionV1.ServerReflectionResponseSchema>["messageResponse"]>;

/** gRPC server reflection, v1 and v1alpha: grpcurl and its like need no proto files. */
export function registerReflection(router: ConnectRouter, served: readonly DescService[]): void {
  const services = [...served, reflectionV1.ServerReflection, reflectionV1alpha.ServerReflection];
  const descriptors = collectDescriptors(services);
  const names = services.map(({ typeName }) => typeName).sort();
  async function* serverReflectionInfo(requests: AsyncIterable<Request>) {
    for await (const request of requests) {
      yield { validHost: request.host, originalRequest: request, messageResponse: answer(descriptors, names, request) };
    }
  }
  router.service(reflectionV1.ServerReflection, { serverReflectionInfo });
  // The same messages under another name.
  router.service(reflectionV1alpha.ServerReflection, { serverReflectionInfo: serverReflectionInfo as never });
}

function answer(descriptors: Descriptors, names: readonly string[], { messageRequest: asked }: Request): Answer {
  switch (asked.case) {
    case "listServices":
      return { case: "listServicesResponse", value: { service: names.map((name) => ({ name })) } };
    case "fileByFilename":
      return toFiles(descriptors.byName(asked.value), asked.value);
    case "fileContainingSymbol":
      return toFiles(descriptors.bySymbol(asked.value), asked.value);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = asked.value;
      const files = descriptors.byExtension(containingType, extensionNumber);
      return toFiles(files, `${containingType} ${String(extensionNumber)}`);
    }
    case "allExtensionNumbersOfType": {
      const extensionNumber = descriptors.extensionNumbers(asked.value);
      if (extensionNumber === undefined) return notFound(asked.value);
      return { case: "allExtensionNumbersResponse", value: { baseTypeName: asked.value, extensionNumber } };
    }
    case undefined:
      return {
        case: "errorResponse",
        value: { errorCode: Code.InvalidArgument, errorMessage: "Nothing is asked for." },
      };
  }
}

function toFiles(fileDescriptorProto: Uint8Array[] | undefined, what: string): Answer {
  if (fileDescriptorProto === undefined) return notFound(what);
  return {
    case: "fileDescriptorResponse",
    value: { fileDescriptorProto: fileDescriptorProto },
  };
}

function notFound(what: string): Answer {
  return {
    case: "errorResponse",
    value: { errorCode: Code.NotFound, errorMessage: `There is no ${what.slice(0, 200)}.` },
  };
}
