import { versions } from "../toolchain/versions.ts";

/** Images that a real node has from the start, made here from Kubernetes' own sources. */
export const nodeImages = {
  /** What holds a pod's namespaces. */
  pause: `registry.k8s.io/pause:v${versions.kubernetes}`,
  /**
   * Kubernetes' image for tests by its own name: HTTP, TCP and UDP servers, clients, ways to fail. Only the program
   * `/agnhost` is in it, no shell.
   */
  agnhost: `registry.k8s.io/e2e-test-images/agnhost:${versions.agnhost}`,
} as const;

/** Images of Envoy Gateway and of the proxy it runs, by their own names: made here, from its module and Envoy's wheel. */
export const gatewayImages = {
  envoyGateway: `docker.io/envoyproxy/gateway:v${versions.envoyGateway}`,
  envoy: `docker.io/envoyproxy/envoy:distroless-v${versions.envoy}`,
} as const;
