import assert from "node:assert/strict";
import { test } from "node:test";

import { judgeImport } from "./judge-import.ts";

const SERVER = "packages/server/src";
const DOORS = ["audit", "clusters", "access", "charts", "releases", "operations"];
const hasDoor = (folder: string) =>
  DOORS.some((name) => folder === `${SERVER}/domain/${name}`) || folder === `${SERVER}/edges/rest`;

/** File, specifier, and a part of the complaint; empty where the import is right. */
const CASES: readonly (readonly [from: string, specifier: string, complaint: string])[] = [
  ["packages/base/src/clock.ts", "./log.ts", ""],
  ["packages/base/src/clock.ts", "node:fs", "browser"],
  ["packages/base/src/clock.ts", "@berth/contract", "does not import @berth/contract"],
  ["packages/base/src/clock.test.ts", "node:test", ""],
  ["packages/contract/src/rules.ts", "@berth/base", ""],
  ["packages/kube/src/apply.ts", "@berth/contract", "does not import @berth/contract"],
  ["packages/kube/src/apply.ts", "undici", ""],
  [`${SERVER}/domain/operations/callbacks/post.ts`, "undici", ""],
  [`${SERVER}/domain/operations/submit.ts`, "undici", "belongs to kube"],
  ["packages/kubernetes/src/apply.ts", "undici", "belongs to kube"],
  ["packages/kube/src/apply.ts", "../../base/src/clock.ts", "stays in its package"],
  ["packages/sdk/src/client.ts", "@berth/server", "does not import @berth/server"],
  ["packages/unknown/src/a.ts", "@berth/base", "no line"],
  ["packages/devcluster/src/etcd.ts", "node:child_process", ""],
  ["packages/engine-client/src/start.ts", "node:child_process", ""],
  ["packages/kube/src/apply.ts", "node:child_process", "belongs to engine-client"],
  ["packages/kube/src/apply.ts", "child_process", "belongs to engine-client"],
  ["packages/kube/src/apply.test.ts", "node:child_process", ""],
  ["packages/kube/src/apply.test.ts", "@berth/devcluster", ""],
  ["packages/kube/test/server.ts", "@berth/devcluster", ""],
  ["bench/write.ts", "node:child_process", ""],
  ["test/support/berth.ts", "../../packages/server/src/compose.ts", ""],
  ["test/support/berth.ts", "@berth/kube/src/apply.ts", "one door"],
  [`${SERVER}/compose.ts`, "@berth/devcluster", "does not import @berth/devcluster"],
  [`${SERVER}/compose.ts`, "./domain/releases/actions/install.ts", ""],
  [`${SERVER}/compose.ts`, "./domain/releases/view.ts", "one door"],
  [`${SERVER}/compose.ts`, "./edges/rest/index.ts", "compose.ts does not import edges"],
  [`${SERVER}/main.ts`, "./edges/rest/index.ts", ""],
  [`${SERVER}/main.ts`, "./edges/rest/route.ts", "one door"],
  [`${SERVER}/edges/rest/route.ts`, "@berth/kube", "An edge never imports"],
  [`${SERVER}/edges/rest/route.ts`, "@berth/contract", ""],
  [`${SERVER}/edges/rest/route.ts`, "../../domain/operations/index.ts", ""],
  [`${SERVER}/edges/rest/route.ts`, "../../domain/operations/submit.ts", "one door"],
  [`${SERVER}/edges/rest/route.ts`, "../../domain/releases/actions/run.ts", "Only compose.ts"],
  [`${SERVER}/edges/rest/route.ts`, "../../compose.ts", "edges does not import compose.ts"],
  [`${SERVER}/domain/releases/view.ts`, "../access/index.ts", ""],
  [`${SERVER}/domain/releases/view.ts`, "../command.ts", ""],
  [`${SERVER}/domain/releases/view.ts`, "../operations/index.ts", "domain/releases (5)"],
  [`${SERVER}/domain/releases/view.ts`, "../exposures/index.ts", "domain/releases (5)"],
  [`${SERVER}/domain/releases/view.ts`, "../../edges/rest/index.ts", "domain does not import edges"],
  [`${SERVER}/domain/releases/view.ts`, "../new/index.ts", "domain/new has no rank"],
  [`${SERVER}/domain/releases/view.ts`, "./actions/run.ts", "Only compose.ts"],
  [`${SERVER}/domain/releases/view.ts`, "fastify", "no wire format"],
  [`${SERVER}/domain/releases/view.ts`, "@connectrpc/connect", "no wire format"],
  [`${SERVER}/domain/releases/view.ts`, "@berth/engine-client", "only actions/"],
  [`${SERVER}/domain/releases/actions/run.ts`, "@berth/engine-client", ""],
  [`${SERVER}/domain/releases/actions/run.ts`, "@bufbuild/protobuf", "no wire format"],
  [`${SERVER}/domain/releases/actions/run.ts`, "../action.ts", ""],
  [`${SERVER}/domain/releases/actions/run.ts`, "../../charts/resolve.ts", "one door"],
  [`${SERVER}/surprise/a.ts`, "../config.ts", "no line"],
];

for (const [from, specifier, complaint] of CASES) {
  test(`${from} imports ${specifier}: ${complaint === "" ? "right" : complaint}`, () => {
    const said = judgeImport(from, specifier, hasDoor) ?? "";
    if (complaint === "") assert.equal(said, "");
    else assert.ok(said.includes(complaint), said);
  });
}
