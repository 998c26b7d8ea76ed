import { join } from "node:path";

import { writeOwn } from "../files.ts";

/** What every container of a simulated pod has printed. */
const SIMULATED_OUTPUT = "This pod is simulated by KWOK: no container runs in it.";

/** Path of the configuration by which KWOK gives logs. */
export function podLogsConfig(directory: string): string {
  return join(directory, "kwok-logs.yaml");
}

/** Writes what KWOK gives as the log of every pod, in the container runtimes' format, and where it is. */
export async function writePodLogs(directory: string): Promise<void> {
  const file = join(directory, "simulated-pod.log");
  await writeOwn(file, `2026-01-01T00:00:00.000000000Z stdout F ${SIMULATED_OUTPUT}\n`);
  const config = {
    apiVersion: "kwok.x-k8s.io/v1alpha1",
    kind: "ClusterLogs",
    metadata: { name: "simulated" },
    spec: { logs: [{ logsFile: file }] },
  };
  await writeOwn(podLogsConfig(directory), JSON.stringify(config));
}
