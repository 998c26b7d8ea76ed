import { BerthError } from "@berth/base";

import type { ChartReference, SourceAccess } from "../command.ts";

/** A repository, or a place in a registry, that the configuration names. */
export interface NamedRepository extends SourceAccess {
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** What charts may come from. */
export interface ChartPolicy {
  /** Repository name, as in `stable/x`, to repository. */
  readonly repositories: Readonly<Record<string, NamedRepository>>;
  /** Whether a chart may be a file or directory of Berth's machine. */
  readonly allowLocal: boolean;
  /** Keys that are trusted to sign charts. */
  readonly verification?: Verification | undefined;
}

/** OpenPGP keyring and cosign's public keys (PEM), and whether every chart has to be signed by one of them. */
export interface Verification extends Trust {
  readonly required: boolean;
}

/** Keys of which one must have signed a chart; empty where nobody asks. */
export interface Trust {
  readonly keyring: Uint8Array;
  readonly cosignKeys: Uint8Array;
}

/** Where a chart is, with nothing left to look up. */
export type ChartOrigin =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "archive"; readonly archive: Uint8Array }
  | {
      readonly kind: "repository";
      readonly url: string;
      readonly name: string;
      readonly version: string;
      readonly refresh: boolean;
    }
  | { readonly kind: "oci"; readonly reference: string; readonly version: string }
  | { readonly kind: "url"; readonly url: string };

/** A chart as the engine is told of it. */
export interface ResolvedChart {
  readonly source: ChartOrigin;
  readonly digest: string;
  readonly access: SourceAccess & { readonly username: string; readonly password: string };
  readonly trust: Trust;
  readonly provenance: Uint8Array;
}

/** Resolves a chart reference by what its name means: a ChartSource, else a repository of the configuration. Pure. */
export function resolveChart(reference: ChartReference, policy: ChartPolicy, found?: NamedRepository): ResolvedChart {
  const { provenance = NO_BYTES } = reference;
  return { ...resolvePlace(reference, policy, found), provenance, trust: trustFor(reference, policy) };
}

/** The name under which a reference may mean a ChartSource; undefined where it cannot mean one. Pure. */
export function sourceNameOf({ source, name, repository }: ChartReference): string | undefined {
  if (source !== undefined) return source;
  if (name === undefined || (repository ?? "") !== "") return undefined;
  const slash = name.indexOf("/");
  return slash > 0 ? name.slice(0, slash) : undefined;
}

const NO_BYTES = new Uint8Array();
const NOBODY: Trust = { keyring: NO_BYTES, cosignKeys: NO_BYTES };

function trustFor({ verify = false }: ChartReference, { verification }: ChartPolicy): Trust {
  if (verification === undefined && verify) {
    throw new BerthError("INVALID_ARGUMENT", "Berth has no keys to verify a chart with.", {
      field: "chart.verify",
      hint: "Name some in the configuration (verification).",
    });
  }
  return verification !== undefined && (verify || verification.required) ? verification : NOBODY;
}

type Place = Omit<ResolvedChart, "trust" | "provenance">;

function resolvePlace(reference: ChartReference, policy: ChartPolicy, found: NamedRepository | undefined): Place {
  const { path, name, url, archive, digest = "" } = reference;
  if (reference.source !== undefined || found !== undefined) return fromSource(reference, found);
  const given = [path, name, url, archive].filter((one) => one !== undefined);
  if (given.length !== 1) {
    throw new BerthError("INVALID_ARGUMENT", "A chart has one of a path, a name, a URL and an archive.", {
      field: "chart",
    });
  }
  if (path !== undefined) return { source: fromPath(path, policy), digest, access: NOTHING };
  if (archive !== undefined) return { source: { kind: "archive", archive }, digest, access: NOTHING };
  if (url !== undefined) return fromPlace(reference, url, "chart.url", toArchive(reference));
  const place = reference.repository ?? "";
  return place === "" ? fromNamed(reference, name ?? "", policy) : fromRepository(reference, name ?? "", place);
}

/** A ChartSource brings its own credentials, and shows them as it says itself: a caller's are no part of it. */
function fromSource(reference: ChartReference, found: NamedRepository | undefined): Place {
  const { source, name, repository = "", path, url: place, archive, username, password, access } = reference;
  if (name === undefined || repository !== "" || (path ?? place ?? archive) !== undefined) {
    throw new BerthError("INVALID_ARGUMENT", "A chart of a ChartSource has a name, and no other place.", {
      field: "chart.source",
      hint: "Give source and name alone.",
    });
  }
  if (found === undefined) throw unknownSource(source ?? "");
  const given = Object.entries({ username, password, access }).find(([, one]) => one !== undefined)?.[0];
  if (given !== undefined) {
    throw new BerthError("INVALID_ARGUMENT", "A ChartSource has credentials of its own.", {
      field: `chart.${given}`,
      hint: "Leave it out, or give the repository by its URL.",
    });
  }
  const { url, username: itsUser, password: itsPassword, ...itsAccess } = found;
  const chart = source === undefined ? name.slice(name.indexOf("/") + 1) : name;
  if (chart === "") throw new BerthError("CHART_NOT_FOUND", "The chart has no name.", { field: "chart.name" });
  return fromRepository({ ...reference, username: itsUser, password: itsPassword, access: itsAccess }, chart, url);
}

/** What is said of a ChartSource that is not there. */
export function unknownSource(name: string, field = "chart.source"): BerthError {
  return new BerthError("CHART_SOURCE_NOT_FOUND", `The namespace has no chart source "${name}".`, { field });
}

const NOTHING = { username: "", password: "" };

function fromPath(path: string, policy: ChartPolicy): ChartOrigin {
  if (policy.allowLocal) return { kind: "path", path };
  throw new BerthError("CHART_SOURCE_REFUSED", "Charts from Berth's own machine are not allowed.", {
    field: "chart.path",
  });
}

/** What a URL without its user means as a chart. */
type Meaning = (url: URL) => ChartOrigin;

function toArchive({ version = "" }: ChartReference): Meaning {
  return (url) => (url.protocol === "oci:" ? toOci(url, version) : { kind: "url", url: url.href });
}

function fromRepository(reference: ChartReference, name: string, place: string): Place {
  const { version = "", refresh = false } = reference;
  return fromPlace(reference, place, "chart.repository", (url) => {
    url.pathname = url.pathname.replace(/\/index\.yaml$/, "").replace(/\/+$/, "");
    if (url.protocol !== "oci:") {
      return { kind: "repository", url: url.href.replace(/\/$/, ""), name, version, refresh };
    }
    url.pathname = `${url.pathname}/${name}`;
    return toOci(url, version);
  });
}

function toOci(url: URL, version: string): ChartOrigin {
  return { kind: "oci", reference: url.href.slice("oci://".length), version };
}

/** Takes the user out of a URL; what is given beside it counts more. */
function fromPlace(reference: ChartReference, text: string, field: string, meaning: Meaning): Place {
  const url = parseUrl(text, field);
  const access = {
    ...reference.access,
    username: reference.username ?? decodeURIComponent(url.username),
    password: reference.password ?? decodeURIComponent(url.password),
  };
  url.username = "";
  url.password = "";
  return { source: meaning(url), digest: reference.digest ?? "", access };
}

function parseUrl(text: string, field: string): URL {
  const url = URL.parse(text);
  if (url !== null && url.host !== "" && ["http:", "https:", "oci:"].includes(url.protocol)) return url;
  const what = field === "chart.url" ? "chart's URL" : "repository";
  throw new BerthError("INVALID_ARGUMENT", `The ${what} is not an http, https or oci URL.`, {
    field,
    hint:
      field === "chart.url"
        ? "Give the URL of a .tgz, or oci://registry/repository."
        : "Give the URL under which index.yaml lies, such as https://charts.example.com, or oci://registry/path.",
  });
}

function fromNamed(reference: ChartReference, name: string, policy: ChartPolicy): Place {
  const slash = name.indexOf("/");
  const repositoryName = slash < 0 ? "" : name.slice(0, slash);
  const chart = name.slice(slash + 1);
  if (repositoryName === "" || !Object.hasOwn(policy.repositories, repositoryName) || chart === "") {
    throw unknownRepository(repositoryName, name, policy);
  }
  const { url, ...configured } = policy.repositories[repositoryName] as NamedRepository;
  return fromRepository({ ...reference, ...accessOf(reference, configured) }, chart, url);
}

/**
 * The configuration's credentials are shown only as the configuration says: a
 * caller who brings anything of that kind is read with the caller's alone.
 */
function accessOf(reference: ChartReference, configured: Omit<NamedRepository, "url">) {
  const { username, password, access } = reference;
  const { username: itsUser, password: itsPassword, ...itsAccess } = configured;
  const isOwn = [username, password, access].some((one) => one !== undefined);
  if (!isOwn) return { username: itsUser, password: itsPassword, access: itsAccess };
  const { certificateAuthority, insecureSkipTlsVerify, plainHttp } = itsAccess;
  return { username, password, access: access ?? { certificateAuthority, insecureSkipTlsVerify, plainHttp } };
}

function unknownRepository(repositoryName: string, name: string, policy: ChartPolicy): BerthError {
  const known = Object.keys(policy.repositories);
  const names = known.length === 0 ? "No repository is named in the configuration." : `The configuration names ${known.join(", ")}.`;
  const message =
    repositoryName === ""
      ? `Chart "${name}" has no repository.`
      : `There is no chart source and no repository named "${repositoryName}".`;
  return new BerthError("CHART_NOT_FOUND", message, {
    field: "chart.name",
    hint: `Give the repository's URL, or the name as repository/chart. ${names}`,
  });
}
