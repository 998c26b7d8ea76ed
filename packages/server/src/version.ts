import manifest from "../package.json" with { type: "json" };

/** Version of Berth, without a `v`. */
export const BERTH_VERSION = manifest.version;
