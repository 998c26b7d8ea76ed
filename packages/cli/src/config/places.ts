import { join } from "node:path";

import type { Io } from "../io.ts";

/** Where the configuration stands: BERTH_CLI_CONFIG, or berth/config.yaml in the place that XDG names. */
export function configFile({ env, home }: Io): string {
  if (env["BERTH_CLI_CONFIG"] !== undefined && env["BERTH_CLI_CONFIG"] !== "") return env["BERTH_CLI_CONFIG"];
  // XDG: a relative path is not valid and to be ignored.
  const base = env["XDG_CONFIG_HOME"];
  return join(base?.startsWith("/") === true ? base : join(home, ".config"), "berth", "config.yaml");
}
