import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { UNSETTLED, failed, succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, hookJob } from "./support/charts.ts";
import { sendForEvents } from "./support/events.ts";

let berth: TestBerth;

before(async () => {
  berth = await startTestBerth();
});
after(() => berth[Symbol.asyncDispose]());

const options = { timeout: "20s" };

/** A chart with one hook that fails at the events named, and one that does not. */
function chartWith(name: string, failing: string): Promise<string> {
  const files: Record<string, string> = { "templates/config.yaml": CONFIG_MAP };
  if (failing !== "") files["templates/failing.yaml"] = hookJob("failing", failing, true);
  return berth.charts.write(name, files);
}

async function nothingPending(name: string): Promise<ReleaseAnswer | undefined> {
  const answer = await berth.request<ReleaseAnswer>("GET", `${berth.releases}/${name}`);
  if (answer.status === 404) return undefined;
  assert.doesNotMatch(answer.body.status, UNSETTLED);
  const revisions = await berth.helmJson<{ status: string }[]>("history", name);
  for (const { status } of revisions) assert.doesNotMatch(status, UNSETTLED);
  return answer.body;
}

test("hooks run before and after an install", async () => {
  const chart = await berth.charts.write("hooked", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/before.yaml": hookJob("before", "pre-install", false),
    "templates/after.yaml": hookJob("after", "post-install", false),
  });
  succeeded(
    await berth.request<OperationAnswer>("POST", berth.releases, { name: "hooked", chart: { path: chart }, options }),
  );
  const { body } = await berth.request<{ hooks: { name: string; last_phase: string }[] }>(
    "GET",
    `${berth.releases}/hooked/hooks`,
  );
  assert.deepEqual(body.hooks.map(({ name, last_phase }) => [name, last_phase]).sort(), [
    ["hooked-after", "Succeeded"],
    ["hooked-before", "Succeeded"],
  ]);
});

test("what a hook prints is in the events, also of one that ends at once or fails", async () => {
  for (const [name, failing] of [
    ["printing", false],
    ["failing-print", true],
  ] as const) {
    const chart = await berth.charts.write(name, {
      "templates/config.yaml": CONFIG_MAP,
      "templates/hook.yaml": hookJob("hook", "pre-install", false).replace(
        "    spec:\n      restartPolicy",
        `${failing ? '    metadata: { annotations: { devcluster.berth.dev/fail: "" } }\n' : ""}    spec:\n      restartPolicy`,
      ),
    });
    const logs: Record<string, unknown>[] = [];
    const url = `${berth.url}${berth.releases}`;
    for await (const event of sendForEvents(url, "POST", { name, chart: { path: chart }, options })) {
      if (event.event === "log") logs.push(event.data);
    }
    assert.equal(logs.length, 1, JSON.stringify(logs));
    assert.match(JSON.stringify(logs[0]), new RegExp(`${name}-hook.*simulated by KWOK`, "s"));
  }
});

for (const event of ["pre-install", "post-install"]) {
  test(`a failing ${event} hook fails the install and names the hook`, async () => {
    const name = `fail-${event}`;
    const chart = await chartWith(name, event);
    const error = failed(
      await berth.request<OperationAnswer>("POST", berth.releases, { name, chart: { path: chart }, options }),
      "HOOK_FAILED",
    );
    assert.equal(error.object?.name, `${name}-failing`);
    assert.equal((await nothingPending(name))?.status, "failed");
  });
}

test("a failing hook at upgrade, rollback and delete leaves nothing pending", async () => {
  const good = await chartWith("good", "");
  const name = "turns";
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { name, chart: { path: good }, options }));

  const badUpgrade = await chartWith("bad-upgrade", "pre-upgrade,pre-rollback");
  failed(
    await berth.request<OperationAnswer>("PUT", `${berth.releases}/${name}`, { chart: { path: badUpgrade }, options }),
    "HOOK_FAILED",
  );
  assert.equal((await nothingPending(name))?.status, "failed");

  succeeded(
    await berth.request<OperationAnswer>("PUT", `${berth.releases}/${name}`, {
      chart: { path: badUpgrade },
      options: { ...options, disable_hooks: true },
    }),
  );
  failed(
    await berth.request<OperationAnswer>("POST", `${berth.releases}/${name}:rollback`, { revision: 3, options }),
    "HOOK_FAILED",
  );
  assert.equal((await nothingPending(name))?.status, "failed");

  const badDelete = await chartWith("bad-delete", "pre-delete");
  succeeded(
    await berth.request<OperationAnswer>("PUT", `${berth.releases}/${name}`, { chart: { path: badDelete }, options }),
  );
  failed(
    await berth.request<OperationAnswer>("DELETE", `${berth.releases}/${name}?options.timeout=20s`),
    "HOOK_FAILED",
  );
  assert.notEqual(await nothingPending(name), undefined);
  succeeded(await berth.request<OperationAnswer>("DELETE", `${berth.releases}/${name}?options.disable_hooks=true`));
  assert.deepEqual(await berth.helmJson("list", "--filter", name), []);
});

test("test hooks run, and a failing one is named", async () => {
  const chart = await berth.charts.write("tested", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/good.yaml": hookJob("good", "test", false),
    "templates/bad.yaml": hookJob("bad", "test", true),
  });
  succeeded(
    await berth.request<OperationAnswer>("POST", berth.releases, { name: "tested", chart: { path: chart }, options }),
  );
  succeeded(
    await berth.request<OperationAnswer>("POST", `${berth.releases}/tested:test`, {
      timeout: "20s",
      names: ["tested-good"],
    }),
  );
  const error = failed(
    await berth.request<OperationAnswer>("POST", `${berth.releases}/tested:test`, { timeout: "20s" }),
    "TEST_FAILED",
  );
  assert.equal(error.object?.name, "tested-bad");
});
