import { toBinary } from "@bufbuild/protobuf";
import type { DescExtension, DescFile, DescMessage, DescService } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** Files of the services and all they import, found by name, symbol and extension. */
export interface Descriptors {
  /** Serialized `google.protobuf.FileDescriptorProto`s: the file and all it imports; undefined where there is none. */
  byName(name: string): Uint8Array[] | undefined;
  bySymbol(symbol: string): Uint8Array[] | undefined;
  byExtension(type: string, number: number): Uint8Array[] | undefined;
  /** Numbers of the extensions of a type; undefined where there is no such type. */
  extensionNumbers(type: string): number[] | undefined;
}

/** Collects what services are made of. */
export function collectDescriptors(services: readonly DescService[]): Descriptors {
  const files = new Map<string, DescFile>();
  const symbols = new Map<string, DescFile>();
  const extensions: DescExtension[] = [];
  const types = new Set<string>();
  const addMessage = (message: DescMessage) => {
    types.add(message.typeName);
    symbols.set(message.typeName, message.file);
    for (const field of message.fields) symbols.set(`${message.typeName}.${field.name}`, message.file);
    for (const one of message.nestedEnums) symbols.set(one.typeName, message.file);
    for (const one of message.nestedMessages) addMessage(one);
  };
  const add = (file: DescFile) => {
    if (files.has(file.name)) return;
    files.set(file.name, file);
    for (const one of file.dependencies) add(one);
    for (const one of file.messages) addMessage(one);
    for (const one of file.enums) symbols.set(one.typeName, file);
    for (const one of file.services) {
      symbols.set(one.typeName, file);
      for (const method of one.methods) symbols.set(`${one.typeName}.${method.name}`, file);
    }
    for (const one of file.extensions) {
      symbols.set(one.typeName, file);
      extensions.push(one);
    }
  };
  for (const { file } of services) add(file);
  return {
    // Descriptors name files with their ending, the library without it.
    byName: (name) => encode(files.get(name.replace(/\.proto$/, ""))),
    bySymbol: (symbol) => encode(symbols.get(symbol)),
    byExtension: (type, number) =>
      encode(extensions.find((one) => one.extendee.typeName === type && one.number === number)?.file),
    extensionNumbers: (type) =>
      types.has(type)
        ? extensions.filter((one) => one.extendee.typeName === type).map(({ number }) => number)
        : undefined,
  };
}

function encode(file: DescFile | undefined): Uint8Array[] | undefined {
  if (file === undefined) return undefined;
  const all = new Map<string, DescFile>();
  const add = (one: DescFile) => {
    if (all.has(one.name)) return;
    all.set(one.name, one);
    one.dependencies.forEach(add);
  };
  add(file);
  return [...all.values()].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
}
