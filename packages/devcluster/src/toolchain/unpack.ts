import { basename, dirname } from "node:path";

import { extract } from "tar";

import { SetupError } from "../setup-error.ts";

/** Unpacks one regular file of a `.tar.gz` file, and nothing else of it, beside the archive under its own name. */
export async function unpackMember(archive: string, member: string): Promise<void> {
  let found = false;
  await extract({
    file: archive,
    cwd: dirname(archive),
    strict: true,
    strip: member.split("/").length - 1,
    filter: (path, entry) => {
      const wanted = path === member && "type" in entry && entry.type === "File";
      found ||= wanted;
      return wanted;
    },
  });
  if (found) return;
  throw new SetupError(
    `${basename(archive)} holds no program ${member}.`,
    "Set BERTH_TOOLCHAIN=build to build from source instead.",
  );
}
