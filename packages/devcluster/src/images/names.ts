import { versions } from "../toolchain/versions.ts";

/** Images that a real node has from the start. No registry has this name: nothing is ever pulled for them. */
export const nodeImages = {
  /** What holds a pod's namespaces. */
  pause: `registry.local/pause:v${versions.kubernetes}`,
  /** Kubernetes' own image for tests: HTTP, TCP and UDP servers, clients, ways to fail. */
  agnhost: `registry.local/agnhost:v${versions.kubernetes}`,
} as const;
