/** Gives the path of the pinned Node, and installs it where it is not there yet. */
export function ensurePinnedNode(): Promise<string>;

/**
 * Gives the path of the pinned Node as it came from its package, whatever Node runs: what goes into an image is the
 * same on each machine.
 */
export function packagedNode(): Promise<{ readonly binary: string; readonly version: string }>;
