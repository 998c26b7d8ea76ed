import { Socket } from "node:net";

/** Calls back when the process that gave us descriptor `BERTH_PARENT_FD` is gone, however it ended. */
export function onParentGone(callback: () => void): void {
  const descriptor = Number(process.env.BERTH_PARENT_FD ?? NaN);
  // What we start has other descriptors.
  delete process.env.BERTH_PARENT_FD;
  if (!Number.isInteger(descriptor)) return;
  const pipe = new Socket({ fd: descriptor, readable: true, writable: false });
  pipe.on("error", () => undefined);
  pipe.once("close", callback);
  pipe.resume().unref();
}
