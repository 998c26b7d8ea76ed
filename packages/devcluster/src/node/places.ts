/** Name of the one real node. */
export const REAL_NODE = "real-1";
/** Its address. Its network is its own, so every cluster's node has this one. */
export const NODE_ADDRESS = "192.168.77.1";
/** Addresses of its pods: the end of the cluster's range, where no simulated node's are. */
export const NODE_PODS = "10.244.255.0/24";
/** Address of the Service that answers names. */
export const DNS_ADDRESS = "10.96.0.10";
/** The registry that the node pulls from: the name images have there, and where it listens, without TLS. */
export const nodeRegistry = { name: "registry.berth.local", host: NODE_ADDRESS, port: 5000 } as const;
/** Where the node asks for what is outside, if it may: a proxy for TLS and whatever else goes through a tunnel. */
export const nodeOutlet = { host: NODE_ADDRESS, port: 3128 } as const;
/** Domain of Services. */
export const DOMAIN = "cluster.local";
