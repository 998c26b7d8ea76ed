import { readFileSync } from "node:fs";

import { BerthError } from "@berth/base";
import { z } from "zod";

/** Keys that are trusted to sign charts, and whether every chart has to be signed. */
export const verificationSchema = z
  .strictObject({
    keyringFile: z.string().min(1).optional(),
    cosignKeyFile: z.string().min(1).optional(),
    required: z.boolean().default(true),
  })
  .refine(({ keyringFile, cosignKeyFile }) => keyringFile !== undefined || cosignKeyFile !== undefined, {
    message: "names neither a keyringFile nor a cosignKeyFile",
  });

/** Reads the keys that are trusted. INVALID_ARGUMENT names the file that cannot be read. */
export function readVerification({ keyringFile, cosignKeyFile, required }: z.infer<typeof verificationSchema>) {
  return {
    keyring: readKeys("keyringFile", keyringFile),
    cosignKeys: readKeys("cosignKeyFile", cosignKeyFile),
    required,
  };
}

function readKeys(name: string, path: string | undefined): Uint8Array {
  if (path === undefined) return new Uint8Array();
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw new BerthError("INVALID_ARGUMENT", `Configuration (file): verification.${name} cannot be read.`, {
      field: `verification.${name}`,
      hint: "Give the path of a file with public keys.",
      cause: error,
    });
  }
}
