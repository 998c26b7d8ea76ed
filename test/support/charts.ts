import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Files of a chart: path inside it to content. `Chart.yaml` is made where it is missing. */
export type ChartFiles = Readonly<Record<string, string>>;

/** A directory for charts, gone at the end of its scope. */
export interface ChartDirectory extends AsyncDisposable {
  readonly path: string;
  /** Writes a chart and gives its path. */
  write(name: string, files: ChartFiles, metadata?: string): Promise<string>;
}

/** Makes a directory for charts. */
export async function makeChartDirectory(): Promise<ChartDirectory> {
  const path = await mkdtemp(join(tmpdir(), "berth-charts-"));
  return {
    path,
    async write(name, files, metadata = "version: 1.0.0") {
      const chart = { "Chart.yaml": `apiVersion: v2\nname: ${name}\n${metadata}\n`, ...files };
      for (const [file, content] of Object.entries(chart)) {
        const target = join(path, name, file);
        await mkdir(dirname(target), { recursive: true });
        await writeFile(target, content);
      }
      return join(path, name);
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** A ConfigMap template with the release's name and a value. */
export const CONFIG_MAP = `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-config
data:
  value: {{ .Values.value | default "none" | quote }}
`;

/** A Deployment whose pods the simulated nodes make ready. */
export const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-app
spec:
  replicas: {{ .Values.replicas | default 1 }}
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec:
      {{- if .Values.nowhere }}
      nodeSelector: { nowhere: "true" }
      {{- end }}
      containers: [{ name: main, image: registry.local/app:1 }]
`;

/** A Service. */
export const SERVICE = `apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}-svc
spec:
  selector: { app: {{ .Release.Name }} }
  ports: [{ port: 80, targetPort: 8080 }]
`;

/** A hook Job; it fails after a second where \`failing\` is true: its pod fits no node. */
export function hookJob(name: string, events: string, failing: boolean): string {
  return `apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-${name}
  annotations:
    helm.sh/hook: ${events}
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  backoffLimit: 0
  ${failing ? "activeDeadlineSeconds: 1" : ""}
  template:
    spec:
      restartPolicy: Never
      ${failing ? 'nodeSelector: { nowhere: "true" }' : ""}
      containers: [{ name: main, image: registry.local/hook:1 }]
`;
}
