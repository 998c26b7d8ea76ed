import {
  BROWSER_PACKAGES,
  DOMAIN_RANKS,
  NOT_IN_DOMAIN,
  NOT_IN_EDGES,
  ONLY_IN_ACTIONS,
  OWNED_MODULES,
  PACKAGES,
  SERVER_ZONES,
} from "./layers.ts";
import { foldersOf, placeOf, resolveImport, top } from "./place.ts";
import type { Place } from "./place.ts";

/** Says whether a folder, relative to the root, has an `index.ts`. */
export type HasDoor = (folder: string) => boolean;

/**
 * Judges one import by the layers: the file it stands in, relative to the root,
 * and its specifier. Gives what is wrong with it, or undefined where it is right.
 */
export function judgeImport(from: string, specifier: string, hasDoor: HasDoor): string | undefined {
  const place = placeOf(from);
  const isDeep = /^@berth\/[^/]+\//.test(specifier);
  if (isDeep) return `Import ${specifier.split("/").slice(0, 2).join("/")}: a package has one door.`;
  if (place.package === "") return undefined;
  const owned = OWNED_MODULES[specifier.replace(/^child_process$/, "node:child_process")];
  const isOwner = (owner: string) => `${place.path}/`.startsWith(`packages/${owner}/`);
  if (owned !== undefined && !owned.some(isOwner) && !place.isFree) {
    return `${specifier} belongs to ${owned.join(" and ")}.`;
  }
  if (place.isFree) return undefined;
  return specifier.startsWith(".") ? judgeRelative(place, specifier, hasDoor) : judgeModule(place, specifier);
}

function judgeModule(place: Place, specifier: string): string | undefined {
  if (specifier.startsWith("@berth/")) {
    const name = specifier.slice("@berth/".length);
    const allowed = PACKAGES[place.package];
    if (allowed === undefined) return `packages/${place.package} has no line in tools/lint/layers.ts.`;
    if (!allowed.includes(name)) return `packages/${place.package} does not import @berth/${name}.`;
  }
  if (specifier.startsWith("node:") && BROWSER_PACKAGES.includes(place.package)) {
    return `packages/${place.package} runs in the browser too: it imports no module of Node's.`;
  }
  return place.package === "server" ? judgeServerModule(place, specifier) : undefined;
}

function judgeServerModule(place: Place, specifier: string): string | undefined {
  const zone = top(place.inner);
  if (zone === "edges" && NOT_IN_EDGES.includes(specifier)) {
    return `An edge never imports ${specifier}: submit a command or ask a view.`;
  }
  if (zone !== "domain") return undefined;
  if (NOT_IN_DOMAIN.some((name) => specifier === name || (name.endsWith("/") && specifier.startsWith(name)))) {
    return `The domain knows no wire format: ${specifier} belongs into an edge.`;
  }
  if (ONLY_IN_ACTIONS.includes(specifier) && !isAction(place.path)) {
    return `In the domain, only actions/ imports ${specifier}.`;
  }
  return undefined;
}

function judgeRelative(place: Place, specifier: string, hasDoor: HasDoor): string | undefined {
  const target = placeOf(resolveImport(place.path, specifier));
  if (target.package !== place.package) return "A relative import stays in its package.";
  const zones = place.package === "server" ? judgeZone(place, target) : undefined;
  return zones ?? judgeDoor(place, target, hasDoor);
}

function judgeZone(place: Place, target: Place): string | undefined {
  if (isAction(target.path) && !isAction(place.path) && place.inner !== "compose.ts") {
    return "Only compose.ts imports actions.";
  }
  const zone = top(place.inner);
  const allowed = SERVER_ZONES[zone];
  if (allowed === undefined) return `${place.path} has no line in tools/lint/layers.ts.`;
  if (!allowed.includes(top(target.inner))) return `${zone} does not import ${top(target.inner)}.`;
  if (zone !== "domain") return undefined;
  const [mine, theirs] = [domainFolder(place), domainFolder(target)];
  if (mine === theirs) return undefined;
  const [rank, other] = [DOMAIN_RANKS[mine], DOMAIN_RANKS[theirs]];
  if (rank === undefined || other === undefined) return `domain/${rank === undefined ? mine : theirs} has no rank.`;
  return other < rank
    ? undefined
    : `domain/${mine} (${String(rank)}) does not import domain/${theirs} (${String(other)}).`;
}

/** A folder with an `index.ts` is entered through it. */
function judgeDoor(place: Place, target: Place, hasDoor: HasDoor): string | undefined {
  if (isAction(target.path)) return undefined;
  const own = foldersOf(place.path);
  const closed = foldersOf(target.path).find((folder) => !own.includes(folder) && hasDoor(folder));
  if (closed === undefined || target.path === `${closed}/index.ts`) return undefined;
  return `Import ${closed}/index.ts: a folder has one door.`;
}

function domainFolder(place: Place): string {
  return place.inner.split("/")[1] ?? "";
}

function isAction(path: string): boolean {
  return /^packages\/server\/src\/domain\/[^/]+\/actions\//.test(path);
}
