import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import { outcomeOf } from "./check.ts";
import type { Check } from "./check.ts";
import { goEnvironment, runCommand } from "./command.ts";
import { filesUnder } from "./files.ts";
import { isAllowed, recogniseLicence } from "./licences.ts";

interface LockedPackage {
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly license?: string;
  readonly resolved?: string;
}

/** Every npm package that ships has a licence of the list. */
export const npmLicences: Check = {
  name: "npm-licences",
  async run(root) {
    const shipped = (await readLock(root)).filter(([path, { dev, link }]) => path !== "" && !dev && !link);
    const wrong = shipped.filter(([, { license }]) => !isAllowed(license ?? ""));
    return outcomeOf(wrong.map(([path, { license }]) => `${path}: ${license ?? "no licence given"}`));
  },
};

/** Every Go module that the engine is built of has a licence of the list. */
export const goLicences: Check = {
  name: "go-licences",
  async run(root) {
    const format = "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}{{end}}{{end}}";
    const args = ["list", "-deps", "-f", format, "./engine/cmd/..."];
    const { code, stdout, stderr } = await runCommand("go", args, {
      cwd: root,
      env: goEnvironment(join(root, "go.work")),
    });
    if (code !== 0) return { state: "failed", text: stderr };
    const modules = [...new Set(stdout.split("\n"))].filter((line) => line !== "");
    return outcomeOf((await Promise.all(modules.map(judgeModule))).flat());
  },
};

/** The lockfile names no registry and no mirror: whoever installs uses their own. */
export const lockfile: Check = {
  name: "lockfile",
  async run(root) {
    const named = (await readLock(root)).filter(([, { resolved }]) => resolved?.includes("://"));
    return outcomeOf(named.map(([path, { resolved }]) => `${path} names ${resolved ?? ""}`));
  },
};

/** No known hole in what ships. Needs a registry that answers audits. */
export const audit: Check = {
  name: "audit",
  async run(root) {
    const { code, stdout, stderr } = await runCommand("npm", ["audit", "--omit=dev", "--json"], { cwd: root });
    if (code === 0) return { state: "passed" };
    if (stdout.includes('"vulnerabilities"')) return { state: "failed", text: stdout };
    const reason = /audit (?<reason>\d{3} .*?)(?: - .*)?$/m.exec(stderr)?.groups?.["reason"];
    return { state: "not run", text: `the registry answers no audit (${reason ?? "no answer"})` };
  },
};

/** Every package of every lockfile of the tree. */
async function readLock(root: string): Promise<[string, LockedPackage][]> {
  const files = ["package-lock.json", ...(await filesUnder(root, "tools", "package-lock.json"))];
  const locks = files.map(async (file) => {
    const lock = JSON.parse(await readFile(join(root, file), "utf8")) as { packages: Record<string, LockedPackage> };
    return Object.entries(lock.packages);
  });
  return (await Promise.all(locks)).flat();
}

async function judgeModule(line: string): Promise<string[]> {
  const [module = "", folder = ""] = line.split("\t");
  const names = (await readdir(folder)).filter((name) => /^(licen[cs]e|copying|unlicense)/i.test(name));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  const known = texts.map(recogniseLicence).filter((licence) => licence !== undefined);
  if (known.length === 0) return [`${module}: no licence that is known by its text`];
  return known.filter((licence) => !isAllowed(licence)).map((licence) => `${module}: ${licence}`);
}
