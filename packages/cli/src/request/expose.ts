import { exposure } from "@berth/sdk";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Command } from "commander";

import { CliError } from "../errors.ts";
import { collect } from "./values.ts";

/** What a command line says of ports that come with a release. */
export interface ExposeOptions {
  readonly expose?: readonly string[];
}

type ExposePort = MessageInitShape<typeof exposure.ExposePortSchema>;

const HINT = "Such as web:80, dns:53/udp or mqtt:1883,pool=edge,external-port=20001,delete-with-release.";

/** Adds `--expose`. */
export function addExposeOption(command: Command): Command {
  return command.option(
    "--expose <service:port[,…]>",
    "expose a port of a Service, such as web:80 or dns:53/udp,pool=edge; behind commas: protocol=, pool=, address=, external-port=, reservation=, name=, delete-with-release",
    collect,
  );
}

/** Reads what --expose says: SERVICE:PORT[/PROTOCOL], and settings behind commas. */
export function toExpose({ expose = [] }: ExposeOptions): ExposePort[] {
  return expose.map((text) => {
    const [head = "", ...settings] = text.split(",");
    const [, service, port, protocol] = /^([^:/]+):([^:/]+)(?:\/(.+))?$/.exec(head) ?? [];
    if (service === undefined || port === undefined) throw new CliError(`"${text}" names no port of a Service.`, HINT);
    const start = { service, ...toServicePort(port), protocols: toProtocols(protocol) };
    return settings.reduce<ExposePort>((one, setting) => ({ ...one, ...toSetting(setting) }), start);
  });
}

function toSetting(setting: string): ExposePort {
  const [key = "", value = ""] = setting.split(/=(.*)/s);
  switch (key) {
    case "pool":
    case "address":
    case "reservation":
    case "name":
      return { [key]: value };
    case "protocol":
      return { protocols: toProtocols(value) };
    case "external-port":
      if (!/^\d{1,5}$/.test(value)) throw new CliError(`"${value}" is no port.`, HINT);
      return { port: Number(value) };
    case "delete-with-release":
      return { deleteWithRelease: value !== "false" };
    default:
      throw new CliError(`--expose knows no "${key}".`, HINT);
  }
}

/** A port of a Service, by its number or its name. */
export function toServicePort(port: string): Pick<ExposePort, "servicePort"> | Pick<ExposePort, "servicePortName"> {
  return /^\d+$/.test(port) ? { servicePort: Number(port) } : { servicePortName: port };
}

/** Protocols with a comma or a plus between them. */
export function toProtocols(text = "tcp"): exposure.Protocol[] {
  return text.split(/[,+]/).map((word) => {
    const protocol = { tcp: exposure.Protocol.TCP, udp: exposure.Protocol.UDP }[word.toLowerCase()];
    if (protocol === undefined) throw new CliError(`There is no protocol "${word}".`, "tcp, udp, or tcp+udp.");
    return protocol;
  });
}
