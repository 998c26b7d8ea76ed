import { runCommand } from "../check/command.ts";

/** Where the comments of the protos stand, by the full name of what they are of: descriptors at run time have none. */
export const COMMENTS = "packages/contract/src/http/comments.json";

interface Named {
  readonly name: string;
}
interface Message extends Named {
  readonly field?: readonly Named[];
  readonly nestedType?: readonly Message[];
  readonly enumType?: readonly Enum[];
}
interface Enum extends Named {
  readonly value?: readonly Named[];
}
interface File {
  readonly package: string;
  readonly messageType?: readonly Message[];
  readonly enumType?: readonly Enum[];
  readonly service?: readonly (Named & { readonly method?: readonly Named[] })[];
  readonly sourceCodeInfo: {
    readonly location: readonly {
      readonly path?: readonly number[];
      readonly leadingComments?: string;
      readonly trailingComments?: string;
    }[];
  };
}

/** What REST serves. */
const PACKAGES: readonly string[] = ["berth.v1", "appscode.swift.v2", "hapi.chart", "hapi.release", "hapi.version"];
const PATHS = ["proto/berth/v1", "proto/appscode", "proto/hapi"];

/** The comments of what REST serves as JSON. */
export async function readComments(root: string): Promise<string> {
  const args = ["build", ...PATHS.flatMap((path) => ["--path", path]), "--output", "-#format=json"];
  const { code, stdout, stderr } = await runCommand("buf", args, { cwd: root, env: { GOWORK: "off" } });
  if (code !== 0) throw new Error(stderr);
  const { file } = JSON.parse(stdout) as { file: File[] };
  const comments = file.filter((one) => PACKAGES.includes(one.package)).flatMap(commentsOf);
  return `${JSON.stringify(Object.fromEntries(comments.sort(([a], [b]) => (a < b ? -1 : 1))), null, 2)}\n`;
}

function commentsOf(file: File): [string, string][] {
  return file.sourceCodeInfo.location.flatMap(({ path = [], leadingComments = "", trailingComments = "" }) => {
    const name = nameOf(file, path);
    // Lines are as long as a screen is wide: an empty one alone ends a paragraph.
    const paragraphs = `${leadingComments}\n${trailingComments}`.split(/\n\s*\n/);
    const text = paragraphs.map((one) => one.trim().replace(/\s*\n\s*/g, " ")).filter((one) => one !== "");
    return name === undefined || text.length === 0 ? [] : [[`${file.package}.${name}`, text.join("\n\n")]];
  });
}

/** The name of what a path of numbers leads to, as descriptor.proto counts; undefined for what has none. */
function nameOf(file: File, [kind, index = 0, ...rest]: readonly number[]): string | undefined {
  if (kind === 4) return inMessage(file.messageType?.[index], rest);
  if (kind === 5) return inEnum(file.enumType?.[index], rest);
  if (kind !== 6) return undefined;
  const service = file.service?.[index];
  if (service === undefined || rest.length === 0) return service?.name;
  const method = rest[0] === 2 && rest.length === 2 ? service.method?.[rest[1] ?? 0] : undefined;
  return method === undefined ? undefined : `${service.name}.${method.name}`;
}

function inMessage(message: Message | undefined, [kind, index = 0, ...rest]: readonly number[]): string | undefined {
  if (message === undefined || kind === undefined) return message?.name;
  if (kind === 2 && rest.length === 0) return below(message, message.field?.[index]?.name);
  if (kind === 3) return below(message, inMessage(message.nestedType?.[index], rest));
  return kind === 4 ? below(message, inEnum(message.enumType?.[index], rest)) : undefined;
}

function inEnum(all: Enum | undefined, [kind, index = 0, ...rest]: readonly number[]): string | undefined {
  if (all === undefined || kind === undefined) return all?.name;
  return kind === 2 && rest.length === 0 ? below(all, all.value?.[index]?.name) : undefined;
}

function below({ name }: Named, rest: string | undefined): string | undefined {
  return rest === undefined ? undefined : `${name}.${rest}`;
}
