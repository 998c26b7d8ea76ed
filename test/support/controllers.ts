import type { TestBerth } from "./berth.ts";

/** An ingress controller as its chart makes it: a Service with an address, and a Deployment that names its ConfigMap. */
export async function makeController(
  berth: TestBerth,
  controller: { readonly namespace: string; readonly release: string; readonly name: string; readonly ip: string },
): Promise<void> {
  const { namespace, release, name, ip } = controller;
  const labels = { appingress: "iot", release };
  const path = `/api/v1/namespaces/${namespace}/services`;
  const ports = [{ name: "http", port: 80 }];
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, labels },
    spec: { type: "LoadBalancer", ports },
  };
  await berth.kube.request({ method: "POST", path, body: service });
  const status = { loadBalancer: { ingress: [{ ip }] } };
  const contentType = "application/merge-patch+json";
  await berth.kube.request({ method: "PATCH", path: `${path}/${name}/status`, contentType, body: { status } });
  const args = ["/nginx-ingress-controller", `--tcp-services-configmap=$(POD_NAMESPACE)/${release}-tcp`];
  const match = { app: release };
  const template = { metadata: { labels: match }, spec: { containers: [{ name: "main", image: "x", args }] } };
  const spec = { selector: { matchLabels: match }, template };
  const body = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: release, labels }, spec };
  await berth.kube.request({ method: "POST", path: `/apis/apps/v1/namespaces/${namespace}/deployments`, body });
}
