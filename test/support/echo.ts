import { get } from "node:http";

import { nodeImages } from "@berth/devcluster";

import { eventually } from "./exposures.ts";

/** A chart's template: a pod that says its name by TCP (as HTTP) and UDP on port 7000 of its Service. */
export const ECHO = `apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }} }
spec:
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: main
          image: ${nodeImages.agnhost}
          args: [netexec, --http-port=8080, --udp-port=8080]
          readinessProbe: { httpGet: { path: /healthz, port: 8080 }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: {{ .Release.Name }} }
spec:
  selector: { app: {{ .Release.Name }} }
  ports:
    - { name: tcp, port: 7000, targetPort: 8080 }
    - { name: udp, port: 7000, targetPort: 8080, protocol: UDP }
`;

/** Asks a port of the loopback address for a name, over a connection of its own. */
export async function askName(port: number, timeout = 2_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", port, path: "/hostname", agent: false, timeout }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => resolve(text));
    });
    request.on("timeout", () => request.destroy(new Error("It does not answer.")));
    request.on("error", reject);
  });
}

/** Waits until a port answers as it is to: a data plane that was told listens a moment later. */
export async function untilAnswers(port: number, wanted: RegExp): Promise<void> {
  await eventually(`port ${String(port)} answers ${String(wanted)}`, async () => {
    const answer = await askName(port).catch(() => "");
    return wanted.test(answer) ? true : undefined;
  });
}

/** True once nothing answers on a new connection. */
export function isRefused(port: number): Promise<true | undefined> {
  return askName(port).then(
    () => undefined,
    () => true,
  );
}
