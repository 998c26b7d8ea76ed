import { BerthError } from "@berth/base";

import type { ChartReference } from "../command.ts";

/** An HTTP repository that the configuration names. */
export interface NamedRepository {
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
}

/** A chart with nothing left to look up: what the engine is told. */
export type ResolvedChart =
  | { readonly kind: "path"; readonly path: string; readonly digest: string }
  | {
      readonly kind: "repository";
      readonly url: string;
      readonly name: string;
      readonly version: string;
      readonly username: string;
      readonly password: string;
      readonly digest: string;
    };

/** Resolves a chart reference by the configuration's repositories. Pure. */
export function resolveChart(reference: ChartReference, policy: ChartPolicy): ResolvedChart {
  const { path = "", name = "", repository = "", digest = "" } = reference;
  if ((path === "") === (name === "")) {
    throw new BerthError("INVALID_ARGUMENT", "A chart has either a path or a name.", { field: "chart" });
  }
  if (path !== "") {
    if (!policy.allowLocal) {
      throw new BerthError("CHART_SOURCE_REFUSED", "Charts from Berth's own machine are not allowed.", {
        field: "chart.path",
      });
    }
    return { kind: "path", path, digest };
  }
  return repository === "" ? fromNamed(reference, name, policy) : fromUrl(reference, name, repository);
}

function fromUrl(reference: ChartReference, name: string, repository: string): ResolvedChart {
  const url = parseRepositoryUrl(repository);
  const username = reference.username ?? decodeURIComponent(url.username);
  const password = reference.password ?? decodeURIComponent(url.password);
  url.username = "";
  url.password = "";
  url.pathname = url.pathname.replace(/\/index\.yaml$/, "").replace(/\/+$/, "");
  return {
    kind: "repository",
    url: url.href.replace(/\/$/, ""),
    name,
    version: reference.version ?? "",
    username,
    password,
    digest: reference.digest ?? "",
  };
}

function parseRepositoryUrl(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && (url.protocol === "http:" || url.protocol === "https:")) return url;
  throw new BerthError("INVALID_ARGUMENT", "The repository is not an http or https URL.", {
    field: "chart.repository",
    hint: "Give the URL under which index.yaml lies, such as https://charts.example.com.",
  });
}

function fromNamed(reference: ChartReference, name: string, policy: ChartPolicy): ResolvedChart {
  const slash = name.indexOf("/");
  const repositoryName = slash < 0 ? "" : name.slice(0, slash);
  const chart = name.slice(slash + 1);
  if (repositoryName === "" || !Object.hasOwn(policy.repositories, repositoryName) || chart === "") {
    throw unknownRepository(repositoryName, name, policy);
  }
  const named = policy.repositories[repositoryName] as NamedRepository;
  return fromUrl(
    {
      ...reference,
      username: reference.username ?? named.username,
      password: reference.password ?? named.password,
    },
    chart,
    named.url,
  );
}

function unknownRepository(repositoryName: string, name: string, policy: ChartPolicy): BerthError {
  const known = Object.keys(policy.repositories);
  const names = known.length === 0 ? "No repository is named in the configuration." : `Named: ${known.join(", ")}.`;
  const message =
    repositoryName === ""
      ? `Chart "${name}" has no repository.`
      : `There is no repository named "${repositoryName}" in the configuration.`;
  return new BerthError("CHART_NOT_FOUND", message, {
    field: "chart.name",
    hint: `Give the repository's URL, or the name as repository/chart. ${names}`,
  });
}
